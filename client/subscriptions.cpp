#include "client/subscriptions.hpp"

#include <utility>

#include "client/convert.hpp"
#include "client/headers.hpp"

namespace nemcon::client {

namespace {

// "orders@shop" gives "orders" and "shop"; "orders" gives no node.
std::pair<std::string, std::string> split_address(const std::string& address) {
  const std::size_t at = address.find('@');
  if (at == std::string::npos) return {address, {}};
  return {address.substr(0, at), address.substr(at + 1)};
}

bool is_passing(core::Reason reason) {
  return reason == core::Reason::stopping || reason == core::Reason::unavailable;
}

}  // namespace

void Subscriptions::add(std::shared_ptr<Inbox> inbox, Effects& effects) {
  if (link_ != 0) {
    subscribe(inbox, effects);
    return;
  }
  waiting_.emplace(++last_subscription_, std::move(inbox));
}

void Subscriptions::subscribe(const std::shared_ptr<Inbox>& inbox, Effects& effects) {
  const std::uint64_t number = ++last_subscription_;
  const auto [queue, node] = split_address(inbox->queue());
  const std::uint32_t credit = inbox->restart(number);
  if (!node.empty() && node != node_name_) {
    inbox->fail(Error{ErrorClass::rolled_back, Reason::unknown_queue,
                      "cannot consume " + inbox->queue() + " through " + node_name_ +
                          ": a consumer needs a client that has only the addresses of " + node});
    return;
  }
  inboxes_.emplace(number, inbox);
  effects.requests.push_back(
      core::Subscribe{.subscription = number,
                      .queue = queue,
                      .credit = credit,
                      .lease_ms = static_cast<std::uint32_t>(inbox->options().lease.count())});
}

void Subscriptions::remove(const Inbox* inbox, Effects& effects) {
  for (auto item = inboxes_.begin(); item != inboxes_.end(); ++item) {
    if (item->second.get() != inbox) continue;
    end(item, effects);
    inboxes_.erase(item);
    return;
  }
  std::erase_if(waiting_, [&](const auto& item) { return item.second.get() == inbox; });
}

void Subscriptions::end(std::map<std::uint64_t, std::shared_ptr<Inbox>>::iterator item,
                        Effects& effects) {
  if (link_ == 0) return;
  effects.requests.push_back(core::Unsubscribe{.subscription = item->first});
  core::Settle give_back{
      .request = 0, .how = core::Settlement::nack, .tokens = {}, .delay_ms = 0, .text = {}};
  for (const Arrived& arrived : item->second->take_rest()) {
    if (arrived.link == link_) give_back.tokens.push_back(arrived.token);
  }
  if (!give_back.tokens.empty()) effects.requests.emplace_back(std::move(give_back));
}

void Subscriptions::add_credit(std::uint64_t subscription, std::uint32_t credit, Effects& effects) {
  if (link_ == 0 || !inboxes_.contains(subscription)) return;
  effects.requests.push_back(core::AddCredit{.subscription = subscription, .credit = credit});
}

void Subscriptions::on_opened(std::uint64_t link, std::string node_name, Effects& effects) {
  link_ = link;
  node_name_ = std::move(node_name);
  renew_at_.reset();
  const auto inboxes = std::exchange(inboxes_, {});
  const auto waiting = std::exchange(waiting_, {});
  for (const auto& [number, inbox] : inboxes)
    subscribe(inbox, effects);
  for (const auto& [number, inbox] : waiting)
    subscribe(inbox, effects);
}

void Subscriptions::on_delivered(core::Delivered& delivered) {
  const auto found = inboxes_.find(delivered.subscription);
  if (found == inboxes_.end()) return;
  Inbox& inbox = *found->second;
  const auto lease = std::chrono::milliseconds{delivered.lease_ms};
  inbox.put({.message = to_message(delivered.content),
             .delivery_count = delivered.delivery_count,
             .producer = std::move(delivered.producer),
             .message_id = core::to_text(delivered.message.transaction) + "/" +
                           std::to_string(delivered.message.part),
             .at = Timestamp{delivered.at.value()},
             .lease_end = std::chrono::steady_clock::now() + lease,
             .token = delivered.token,
             .subscription = delivered.subscription,
             .link = link_,
             .target = inbox.queue().substr(0, inbox.queue().find('@')) + "@" + node_name_});
}

void Subscriptions::on_ended(core::Instant now, const core::SubscriptionEnded& ended) {
  const auto found = inboxes_.find(ended.subscription);
  if (found == inboxes_.end()) return;
  const std::shared_ptr<Inbox> inbox = found->second;
  inboxes_.erase(found);
  if (is_passing(ended.reason)) {
    waiting_.emplace(ended.subscription, inbox);
    renew_at_ = now + timing_.retry_max;
    return;
  }
  inbox->fail(Error{ErrorClass::rolled_back, to_public(ended.reason),
                    "cannot consume " + inbox->queue() + " at " + node_name_ + ": " +
                        (ended.text.empty() ? core::to_text(ended.reason) : ended.text)});
}

void Subscriptions::advance(core::Instant now, Effects& effects) {
  if (!renew_at_ || *renew_at_ > now) return;
  renew_at_.reset();
  if (link_ == 0) return;
  const auto waiting = std::exchange(waiting_, {});
  for (const auto& [number, inbox] : waiting)
    subscribe(inbox, effects);
}

void Subscriptions::fail_all(const Error& error) {
  for (const auto& [number, inbox] : inboxes_)
    inbox->fail(error);
  for (const auto& [number, inbox] : waiting_)
    inbox->fail(error);
  inboxes_.clear();
  waiting_.clear();
}

void Subscriptions::close(Effects& effects) {
  for (auto item = inboxes_.begin(); item != inboxes_.end(); ++item) {
    item->second->stop();
    end(item, effects);
  }
  for (const auto& [number, inbox] : waiting_)
    inbox->stop();
  inboxes_.clear();
  waiting_.clear();
}

}  // namespace nemcon::client
