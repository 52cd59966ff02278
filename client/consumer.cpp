#include <utility>

#include <nemcon/consumer.hpp>

#include "client/delivery.hpp"

namespace nemcon {
inline namespace v0 {

// ---- Delivery ---------------------------------------------------------------------------------

Delivery::Impl::~Impl() {
  return_credit();
}

void Delivery::Impl::return_credit() {
  if (!std::exchange(has_credit_, false)) return;
  const std::uint32_t credit = inbox->return_credit(arrived.subscription);
  if (credit > 0) connection->add_credit(arrived.subscription, credit);
}

std::future<bool> Delivery::Impl::settle(core::Settlement how, std::chrono::milliseconds delay,
                                         std::string_view text) {
  std::future<bool> settled =
      connection->settle({.how = how,
                          .delay_ms = static_cast<std::uint32_t>(delay.count()),
                          .text = std::string{text},
                          .link = arrived.link},
                         arrived.token);
  if (how == core::Settlement::extend) {
    arrived.lease_end = std::chrono::steady_clock::now() + delay;
  } else {
    return_credit();
  }
  return settled;
}

Delivery::Delivery(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Delivery::Delivery(Delivery&& other) noexcept = default;
Delivery& Delivery::operator=(Delivery&& other) noexcept = default;
Delivery::~Delivery() = default;

const std::string& Delivery::body() const {
  return impl_->arrived.message.body;
}

const Headers& Delivery::headers() const {
  return impl_->arrived.message.headers;
}

const Message& Delivery::message() const {
  return impl_->arrived.message;
}

const std::string& Delivery::queue() const {
  return impl_->inbox->queue();
}

std::uint32_t Delivery::delivery_count() const {
  return impl_->arrived.delivery_count;
}

const std::string& Delivery::producer() const {
  return impl_->arrived.producer;
}

const std::string& Delivery::message_id() const {
  return impl_->arrived.message_id;
}

Timestamp Delivery::at() const {
  return impl_->arrived.at;
}

std::chrono::steady_clock::time_point Delivery::lease_end() const {
  return impl_->arrived.lease_end;
}

std::future<bool> Delivery::ack_async() {
  return impl_->settle(core::Settlement::ack, std::chrono::milliseconds{0}, {});
}

std::future<bool> Delivery::nack_async(std::chrono::milliseconds delay) {
  return impl_->settle(core::Settlement::nack, delay, {});
}

std::future<bool> Delivery::reject_async(std::string_view why) {
  return impl_->settle(core::Settlement::reject, std::chrono::milliseconds{0}, why);
}

std::future<bool> Delivery::extend_async(std::chrono::milliseconds lease) {
  return impl_->settle(core::Settlement::extend, lease, {});
}

bool Delivery::ack() {
  return ack_async().get();
}

bool Delivery::nack(std::chrono::milliseconds delay) {
  return nack_async(delay).get();
}

bool Delivery::reject(std::string_view why) {
  return reject_async(why).get();
}

bool Delivery::extend(std::chrono::milliseconds lease) {
  return extend_async(lease).get();
}

// ---- Consumer ---------------------------------------------------------------------------------

Consumer::Consumer(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

Consumer::Consumer(Consumer&& other) noexcept = default;
Consumer& Consumer::operator=(Consumer&& other) noexcept = default;
Consumer::~Consumer() = default;

std::optional<Delivery> Consumer::receive() {
  return take(std::nullopt);
}

std::optional<Delivery> Consumer::receive(std::chrono::milliseconds patience) {
  return take(std::chrono::steady_clock::now() + patience);
}

std::optional<Delivery> Consumer::take(
    std::optional<std::chrono::steady_clock::time_point> deadline) {
  client::Inbox::Taken taken = impl_->inbox->take(deadline);
  if (taken.credit > 0) impl_->connection->add_credit(taken.subscription, taken.credit);
  if (!taken.arrived) return std::nullopt;
  return Delivery{
      std::make_unique<Delivery::Impl>(impl_->connection, impl_->inbox, std::move(*taken.arrived))};
}

void Consumer::stop() {
  impl_->inbox->stop();
}

}  // namespace v0
}  // namespace nemcon
