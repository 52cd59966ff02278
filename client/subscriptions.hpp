// Subscriptions: which queues this client consumes, renewed at every node that it comes to.
//
// Promise: for each consumer the node holds at most `credit` deliveries that are not settled, and
// what came by an older link is never handed out.
//
// One thread: the loop's.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "client/effects.hpp"
#include "client/inbox.hpp"
#include "client/timing.hpp"

namespace nemcon::client {

class Subscriptions {
 public:
  explicit Subscriptions(Timing timing) : timing_(timing) {}

  void add(std::shared_ptr<Inbox> inbox, Effects& effects);

  // What waits in the inbox is given back to the node.
  void remove(const Inbox* inbox, Effects& effects);

  void add_credit(std::uint64_t subscription, std::uint32_t credit, Effects& effects);

  void on_opened(std::uint64_t link, std::string node_name, Effects& effects);

  void on_link_down() { link_ = 0; }

  void on_delivered(core::Delivered& delivered);
  void on_ended(core::Instant now, const core::SubscriptionEnded& ended);

  void advance(core::Instant now, Effects& effects);

  [[nodiscard]] std::optional<core::Instant> wake_at() const { return renew_at_; }

  // No consumer can get anything any more.
  void fail_all(const Error& error);

  void close(Effects& effects);

 private:
  void subscribe(const std::shared_ptr<Inbox>& inbox, Effects& effects);
  void end(std::map<std::uint64_t, std::shared_ptr<Inbox>>::iterator item, Effects& effects);

  const Timing timing_;
  std::uint64_t link_ = 0;  // Zero: none is open.
  std::string node_name_;
  std::uint64_t last_subscription_ = 0;
  // By the number of the subscription at the node, which is new on each link.
  std::map<std::uint64_t, std::shared_ptr<Inbox>> inboxes_;
  // Turned away for now; subscribed again at renew_at_.
  std::map<std::uint64_t, std::shared_ptr<Inbox>> waiting_;
  std::optional<core::Instant> renew_at_;
};

}  // namespace nemcon::client
