#include "client/transaction.hpp"

#include <algorithm>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include <nemcon/error.hpp>
#include <nemcon/transaction.hpp>

#include "client/delivery.hpp"
#include "client/headers.hpp"

namespace nemcon {
inline namespace v0 {

namespace {

core::Part part_of(core::OperationKind kind, std::string_view target) {
  if (target.empty()) throw std::invalid_argument("the queue or service has no name");
  core::Part part;
  part.kind = kind;
  part.target = target;
  return part;
}

}  // namespace

void Transaction::Impl::add(core::Part part) {
  if (is_committing) throw std::logic_error("a transaction takes no more parts after commit()");
  const std::uint64_t bytes = part.content.byte_count();
  work.byte_count += bytes;
  work.largest_part = std::max(work.largest_part, bytes);
  work.parts.push_back(std::move(part));
}

core::Instant Transaction::Impl::deadline() const {
  return client::now() + connection->deadline_or_default(options.deadline);
}

// The node gets less than the application gave, so that its answer comes in time.
std::uint32_t Transaction::Impl::deadline_for_votes() const {
  using std::chrono::milliseconds;
  if (options.deadline.count() <= 0) return 0;
  const milliseconds margin =
      std::clamp(options.deadline / 5, milliseconds{1}, milliseconds{1'000});
  return static_cast<std::uint32_t>(std::max(milliseconds{1}, options.deadline - margin).count());
}

void Transaction::Impl::commit(client::Completion completion) {
  if (work.parts.empty() && !is_committing) {
    throw std::logic_error("commit() of a transaction without parts");
  }
  if (is_committing) {
    // Again, after `unknown`: under the same id.
    if (!id) throw std::logic_error("commit() again is only for an outcome that was unknown");
    connection->await(*id, deadline(), std::move(completion));
    return;
  }
  is_committing = true;
  work.deadline_ms = deadline_for_votes();
  connection->submit(std::move(work), id, deadline(), std::move(completion));
}

Transaction::Transaction(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Transaction::Transaction(Transaction&& other) noexcept = default;
Transaction& Transaction::operator=(Transaction&& other) noexcept = default;
Transaction::~Transaction() = default;

Transaction::Impl::~Impl() {
  if (id && !is_committing) connection->release(*id);
}

Transaction& Transaction::send(std::string_view queue, Message message) {
  core::Part part = part_of(core::OperationKind::deliver, queue);
  part.content = client::to_content(std::move(message));
  impl_->add(std::move(part));
  return *this;
}

Transaction& Transaction::ack(const Delivery& delivery) {
  const client::Arrived& arrived = delivery.impl_->arrived;
  core::Part part = part_of(core::OperationKind::consume, arrived.target);
  part.token = arrived.token;
  impl_->add(std::move(part));
  return *this;
}

Transaction& Transaction::call(std::string_view service, Message request) {
  core::Part part = part_of(core::OperationKind::call, service);
  part.content = client::to_content(std::move(request));
  impl_->add(std::move(part));
  return *this;
}

Transaction& Transaction::check(std::string_view queue, std::uint64_t message_count_max) {
  core::Part part = part_of(core::OperationKind::check, queue);
  part.limit = message_count_max;
  impl_->add(std::move(part));
  return *this;
}

TransactionId Transaction::id() {
  if (!impl_->id) {
    if (impl_->is_committing) {
      throw std::logic_error("id() after commit(): the outcome carries it");
    }
    impl_->id = impl_->connection->reserve(impl_->deadline());
  }
  return client::to_public(*impl_->id);
}

Outcome Transaction::commit() {
  std::promise<Outcome> promise;
  std::future<Outcome> future = promise.get_future();
  impl_->commit(client::Completion{std::move(promise)});
  Outcome outcome = future.get();
  impl_->id = client::to_core(outcome.id);
  return outcome;
}

std::future<Outcome> Transaction::commit_async() {
  std::promise<Outcome> promise;
  std::future<Outcome> future = promise.get_future();
  impl_->commit(client::Completion{std::move(promise)});
  return future;
}

void Transaction::commit_async(OutcomeCallback callback) {
  impl_->commit(client::Completion{std::move(callback)});
}

}  // namespace v0
}  // namespace nemcon
