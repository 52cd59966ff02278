#include <algorithm>
#include <utility>

#include <nemcon/client.hpp>

#include "client/connection.hpp"
#include "client/convert.hpp"
#include "client/delivery.hpp"
#include "client/headers.hpp"
#include "client/transaction.hpp"

namespace nemcon {
inline namespace v0 {

class Client::Impl {
 public:
  explicit Impl(ClientOptions options)
      : connection(std::make_shared<client::Connection>(std::move(options))) {
    connection->start();
  }

  ~Impl() { connection->close(); }

  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  [[nodiscard]] core::Instant deadline(std::chrono::milliseconds asked) const {
    return client::now() + connection->deadline_or_default(asked);
  }

  [[nodiscard]] core::Report inspect(core::Topic topic, const core::TransactionId& id,
                                     std::chrono::milliseconds patience) const {
    return connection->inspect({.request = 0, .topic = topic, .id = id}, deadline(patience)).get();
  }

  const std::shared_ptr<client::Connection> connection;
};

Client::Client(ClientOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}

Client::~Client() = default;
Client::Client(Client&& other) noexcept = default;
Client& Client::operator=(Client&& other) noexcept = default;

// ---- sending ----------------------------------------------------------------------------------

Outcome Client::send(std::string_view queue, Message message, TransactionOptions options) {
  Outcome outcome = send_async(queue, std::move(message), options).get();
  const std::string what = "send to " + std::string{queue} + ": " + outcome.text;
  switch (outcome.state) {
    case State::committed:
      break;
    case State::rolled_back:
      throw Error{outcome.retryable ? ErrorClass::retryable : ErrorClass::rolled_back,
                  outcome.reason, what, outcome.id};
    case State::unknown:
      throw Error{ErrorClass::unknown, outcome.reason, what, outcome.id};
  }
  return outcome;
}

std::future<Outcome> Client::send_async(std::string_view queue, Message message,
                                        TransactionOptions options) {
  return begin(options).send(queue, std::move(message)).commit_async();
}

void Client::send_async(std::string_view queue, Message message, OutcomeCallback callback,
                        TransactionOptions options) {
  begin(options).send(queue, std::move(message)).commit_async(std::move(callback));
}

Transaction Client::begin(TransactionOptions options) {
  return Transaction{std::make_unique<Transaction::Impl>(impl_->connection, options)};
}

Outcome Client::outcome(const TransactionId& id, std::chrono::milliseconds deadline) {
  return outcome_async(id, deadline).get();
}

std::future<Outcome> Client::outcome_async(const TransactionId& id,
                                           std::chrono::milliseconds deadline) {
  std::promise<Outcome> promise;
  std::future<Outcome> future = promise.get_future();
  impl_->connection->await(client::to_core(id), impl_->deadline(deadline),
                           client::Completion{std::move(promise)});
  return future;
}

bool Client::drain(std::chrono::milliseconds patience) {
  return impl_->connection->drain(client::now() + patience);
}

// ---- receiving --------------------------------------------------------------------------------

Consumer Client::consume(std::string_view queue, ConsumeOptions options) {
  if (queue.empty()) throw std::invalid_argument("consume: the queue has no name");
  if (options.credit == 0) throw std::invalid_argument("consume: a credit of zero gets nothing");
  auto inbox = std::make_shared<client::Inbox>(std::string{queue}, options);
  impl_->connection->subscribe(inbox);
  return Consumer{std::make_shared<Consumer::Impl>(impl_->connection, std::move(inbox))};
}

// ---- taking part ------------------------------------------------------------------------------

bool Client::serve(std::string_view name, Service service, ServeOptions options) {
  return serve_async(name, std::move(service), options).get();
}

std::future<bool> Client::serve_async(std::string_view name, Service service,
                                      ServeOptions options) {
  return impl_->connection->serve(std::string{name}, std::move(service), options.threads,
                                  impl_->deadline(options.deadline));
}

void Client::unserve(std::string_view name) {
  impl_->connection->unserve(std::string{name});
}

// ---- looking ----------------------------------------------------------------------------------

MeshStatus Client::status(std::chrono::milliseconds deadline) {
  const core::Report report = impl_->inspect(core::Topic::status, {}, deadline);
  MeshStatus status;
  for (const auto& node : report.nodes)
    status.nodes.push_back(client::to_public(node));
  for (const auto& queue : report.queues)
    status.queues.push_back(client::to_public(queue));
  for (const auto& count : report.counts)
    status.counts.emplace(count.name, count.value);
  return status;
}

std::vector<QueueStatus> Client::queues(std::chrono::milliseconds deadline) {
  const core::Report report = impl_->inspect(core::Topic::queues, {}, deadline);
  std::vector<QueueStatus> queues;
  for (const auto& queue : report.queues)
    queues.push_back(client::to_public(queue));
  return queues;
}

std::vector<TransactionStatus> Client::transactions(bool in_doubt_only,
                                                    std::chrono::milliseconds deadline) {
  const core::Topic topic = in_doubt_only ? core::Topic::in_doubt : core::Topic::transactions;
  const core::Report report = impl_->inspect(topic, {}, deadline);
  std::vector<TransactionStatus> transactions;
  for (const auto& transaction : report.transactions) {
    transactions.push_back(client::to_public(transaction));
  }
  return transactions;
}

std::optional<TransactionStatus> Client::transaction(const TransactionId& id,
                                                     std::chrono::milliseconds deadline) {
  const core::Report report =
      impl_->inspect(core::Topic::transaction, client::to_core(id), deadline);
  if (report.transactions.empty()) return std::nullopt;
  return client::to_public(report.transactions.front());
}

std::string Client::connected_node(std::chrono::milliseconds deadline) {
  const core::Report report = impl_->inspect(core::Topic::status, {}, deadline);
  const auto self = std::find_if(report.nodes.begin(), report.nodes.end(),
                                 [](const core::NodeReport& node) { return node.self; });
  return self == report.nodes.end() ? std::string{} : self->name;
}

}  // namespace v0
}  // namespace nemcon
