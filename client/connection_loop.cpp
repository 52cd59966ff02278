// What a Connection does on the loop thread.
#include <algorithm>
#include <exception>
#include <utility>

#include "client/connection.hpp"
#include "client/convert.hpp"
#include "core/check.hpp"
#include "core/overloaded.hpp"

namespace nemcon::client {

namespace {

// The socket had no room: it is tried again after this.
constexpr core::Duration send_again = std::chrono::milliseconds{2};
constexpr core::Duration idle_wait = std::chrono::seconds{10};

}  // namespace

void Connection::run() {
  while (!is_ending_)
    turn();
  say_farewell();
  {
    const std::lock_guard lock{mutex_};
    is_running_ = false;
  }
  take_orders();
  give_up();
  socket_.reset();
}

void Connection::turn() {
  now_ = now();
  take_orders();
  if (is_ending_) return;
  dial();
  advance();
  send_requests();
  socket_->poll(now_, wait_at_most(), {});
  now_ = now();
  receive();
}

void Connection::take_orders() {
  std::vector<SessionKey> handled;
  std::vector<Order> orders;
  {
    const std::lock_guard lock{mutex_};
    handled.swap(handled_);
    orders.swap(orders_);
  }
  for (Order& order : orders)
    on_order(order);
  for (const SessionKey& key : handled)
    session_.handled(now_, key);
}

void Connection::on_order(Order& order) {
  std::visit(core::Overloaded{
                 [](const std::function<void()>& call) { call(); },
                 [this](Submission& one) {
                   session_.submit(now_, std::move(one.work), one.reserved, std::move(one.waiter),
                                   effects_);
                 },
                 [this](Settlement& one) {
                   questions_.settle(now_, one.settling, one.token, one.deadline,
                                     std::move(one.answer));
                 },
             },
             order);
}

void Connection::advance() {
  // Telling may make room for what waits.
  do {
    carry_out();
    session_.advance(now_, effects_);
    questions_.advance(now_, effects_);
    subscriptions_.advance(now_, effects_);
    services_.advance(now_, effects_);
  } while (!effects_.tellings.empty() || effects_.reconnect);
  carry_out();
}

core::Duration Connection::wait_at_most() const {
  core::Instant until = now_ + idle_wait;
  for (const auto& at : {session_.wake_at(), questions_.wake_at(), subscriptions_.wake_at(),
                         services_.wake_at(), dialer_.due_at()}) {
    if (at) until = std::min(until, *at);
  }
  if (!outgoing_.empty() && !is_held_) until = std::min(until, now_ + send_again);
  return std::max(core::Duration{}, until - now_);
}

// ---- the link ---------------------------------------------------------------------------------

void Connection::dial() {
  if (!dialer_.is_due(now_)) return;
  dialer_.on_dialing();
  if (session_.is_fenced()) return;
  const std::optional<transport::PublicKey> node_key =
      node_keys_.empty() ? std::nullopt : std::optional(node_keys_[dialer_.index()]);
  const core::Status connecting = socket_->connect(now_, dialer_.address(), node_key);
  if (connecting) return;
  on_link_down({.refused = std::nullopt, .why = connecting.error().detail});
}

void Connection::receive() {
  socket_->receive(now_, events_);
  for (transport::ClientEvent& event : events_)
    on_event(event);
  events_.clear();
}

void Connection::on_event(transport::ClientEvent& event) {
  std::visit(core::Overloaded{
                 [&](transport::LinkUp& up) { on_link_up(up); },
                 [&](transport::LinkDown& down) { on_link_down(down); },
                 [&](transport::LinkHeld& held) { is_held_ = held.held; },
                 [&](core::Reply& reply) {
                   if (is_link_up_) on_reply(reply);
                 },
             },
             event);
}

void Connection::on_link_up(const transport::LinkUp& up) {
  (void)up;  // The node names itself again when it opens the session.
  is_link_up_ = true;
  is_held_ = false;
  session_.on_link_up(now_, effects_);
}

void Connection::on_link_down(const transport::LinkDown& down) {
  leave_link(dialer_.address() + ": " + down.why);
}

// Whatever was under way on it may or may not have happened.
void Connection::leave_link(const std::string& why) {
  if (is_link_up_ && session_.is_open()) {
    effects_.notices.push_back({Notice::Kind::disconnected, session_.node_name() + ": " + why});
  }
  is_link_up_ = false;
  is_held_ = false;
  outgoing_.clear();
  effects_.requests.clear();
  session_.on_link_down();
  session_.set_trouble(why);
  questions_.on_link_down(why);
  subscriptions_.on_link_down();
  services_.on_link_down();
  dialer_.on_failure(now_);
}

void Connection::on_reply(core::Reply& reply) {
  std::visit(core::Overloaded{
                 [&](core::Opened& opened) { on_opened(opened); },
                 [&](core::Denied& denied) { on_denied(denied); },
                 [&](core::Concluded& concluded) { on_concluded(concluded); },
                 [&](core::Delivered& delivered) {
                   session_.observe(delivered.at);
                   subscriptions_.on_delivered(delivered);
                 },
                 [&](core::SubscriptionEnded& ended) { subscriptions_.on_ended(now_, ended); },
                 [&](core::Settled& settled) { (void)questions_.on_settled(settled); },
                 [&](core::ServicePrepare& prepare) { services_.on_prepare(prepare, effects_); },
                 [&](core::ServiceDecision& decision) { services_.on_decision(decision); },
                 [&](core::Serving& serving) { (void)services_.on_serving(serving, effects_); },
                 [&](core::Report& report) { (void)questions_.on_report(report); },
             },
             reply);
}

void Connection::on_opened(const core::Opened& opened) {
  if (!session_.on_opened(now_, opened)) return;
  ++link_;
  dialer_.on_success();
  effects_.notices.push_back({Notice::Kind::connected, opened.node_name});
  questions_.on_opened(now_, link_);
  subscriptions_.on_opened(link_, opened.node_name, effects_);
  services_.on_opened(link_);
}

void Connection::on_denied(const core::Denied& denied) {
  // An answer that nobody waits for any more is dropped.
  if (session_.on_denied(now_, denied, effects_)) return;
  if (questions_.on_denied(now_, denied, effects_)) return;
  (void)services_.on_denied(now_, denied, effects_);
}

void Connection::on_concluded(const core::Concluded& concluded) {
  if (session_.on_concluded(now_, concluded, effects_)) return;
  (void)questions_.on_concluded(now_, concluded, effects_);
}

// ---- what is to be done -----------------------------------------------------------------------

void Connection::carry_out() {
  if (effects_.reconnect) {
    effects_.reconnect = false;
    socket_->disconnect();
    leave_link(session_.trouble());
    check_fenced();
  }
  tell(std::exchange(effects_.tellings, {}));
  std::vector<Notice> notices = std::exchange(effects_.notices, {});
  for (Notice& notice : notices)
    note(std::move(notice));
  for (const auto& worker : std::exchange(effects_.retired, {}))
    worker->request_stop();
  outgoing_.insert(outgoing_.end(), std::make_move_iterator(effects_.requests.begin()),
                   std::make_move_iterator(effects_.requests.end()));
  effects_.requests.clear();
}

void Connection::tell(std::vector<Telling> tellings) {
  auto for_callbacks = std::make_shared<std::vector<Telling>>();
  for (Telling& telling : tellings) {
    if (telling.completion.has_callback()) {
      for_callbacks->push_back(std::move(telling));
      continue;
    }
    telling.completion.tell(telling.conclusion);
    if (telling.key) session_.handled(now_, *telling.key);
  }
  if (for_callbacks->empty()) return;
  callbacks_.post([this, for_callbacks] {
    for (Telling& telling : *for_callbacks)
      call_back(std::move(telling));
  });
}

void Connection::call_back(Telling telling) {
  try {
    telling.completion.tell(telling.conclusion);
  } catch (const std::exception& error) {
    const std::string text = std::string{"an outcome callback threw: "} + error.what();
    post([this, text] { effects_.notices.push_back({Notice::Kind::callback, text}); });
  }
  if (!telling.key) return;
  const std::lock_guard lock{mutex_};
  handled_.push_back(*telling.key);
  if (is_running_ && handled_.size() == 1) socket_->wake();
}

void Connection::note(Notice notice) {
  if (!options_.on_notice) return;
  callbacks_.post([this, notice = std::move(notice)] {
    try {
      options_.on_notice(notice);
    } catch (const std::exception&) {
      return;  // There is nobody left to tell.
    }
  });
}

void Connection::send_requests() {
  while (is_link_up_ && !outgoing_.empty()) {
    std::size_t sent_count = 0;
    const transport::SendResult result = socket_->send(outgoing_, sent_count);
    NEMCON_CHECK(sent_count <= outgoing_.size());
    outgoing_.erase(outgoing_.begin(), outgoing_.begin() + static_cast<std::ptrdiff_t>(sent_count));
    if (result == transport::SendResult::sent) {
      outgoing_.clear();
      return;
    }
    // Down: LinkDown is on its way. Full: again soon, or when the node says go on.
    if (result != transport::SendResult::too_large) return;
    NEMCON_CHECK(!outgoing_.empty());
    const core::Request unsendable = std::move(outgoing_.front());
    outgoing_.erase(outgoing_.begin());
    on_unsendable(unsendable);
  }
}

void Connection::on_unsendable(const core::Request& request) {
  if (const auto* submit = std::get_if<core::Submit>(&request)) {
    session_.on_too_large(now_, *submit, effects_);
    return;
  }
  // Nothing else grows with what the application gives, apart from a vote's reply: the call
  // then has no vote, and the node takes that for a no at the deadline.
  effects_.notices.push_back({Notice::Kind::service, "an answer was too large to be sent"});
}

// ---- ends -------------------------------------------------------------------------------------

void Connection::check_fenced() {
  if (!session_.is_fenced() || fenced_was_told_) return;
  fenced_was_told_ = true;
  const Error error{ErrorClass::rolled_back, Reason::fenced, session_.trouble()};
  subscriptions_.fail_all(error);
  services_.fail_all(error, effects_);
}

void Connection::give_up() {
  session_.close(effects_);
  questions_.close(effects_);
  subscriptions_.close(effects_);
  services_.fail_all(Error{ErrorClass::retryable, Reason::stopping, "the client was closed"},
                     effects_);
  carry_out();
}

// What the application has taken, and what it gives back, should reach the node. Losing it costs
// memory and time there, nothing else.
void Connection::say_farewell() {
  now_ = now();
  session_.say_farewell(effects_);
  carry_out();
  const core::Instant until = now_ + timing_.farewell;
  while (is_link_up_ && !outgoing_.empty() && now_ < until) {
    send_requests();
    if (outgoing_.empty()) return;
    socket_->poll(now_, send_again, {});
    now_ = now();
    receive();
  }
}

}  // namespace nemcon::client
