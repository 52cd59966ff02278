#include "tests/sim/node.hpp"

#include <algorithm>

namespace nemcon::sim {
namespace {

bool is_in_doubt(const core::Engine& engine) {
  const std::vector<core::Row> rows = engine.dump();
  return std::any_of(rows.begin(), rows.end(), [](const core::Row& row) {
    const auto* transaction = std::get_if<core::TransactionRow>(&row);
    return transaction != nullptr && transaction->transaction.is_prepared();
  });
}

}  // namespace

Node::Node(Schedule& schedule, Random random, std::size_t index, core::Options options,
           NodeSurroundings& surroundings)
    : schedule_(schedule),
      random_(random),
      index_(index),
      options_(std::move(options)),
      surroundings_(surroundings),
      disk_(schedule, random_.fork(),
            {.event = [this](core::Event event) { deliver(std::move(event)); },
             .durable =
                 [this](core::Lsn lsn, const core::Record& record) {
                   surroundings_.on_durable(index_, lsn, record);
                 },
             .violation =
                 [this](const std::string& what) { surroundings_.on_violation(index_, what); },
             .failed = [this] { crash(); }}) {
  disk_.image.incarnation = options_.incarnation;
}

core::Instant Node::local_now() const {
  const std::int64_t world = schedule_.now().count();
  // Multiplied first: a slow clock would else step back at every millionth nanosecond.
  const std::int64_t drifted = world + world * clock.drift_ppm / 1'000'000;
  return core::Instant{Time{drifted} + clock.monotonic_offset};
}

std::uint64_t Node::wall_ms() const {
  const std::int64_t world_ms = schedule_.now().count() / 1'000'000;
  const std::int64_t drifted = world_ms + world_ms * clock.drift_ppm / 1'000'000;
  return wall_ms_at_begin + static_cast<std::uint64_t>(drifted + clock.wall_skew_ms);
}

bool Node::was_away_past_retention() const {
  return away_since_ && schedule_.now() - *away_since_ > options_.timing.retention;
}

void Node::start() {
  NEMCON_CHECK(!is_alive());
  NEMCON_CHECK(!gone_);
  ++life_;
  ++counts_.start_count;
  if (was_away_past_retention()) ++counts_.late_start_count;
  paused_ = false;
  fenced_ = false;
  clock.monotonic_offset = std::chrono::seconds{random_.between(10, 100'000)};
  options_.incarnation = disk_.image.incarnation;
  options_.nonce = random_.id();
  options_.seed = random_.next();
  disk_.begin_life();
  if (disk_.image.is_damaged()) {
    ++counts_.refused_count;
    surroundings_.on_crashed(index_);
    return;
  }
  engine_ = std::make_unique<core::Engine>(options_, disk_.image.restored());
  deliver(core::LifeBegins{});
  if (is_alive() && disk_.is_full()) deliver(core::DiskFull{true});
}

void Node::crash() {
  NEMCON_CHECK(is_alive());
  ++counts_.crash_count;
  if (is_in_doubt(*engine_)) ++counts_.in_doubt_crash_count;
  ++life_;
  ++alarm_;
  engine_.reset();
  if (!paused_) away_since_ = schedule_.now();
  crash_plan_.reset();
  paused_ = false;
  backlog_.clear();
  held_.clear();
  frames_.clear();
  disk_.crash();
  surroundings_.on_crashed(index_);
  if (checks_recovery && !disk_.image.is_damaged()) check_recovery();
}

void Node::check_recovery() {
  const std::string difference = compare_recovery(options_, disk_.image);
  if (!difference.empty()) {
    surroundings_.on_violation(index_, "recovered state differs: " + difference);
  }
}

void Node::pause() {
  if (!is_running()) return;
  paused_ = true;
  away_since_ = schedule_.now();
  ++counts_.pause_count;
}

void Node::resume() {
  if (!paused_) return;
  if (was_away_past_retention()) ++counts_.late_resume_count;
  paused_ = false;
  std::deque<core::Event> backlog = std::move(backlog_);
  backlog_.clear();
  const std::uint64_t life = life_;
  for (core::Event& event : backlog) {
    if (life != life_) return;
    const bool is_request = std::holds_alternative<core::ClientRequested>(event) ||
                            std::holds_alternative<core::ClientKnown>(event) ||
                            std::holds_alternative<core::ClientGone>(event);
    if (is_request) {
      deliver_request(std::move(event));
    } else {
      deliver(std::move(event));
    }
  }
}

void Node::deliver(core::Event event) {
  if (!is_alive()) return;
  if (paused_) {
    backlog_.push_back(std::move(event));
    return;
  }
  step(std::move(event));
}

void Node::deliver_request(core::Event event) {
  if (!is_alive()) return;
  if (paused_) {
    backlog_.push_back(std::move(event));
    return;
  }
  if (!held_.empty() || engine_->is_congested()) {
    ++counts_.congested_count;
    held_.push_back(std::move(event));
    return;
  }
  step(std::move(event));
}

void Node::take_held_requests() {
  while (is_running() && !held_.empty() && !engine_->is_congested()) {
    core::Event event = std::move(held_.front());
    held_.pop_front();
    step(std::move(event));
  }
}

void Node::step(core::Event event) {
  ++counts_.step_count;
  surroundings_.on_input(index_, event);
  room_.on_input(event);
  const bool may_free = !held_.empty() && !std::holds_alternative<core::ClientRequested>(event);
  core::Effects effects;
  engine_->step({local_now(), wall_ms(), std::move(event)}, effects);
  surroundings_.on_emitted(index_, effects);
  check_room(effects);
  if (effects.fenced) fenced_ = true;
  const std::uint64_t life = life_;
  set_alarm(effects.wake_at);
  carry_out(effects);
  if (life == life_ && may_free) take_held_requests();
}

void Node::check_room(const core::Effects& effects) {
  for (const core::Write& write : effects.writes) {
    const std::string flaw = room_.flaw_of(write.record);
    if (!flaw.empty()) surroundings_.on_violation(index_, flaw);
    if (const auto* voted = std::get_if<core::Voted>(&write.record)) {
      for (const core::OwnBranch& own : voted->branches)
        counts_.no_room_count += own.vote.reason == core::Reason::disk_full ? 1 : 0;
    }
  }
  for (const core::ClientReply& reply : effects.replies) {
    const auto* denied = std::get_if<core::Denied>(&reply.reply);
    if (denied != nullptr && denied->reason == core::Reason::disk_full) ++counts_.no_room_count;
  }
}

void Node::set_alarm(std::optional<core::Instant> wake_at) {
  ++alarm_;
  if (!wake_at) return;
  // The oscillator's drift is small: the alarm may ring a little early or late, as alarms do.
  // An early one makes the engine ask again, so it is never rung in the same moment.
  const Time wait = std::max(*wake_at - local_now(), Time{1});
  schedule_.at(schedule_.now() + wait, Nature::timer, [this, alarm = alarm_] {
    if (alarm == alarm_) deliver(core::DeadlinePassed{});
  });
}

// Gives the actions from `first` on rising random keys: they keep their order among themselves
// and fall anywhere among the others.
void Node::order_group(std::vector<Action>& actions, std::size_t first) {
  std::vector<std::uint64_t> keys;
  keys.reserve(actions.size() - first);
  for (std::size_t index = first; index < actions.size(); ++index)
    keys.push_back(random_.next());
  std::sort(keys.begin(), keys.end());
  for (std::size_t index = first; index < actions.size(); ++index) {
    actions[index].key = keys[index - first];
  }
}

void Node::plan_actions(const core::Effects& effects, std::vector<Action>& actions) {
  using Kind = Action::Kind;
  for (std::size_t index = 0; index < effects.sends.size(); ++index) {
    actions.push_back({Kind::send, index, random_.next()});
  }
  const auto add_ordered = [&](Kind kind, std::size_t count) {
    for (std::size_t index = 0; index < count; ++index)
      actions.push_back({kind, index, 0});
  };
  std::size_t first = actions.size();
  add_ordered(Kind::write, effects.writes.size());
  order_group(actions, first);
  first = actions.size();
  add_ordered(Kind::read, effects.reads.size());
  add_ordered(Kind::checkpoint, effects.checkpoint ? 1 : 0);
  order_group(actions, first);
  first = actions.size();
  add_ordered(Kind::reply, effects.replies.size());
  order_group(actions, first);
  if (!shuffles) return;
  std::sort(actions.begin(), actions.end(),
            [](const Action& a, const Action& b) { return a.key < b.key; });
}

void Node::carry_out(core::Effects& effects) {
  std::vector<Action> actions;
  plan_actions(effects, actions);
  const std::uint64_t life = life_;
  for (const Action& action : actions) {
    if (try_crash_at(effects, action, true)) return;
    perform(effects, action);
    if (life != life_) return;
    if (try_crash_at(effects, action, false)) return;
  }
  flush_frames();
}

bool Node::try_crash_at(const core::Effects& effects, const Action& action, bool before) {
  if (!crash_plan_ || crash_plan_->before != before) return false;
  const char* name = "";
  if (action.kind == Action::Kind::send) name = kind_of(effects.sends[action.index].message);
  if (action.kind == Action::Kind::write && before) {
    name = kind_of(effects.writes[action.index].record);
  }
  if (!crash_plan_->at.empty() && crash_plan_->at != name) return false;
  if (crash_plan_->skip > 0) {
    --crash_plan_->skip;
    return false;
  }
  // What was handed to the transport before may or may not have left.
  if (random_.chance(500'000)) flush_frames();
  ++counts_.mid_effects_crash_count;
  crash();
  return true;
}

void Node::perform(core::Effects& effects, const Action& action) {
  switch (action.kind) {
    case Action::Kind::send: {
      core::Send& send = effects.sends[action.index];
      auto frame = std::find_if(frames_.begin(), frames_.end(),
                                [&](const auto& open) { return open.first == send.to; });
      if (frame == frames_.end()) frame = frames_.insert(frame, {send.to, {}});
      frame->second.push_back(std::move(send.message));
      return;
    }
    case Action::Kind::write:
      disk_.append(std::move(effects.writes[action.index]));
      return;
    case Action::Kind::read:
      disk_.read(effects.reads[action.index]);
      return;
    case Action::Kind::checkpoint:
      disk_.checkpoint(std::move(*effects.checkpoint));
      return;
    case Action::Kind::reply:
      surroundings_.on_reply(index_, effects.replies[action.index]);
      return;
  }
}

// All messages of one step to one peer travel in one frame.
void Node::flush_frames() {
  auto frames = std::move(frames_);
  frames_.clear();
  for (auto& [to, messages] : frames) {
    surroundings_.on_frame(index_, to, engine_->header_for(to), std::move(messages));
  }
}

}  // namespace nemcon::sim
