#include "tests/system/caller.hpp"

#include <chrono>
#include <utility>

#include "core/check.hpp"
#include "tests/system/daemon.hpp"
#include "transport/hashing.hpp"

namespace nemcon::tests {

namespace {

core::Instant now() {
  const auto monotonic = std::chrono::steady_clock::now().time_since_epoch();
  return core::Instant{std::chrono::duration_cast<core::Duration>(monotonic)};
}

}  // namespace

core::Part deliver(const std::string& target, const std::string& body) {
  core::Part part;
  part.target = target;
  part.content.body = core::Bytes(body);
  return part;
}

Caller::Caller(const std::string& endpoint, const std::string& name,
               const std::optional<CallerKeys>& keys)
    : socket_(transport::process_context(),
              {.name = name, .keys = keys ? keys->own : nullptr, .limits = {}, .timing = {}}) {
  const core::Instant give_up = now() + patience;
  std::string why = "nothing came";
  for (;;) {
    const core::Status connected =
        keys ? socket_.connect(now(), endpoint, keys->node) : socket_.connect(now(), endpoint);
    NEMCON_CHECK(connected.has_value(), endpoint);
    const std::optional<transport::ClientEvent> event = next_event();
    if (event && std::holds_alternative<transport::LinkUp>(*event)) break;
    // A connection may be ended in its handshake in place of one that has just gone (Intake).
    const auto* const down = event ? std::get_if<transport::LinkDown>(&*event) : nullptr;
    if (down != nullptr) why = down->why;
    NEMCON_CHECK(down != nullptr && !down->refused && now() < give_up, endpoint, why);
    is_over_ = false;
  }
  core::Open open{.request = ++request_, .name = name, .client = {}, .epoch = {}, .above = {}};
  if (name.empty()) open.client = transport::random_id128<core::ClientId>();
  send(open);
  const std::optional<core::Reply> reply = next_reply();
  NEMCON_CHECK(reply && std::holds_alternative<core::Opened>(*reply), endpoint);
  session_ = std::get<core::Opened>(*reply);
}

core::Submit Caller::transaction(std::vector<core::Part> parts) {
  core::Submit submit;
  submit.request = ++request_;
  submit.id = {.initiator = session_.node,
               .client = session_.client,
               .epoch = session_.epoch,
               .sequence = core::Sequence{++sequence_}};
  submit.parts = std::move(parts);
  submit.ack_upto = core::Sequence{sequence_};
  submit.expires = session_.named
                       ? core::Hlc::never()
                       : core::Hlc::from_ms(session_.clock.wall_ms() + session_.retention_ms);
  return submit;
}

std::optional<core::Reply> Caller::submit(const core::Submit& submit) {
  send(submit);
  return next_reply();
}

bool Caller::commit(std::vector<core::Part> parts) {
  const std::optional<core::Reply> reply = submit(transaction(std::move(parts)));
  if (!reply) return false;
  const auto* const concluded = std::get_if<core::Concluded>(&*reply);
  return concluded != nullptr && concluded->verdict == core::Verdict::committed;
}

std::vector<core::Delivered> Caller::deliveries(const std::string& queue, std::size_t count) {
  const std::uint64_t subscription = ++request_;
  send(core::Subscribe{.subscription = subscription,
                       .queue = queue,
                       .credit = static_cast<std::uint32_t>(count),
                       .lease_ms = 0});
  std::vector<core::Delivered> all;
  while (all.size() < count) {
    std::optional<core::Reply> reply = next_reply();
    if (!reply) break;
    auto* const delivered = std::get_if<core::Delivered>(&*reply);
    if (delivered != nullptr) all.push_back(std::move(*delivered));
  }
  send(core::Unsubscribe{.subscription = subscription});
  return all;
}

std::vector<std::string> Caller::receive(const std::string& queue, std::size_t count) {
  std::vector<std::string> bodies;
  for (const core::Delivered& delivered : deliveries(queue, count)) {
    bodies.emplace_back(delivered.content.body.view());
  }
  return bodies;
}

bool Caller::consume(const std::string& queue, std::size_t count) {
  core::Settle settle;
  settle.request = ++request_;
  for (const core::Delivered& delivered : deliveries(queue, count)) {
    settle.tokens.push_back(delivered.token);
  }
  if (settle.tokens.size() != count) return false;
  send(settle);
  const std::optional<core::Reply> reply = next_reply();
  const auto* const settled = reply ? std::get_if<core::Settled>(&*reply) : nullptr;
  return settled != nullptr && settled->lost.empty();
}

core::Report Caller::inspect(core::Topic topic) {
  send(core::Inspect{.request = ++request_, .topic = topic, .id = {}});
  const std::optional<core::Reply> reply = next_reply();
  NEMCON_CHECK(reply && std::holds_alternative<core::Report>(*reply));
  return std::get<core::Report>(*reply);
}

std::uint64_t Caller::message_count(const std::string& queue) {
  for (const core::QueueReport& report : inspect(core::Topic::queues).queues) {
    if (report.local && report.name == queue) return report.message_count;
  }
  NEMCON_CHECK(false, queue);
  return 0;
}

std::uint64_t Caller::undecided_count() {
  for (const core::CountReport& count : inspect(core::Topic::status).counts) {
    if (count.name == "transactions_undecided") return count.value;
  }
  return 0;
}

bool Caller::sees(const std::string& peer) {
  for (const core::NodeReport& report : inspect(core::Topic::status).nodes) {
    if (report.name == peer) return report.live;
  }
  return false;
}

void Caller::send(const core::Request& request) {
  const core::Instant deadline = now() + patience;
  std::size_t sent_count = 0;
  transport::SendResult result = socket_.send({&request, 1}, sent_count);
  // The node has told it to hold, and will tell it to go on.
  while (result == transport::SendResult::full && now() < deadline) {
    take_events(deadline);
    result = socket_.send({&request, 1}, sent_count);
  }
  // A link that is down shows in the answer that does not come.
  NEMCON_CHECK(result == transport::SendResult::sent || result == transport::SendResult::down,
               transport::to_text(result));
}

void Caller::take_events(core::Instant deadline) {
  socket_.poll(now(), deadline - now(), {});
  std::vector<transport::ClientEvent> arrived;
  socket_.receive(now(), arrived);
  for (transport::ClientEvent& event : arrived)
    events_.push_back(std::move(event));
}

std::optional<transport::ClientEvent> Caller::next_event() {
  const core::Instant deadline = now() + patience;
  // A link that has gone down stays so: nothing more comes.
  while (events_.empty() && !is_over_ && now() < deadline)
    take_events(deadline);
  if (events_.empty()) return std::nullopt;
  transport::ClientEvent event = std::move(events_.front());
  events_.pop_front();
  is_over_ = std::holds_alternative<transport::LinkDown>(event);
  return event;
}

std::optional<core::Reply> Caller::next_reply() {
  for (;;) {
    std::optional<transport::ClientEvent> event = next_event();
    if (!event || std::holds_alternative<transport::LinkDown>(*event)) return std::nullopt;
    if (auto* const reply = std::get_if<core::Reply>(&*event)) return std::move(*reply);
  }
}

}  // namespace nemcon::tests
