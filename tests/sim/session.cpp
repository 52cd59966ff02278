#include "tests/sim/session.hpp"

#include <algorithm>
#include <utility>

namespace nemcon::sim {
namespace {

using core::Sequence;
using std::chrono::milliseconds;

// Sessions of one name are one producer.
std::uint32_t producer_of_name(const std::string& name) {
  std::uint32_t hash = 2'166'136'261U;
  for (const char letter : name) {
    hash = (hash ^ static_cast<unsigned char>(letter)) * 16'777'619U;
  }
  return hash | 0x80000000U;
}

}  // namespace

Session::Session(World& world, std::string label, std::string name, std::vector<std::size_t> homes)
    : world_(world),
      random_(world.random.fork()),
      base_label_(std::move(label)),
      name_(std::move(name)),
      homes_(std::move(homes)) {
  NEMCON_CHECK(!homes_.empty());
  account_ = name_.empty() ? base_label_ : name_;
}

Time Session::between(Time low, Time high) {
  return Time{static_cast<std::int64_t>(random_.between(static_cast<std::uint64_t>(low.count()),
                                                        static_cast<std::uint64_t>(high.count())))};
}

void Session::begin() {
  label_ = base_label_;
  if (life_ != 0) label_ += '\'' + std::to_string(life_);
  if (name_.empty()) {
    client_ = {random_.id(), random_.id()};
    world_.names.call(client_, label_);
    producer_ = static_cast<std::uint32_t>(random_.below(0x7fffffff));
  } else {
    producer_ = producer_of_name(name_);
  }
  plan_connect(Time{0});
  plan_watch();
}

// ---- the link -------------------------------------------------------------------------------

void Session::plan_connect(Time delay) {
  world_.schedule.at(world_.schedule.now() + delay, Nature::timer, [this, life = life_] {
    if (life == life_ && !stopped_ && state_ == State::away) connect();
  });
}

void Session::choose_node() {
  node_ = homes_[home_index_ % homes_.size()];
}

void Session::connect() {
  choose_node();
  state_ = State::opening;
  opening_since_ = world_.schedule.now();
  link_ = world_.links.connect(*this, node_, world_.keys.secured ? account_ : "");
  core::Open open;
  open.request = open_request_ = take_request();
  open.name = name_;
  open.client = client_;
  open.epoch = epoch_;
  open.above = above_;
  world_.links.request(link_, open);
}

void Session::leave() {
  world_.links.close(link_);
  on_closed(link_);
}

void Session::go_home() {
  if (stopped_ || home_index_ % homes_.size() == 0 || unfinished_count() != 0) return;
  home_index_ = 0;
  if (state_ != State::away) {
    world_.links.close(link_);
    on_closed(link_);
  }
}

void Session::on_closed(core::LinkId link) {
  if (link != link_ || state_ == State::away || stopped_) return;
  const bool was_open = state_ == State::open;
  state_ = State::away;
  requests_.clear();
  // A client without a task elsewhere prefers its home; one with a task goes where it can.
  const bool failed = !was_open;
  if (failed || random_.chance(habits.switches)) {
    home_index_ = unfinished_count() == 0 ? 0 : home_index_ + 1;
  }
  if (was_open && owner.lost) owner.lost();
  plan_connect(between(milliseconds{10}, milliseconds{failed ? 1500 : 200}));
}

void Session::on_reply(core::LinkId link, const core::Reply& reply) {
  if (link != link_ || state_ == State::away || stopped_) return;
  if (const auto* opened = std::get_if<core::Opened>(&reply)) {
    take(*opened);
  } else if (const auto* denied = std::get_if<core::Denied>(&reply)) {
    take(*denied);
  } else if (const auto* concluded = std::get_if<core::Concluded>(&reply)) {
    take(*concluded);
  } else if (owner.replied) {
    owner.replied(reply);
  }
}

void Session::send(const core::Request& request) {
  NEMCON_CHECK(is_open());
  world_.links.request(link_, request);
}

void Session::plan_watch() {
  world_.schedule.at(world_.schedule.now() + milliseconds{500}, Nature::timer,
                     [this, life = life_] {
                       if (life != life_ || stopped_) return;
                       watch();
                       plan_watch();
                     });
}

// Nothing heard for too long: the link may be dead without anybody saying so.
void Session::watch() {
  const Time now = world_.schedule.now();
  if (state_ == State::opening && now - opening_since_ > habits.patience / 4) {
    leave();
    return;
  }
  if (state_ != State::open) return;
  acknowledge_now_and_then();
  const bool waits = std::any_of(pending_.begin(), pending_.end(), [&](const auto& entry) {
    return entry.second.sent_count != 0 && now - entry.second.sent_at > habits.patience;
  });
  if (!waits) return;
  for (auto& [sequence, pending] : pending_)
    pending.sent_at = now;
  home_index_ += 1;
  leave();
}

void Session::acknowledge_now_and_then() {
  if (!habits.acknowledges || ack_upto() <= acknowledged_) return;
  acknowledged_ = ack_upto();
  world_.links.request(link_, core::Acknowledge{epoch_, acknowledged_});
}

// ---- lives ----------------------------------------------------------------------------------

void Session::give_up_all() {
  std::vector<std::function<void(Ending)>> ended;
  for (auto& [sequence, pending] : pending_) {
    world_.history.transactions[pending.transaction].may_stay_open = true;
    ended.push_back(std::move(pending.ended));
  }
  pending_.clear();
  requests_.clear();
  finished_.clear();
  chain_.clear();
  first_given_up_.reset();
  next_ = Sequence{1};
  // Whoever drives this client goes on with new work.
  for (const auto& tell : ended) {
    if (tell) tell(Ending::unknown);
  }
}

void Session::give_up_where(const std::function<bool(const core::Submit&)>& hopeless) {
  std::vector<Sequence> sequences;
  for (const auto& [sequence, pending] : pending_) {
    if (hopeless(pending.request)) sequences.push_back(sequence);
  }
  for (const Sequence sequence : sequences) {
    const auto found = pending_.find(sequence);
    if (found == pending_.end()) continue;
    world_.history.transactions[found->second.transaction].may_stay_open = true;
    if (!first_given_up_ || sequence < *first_given_up_) first_given_up_ = sequence;
    finish(sequence, Ending::unknown);
  }
}

void Session::excuse_around_liar(Time begin) {
  for (const auto& [sequence, pending] : pending_) {
    if (pending.begun_at >= begin || pending.is_unanswered)
      world_.history.transactions[pending.transaction].may_stay_open = true;
  }
}

// Whoever has the time from a node that was paused, or had a wrong clock, does not notice that what
// may have begun has expired meanwhile. What surely has not begun is refused for that, and begins.
void Session::excuse_if_expired(const Pending& pending, bool may_have_begun) {
  const auto now = static_cast<std::uint64_t>(world_.schedule.now().count() / 1'000'000);
  const std::uint64_t right_ms = may_have_begun ? wall_ms_at_begin + now : 0;
  const core::Hlc latest = core::Hlc::from_ms(std::max(clock_ms(), right_ms));
  bool& may_stay_open = world_.history.transactions[pending.transaction].may_stay_open;
  if (!name_.empty() || pending.request.expires > latest || may_stay_open) return;
  may_stay_open = true;
  ++counts_.expired_count;
}

void Session::restart() {
  if (stopped_) return;
  if (state_ != State::away) world_.links.close(link_);
  const bool was_open = state_ == State::open;
  state_ = State::away;
  ++life_;
  if (was_open && owner.lost) owner.lost();
  give_up_all();
  epoch_ = {};
  above_ = {};
  newest_ = {};
  begin();
}

void Session::stop() {
  if (stopped_) return;
  if (state_ != State::away) world_.links.close(link_);
  state_ = State::away;
  ++life_;
  stopped_ = true;
  give_up_all();
  plans_.clear();
}

// A newer session of the same name is open. Both must not go on; this one begins a new epoch.
void Session::start_over(core::Epoch above) {
  ++counts_.fenced_count;
  give_up_all();
  epoch_ = {};
  above_ = std::max(above, above_);
}

// ---- opening --------------------------------------------------------------------------------

void Session::take(const core::Opened& opened) {
  if (state_ != State::opening || opened.request != open_request_) return;
  state_ = State::open;
  if (world_.keys.secured && opened.named && account_ != name_) {
    world_.add_violation("the client " + account_ + " has opened a session of " + name_);
  }
  client_ = opened.client;
  if (epoch_ != core::Epoch{} && opened.epoch != epoch_) {
    world_.add_violation(label_ + " asked to go on with its session and got another");
  }
  epoch_ = opened.epoch;
  above_ = std::max(above_, epoch_);
  node_id_ = opened.node;
  retention_ms_ = opened.retention_ms;
  opened_clock_ = opened.clock;
  opened_at_ = world_.schedule.now();
  acknowledged_ = {};
  world_.names.call(client_, name_.empty() ? label_ : name_);
  if (owner.opened) owner.opened();
  resume();
}

void Session::take_open_denied(const core::Denied& denied) {
  if (denied.reason == core::Reason::fenced) start_over(denied.epoch);
  world_.links.close(link_);
  on_closed(link_);
}

// Unfinished work first, in order, then what came meanwhile.
void Session::resume() {
  std::vector<Sequence> unfinished;
  for (const auto& [sequence, pending] : pending_)
    unfinished.push_back(sequence);
  for (const Sequence sequence : unfinished) {
    if (random_.chance(habits.asks)) {
      ask(sequence);
    } else {
      resubmit(sequence);
    }
  }
  release_plans();
}

// ---- transactions ---------------------------------------------------------------------------

std::uint64_t Session::clock_ms() const {
  const Time since = world_.schedule.now() - opened_at_;
  return opened_clock_.wall_ms() + static_cast<std::uint64_t>(since.count() / 1'000'000);
}

Sequence Session::ack_upto() const {
  if (!habits.acknowledges) return {};
  const Sequence upto = pending_.empty() ? next_ : pending_.begin()->first;
  return first_given_up_ ? std::min(upto, *first_given_up_) : upto;
}

Sequence Session::previous_at(const std::string& queue) const {
  const auto chain = chain_.find(queue);
  if (chain == chain_.end() || chain->second.empty()) return {};
  return chain->second.back();
}

void Session::submit(TransactionPlan plan, std::function<void(Ending)> ended) {
  if (stopped_) return;
  plans_.push_back({std::move(plan), std::move(ended)});
  release_plans();
}

void Session::release_plans() {
  while (is_open() && !plans_.empty()) {
    Plan plan = std::move(plans_.front());
    plans_.erase(plans_.begin());
    compose(std::move(plan));
  }
}

core::Hlc Session::expiry() const {
  return name_.empty() ? core::Hlc::from_ms(clock_ms() + retention_ms_) : core::Hlc::never();
}

void Session::compose(Plan plan) {
  const Sequence sequence = next_;
  next_ = Sequence{sequence.value() + 1};
  Pending pending;
  pending.ended = std::move(plan.ended);
  core::Submit& request = pending.request;
  request.id = {node_id_, client_, epoch_, sequence};
  request.deadline_ms = plan.plan.deadline_ms;
  request.expires = expiry();
  HistoryTransaction history;
  history.name = world_.names.of(request.id);
  history.producer = producer_;
  history.session = epoch_.value();
  history.sequence = sequence.value();
  history.after = newest_.value();
  history.must_fail = plan.plan.must_fail;
  pending.transaction = world_.add_transaction(request.id, history);
  for (std::uint32_t index = 0; index < plan.plan.parts.size(); ++index) {
    add_part(plan.plan.parts[index], index, pending,
             world_.history.transactions[pending.transaction]);
  }
  for (const core::Part& part : request.parts) {
    if (part.kind != core::OperationKind::deliver) continue;
    auto& chain = chain_[part.target];
    if (chain.empty() || chain.back() != sequence) chain.push_back(sequence);
  }
  ++counts_.submitted_count;
  Pending& kept = pending_.emplace(sequence, std::move(pending)).first->second;
  send_submit(kept, false);
}

void Session::add_part(const PartPlan& plan, std::uint32_t index, Pending& pending,
                       HistoryTransaction& history) {
  core::Part part;
  part.kind = plan.kind;
  part.target = plan.target;
  part.token = plan.token;
  part.limit = plan.limit;
  if (plan.kind == core::OperationKind::deliver) {
    part.previous = previous_at(plan.target);
    HistoryMessage message;
    message.transaction = pending.transaction;
    message.queue = world_.queue_index(plan.target);
    message.part = index;
    message.amount = plan.amount;
    if (message.queue < world_.history.queues.size()) {
      const std::uint32_t number = world_.add_message(message);
      if (world_.keys.forbidden.contains(account_ + ' ' + plan.target)) {
        world_.forbid(number);
        history.must_fail = true;
      }
      part.content = make_content(number, plan.filling_bytes);
      world_.history.messages[number].body = std::string{part.content.body.view()};
      history.produced.push_back(number);
    } else {
      part.content.body = core::Bytes{"for nobody"};
    }
  } else if (plan.kind == core::OperationKind::consume) {
    history.consumed.push_back(plan.consumed);
  } else if (plan.kind == core::OperationKind::call) {
    const auto place = static_cast<std::uint32_t>(history.calls.size());
    const std::string node = plan.target.substr(plan.target.find('@') + 1);
    history.calls.push_back({.node = static_cast<std::uint32_t>(world_.find_node(node))});
    part.content.body =
        core::Bytes{"call|" + std::to_string(pending.transaction) + '|' + std::to_string(place)};
  }
  pending.request.parts.push_back(std::move(part));
}

void Session::send_submit(Pending& pending, bool retry) {
  pending.request.request = take_request();
  pending.request.retry = retry;
  pending.request.after = newest_;
  pending.request.ack_upto = ack_upto();
  pending.sent_at = world_.schedule.now();
  if (pending.sent_count == 0) pending.begun_at = pending.sent_at;
  ++pending.sent_count;
  requests_[pending.request.request] = pending.request.id.sequence;
  world_.links.request(link_, pending.request);
  if (retry) ++counts_.resubmitted_count;
  if (retry && pending.request.id.initiator != node_id_) ++counts_.elsewhere_count;
  if (random_.chance(habits.repeats)) {
    core::Submit again = pending.request;
    again.retry = true;
    ++pending.sent_count;
    world_.links.request(link_, again);
  }
}

void Session::resubmit(Sequence sequence) {
  const auto found = pending_.find(sequence);
  if (found == pending_.end() || !is_open()) return;
  if (std::exchange(found->second.is_expiry_wrong, false)) {
    found->second.request.expires = expiry();
    found->second.sent_count = 0;
    send_submit(found->second, false);
    return;
  }
  excuse_if_expired(found->second, found->second.sent_count > 1);
  const bool is_first =
      found->second.sent_count == 0 && found->second.request.id.initiator == node_id_;
  send_submit(found->second, !is_first);
}

void Session::ask(Sequence sequence) {
  const auto found = pending_.find(sequence);
  if (found == pending_.end() || !is_open()) return;
  core::Ask ask;
  ask.request = take_request();
  ask.id = found->second.request.id;
  found->second.sent_at = world_.schedule.now();
  requests_[ask.request] = sequence;
  ++counts_.asked_count;
  world_.links.request(link_, ask);
}

void Session::plan_resubmit(Sequence sequence, Time delay) {
  world_.schedule.at(world_.schedule.now() + delay, Nature::timer,
                     [this, sequence, life = life_, epoch = epoch_] {
                       if (life == life_ && epoch == epoch_) resubmit(sequence);
                     });
}

void Session::plan_ask(Sequence sequence, Time delay) {
  world_.schedule.at(world_.schedule.now() + delay, Nature::timer,
                     [this, sequence, life = life_, epoch = epoch_] {
                       if (life == life_ && epoch == epoch_) ask(sequence);
                     });
}

void Session::record(Happened what, std::uint32_t transaction, core::Hlc at) {
  HistoryEvent event;
  event.what = what;
  event.transaction = transaction;
  event.at = at.value();
  world_.add_event(event);
}

// A finished transaction that is asked for once more has the same outcome, until acknowledged.
void Session::repeat_now_and_then(const core::TransactionId& id) {
  if (!is_open() || !random_.chance(habits.asks_again)) return;
  core::Ask ask;
  ask.request = take_request();
  ask.id = id;
  ++counts_.asked_count;
  world_.links.request(link_, ask);
}

std::string Session::unfinished_text() const {
  std::string text;
  for (const auto& [sequence, pending] : pending_) {
    text += ' ' + world_.history.transactions[pending.transaction].name + " x" +
            std::to_string(pending.sent_count);
    if (text.size() > 200) return text + " ...";
  }
  if (!plans_.empty()) text += " and " + std::to_string(plans_.size()) + " not begun";
  return text;
}

}  // namespace nemcon::sim
