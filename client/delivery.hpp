// The insides of a public Delivery and a public Consumer.
#pragma once

#include <memory>

#include <nemcon/consumer.hpp>

#include "client/connection.hpp"
#include "client/inbox.hpp"

namespace nemcon {
inline namespace v0 {

class Delivery::Impl {
 public:
  Impl(std::shared_ptr<client::Connection> running, std::shared_ptr<client::Inbox> from,
       client::Arrived what)
      : connection(std::move(running)), inbox(std::move(from)), arrived(std::move(what)) {}

  ~Impl();
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  [[nodiscard]] std::future<bool> settle(core::Settlement how, std::chrono::milliseconds delay,
                                         std::string_view text);

  const std::shared_ptr<client::Connection> connection;
  const std::shared_ptr<client::Inbox> inbox;
  client::Arrived arrived;

 private:
  void return_credit();

  bool has_credit_ = true;  // Counts against the consumer's credit.
};

class Consumer::Impl {
 public:
  Impl(std::shared_ptr<client::Connection> running, std::shared_ptr<client::Inbox> from)
      : connection(std::move(running)), inbox(std::move(from)) {}

  ~Impl() { connection->unsubscribe(inbox); }

  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  const std::shared_ptr<client::Connection> connection;
  const std::shared_ptr<client::Inbox> inbox;
};

}  // namespace v0
}  // namespace nemcon
