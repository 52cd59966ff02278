#include "tests/sim/nemesis.hpp"

#include <algorithm>
#include <cstdlib>

#include "transport/codec.hpp"

namespace nemcon::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// What a clock is wrong by that nobody has to notice: less than `max_drift`.
constexpr std::int64_t skew_ms_max = 4'000;

// One that was set right is believed to be wrong for a while: by itself, as a node follows its
// clock slowly, and by others that have not heard from it since.
constexpr Time clock_settles{seconds{10}};

// About as long as outcomes are kept, and longer: they are asked about, or forgotten, meanwhile.
constexpr Time outage_min{seconds{15}};
constexpr Time outage_max{seconds{40}};
constexpr Time outage_longest{seconds{120}};

constexpr Time pause_max{seconds{4}};
constexpr Time silence_noticed{seconds{1}};

// In which all meet a node that is an old copy.
constexpr Time calm{seconds{5}};

bool is_far_off(const NodeClock& clock) {
  return std::abs(clock.wall_skew_ms) > skew_ms_max;
}

// Moments at which a crash is worth more than at others: between a promise and what follows.
const char* const crash_points[] = {"",
                                    "",
                                    "prepare",
                                    "vote",
                                    "accepted",
                                    "decision",
                                    "promise",
                                    "propose",
                                    "voted",
                                    "decided",
                                    "forget",
                                    "forgotten",
                                    "all_informed",
                                    "decided_alone",
                                    "sent",
                                    "session_opened",
                                    "accepted_votes"};

}  // namespace

Nemesis::Nemesis(World& world, const FaultPlan& plan, std::vector<Session*> clients,
                 std::vector<Session*> services)
    : world_(world),
      plan_(plan),
      random_(world.random.fork()),
      clients_(std::move(clients)),
      services_(std::move(services)) {}

Time Nemesis::between(Time low, Time high) {
  return Time{static_cast<std::int64_t>(random_.between(static_cast<std::uint64_t>(low.count()),
                                                        static_cast<std::uint64_t>(high.count())))};
}

// How long something stays broken. In a long run now and then longer than outcomes are kept.
Time Nemesis::length(Time low, Time high) {
  if (!random_.chance(plan_.outages)) return between(low, high);
  return between(outage_min, random_.chance(125'000) ? outage_longest : outage_max);
}

void Nemesis::later(Time delay, std::function<void()> action) {
  world_.schedule.at(world_.schedule.now() + delay, Nature::timer, [this, action] {
    if (active_) action();
  });
}

// Again and again, each time after between a tenth and twice of the mean.
void Nemesis::plan(Time mean, Fault fault) {
  if (mean == Time{0}) return;
  later(between(mean / 10, mean * 2), [this, mean, fault] {
    if (world_.schedule.now() >= calm_until_) (this->*fault)();
    plan(mean, fault);
  });
}

void Nemesis::begin() {
  active_ = true;
  world_.network.rates = plan_.network;
  plan(plan_.crash, &Nemesis::crash_one);
  plan(plan_.pause, &Nemesis::pause_one);
  plan(plan_.cut, &Nemesis::cut_some);
  plan(plan_.slow_disk, &Nemesis::slow_one_disk);
  plan(plan_.full_disk, &Nemesis::fill_one_disk);
  plan(plan_.failed_flush, &Nemesis::fail_one_flush);
  plan(plan_.clock_jump, &Nemesis::jump_one_clock);
  plan(plan_.link, &Nemesis::hurt_one_link);
  plan(plan_.client_restart, &Nemesis::restart_one_client);
  plan(plan_.service_restart, &Nemesis::restart_one_service);
  plan(plan_.upgrade, &Nemesis::upgrade_one);
  plan_losses();
}

std::optional<std::size_t> Nemesis::pick_running() {
  std::vector<std::size_t> running;
  for (std::size_t index = 0; index < world_.node_count(); ++index) {
    if (world_.node(index).is_running() && !lost_.contains(index)) running.push_back(index);
  }
  if (running.empty()) return std::nullopt;
  return random_.pick(running);
}

// Not one that is gone for good; at least one stays.
std::size_t Nemesis::pick_present() {
  std::vector<std::size_t> present;
  for (std::size_t index = 0; index < world_.node_count(); ++index) {
    if (!lost_.contains(index)) present.push_back(index);
  }
  return random_.pick(present);
}

// ---- processes ------------------------------------------------------------------------------

void Nemesis::crash_one() {
  const auto node = pick_running();
  if (!node) return;
  if (random_.chance(300'000)) {
    crash_now(*node);
    return;
  }
  CrashPlan crash;
  crash.at = crash_points[random_.below(std::size(crash_points))];
  crash.skip = static_cast<std::uint32_t>(random_.below(crash.at.empty() ? 40 : 4));
  crash.before = random_.chance(500'000);
  world_.node(*node).plan_crash(crash);
  // It may not come to that point; it is looked after until it is up again.
  plan_restart(*node);
}

void Nemesis::crash_now(std::size_t node) {
  world_.crash(node);
  plan_restart(node);
}

void Nemesis::plan_restart(std::size_t node) {
  later(length(milliseconds{1}, plan_.down_max), [this, node] {
    if (lost_.contains(node)) return;
    if (!world_.node(node).is_alive()) {
      world_.start(node);
    } else if (world_.node(node).has_crash_plan() || world_.node(node).disk().fails_flush()) {
      plan_restart(node);
    }
  });
}

// The first node of a rolling upgrade, and its way back.
void Nemesis::upgrade_one() {
  const auto node = pick_running();
  if (!node || world_.network.version(*node) != transport::protocol_version) return;
  ++counts_["version skew"];
  install(*node, transport::protocol_version + 1);
  later(between(milliseconds{20}, seconds{3}),
        [this, node] { install(*node, transport::protocol_version); });
}

void Nemesis::install(std::size_t node, std::uint8_t version) {
  world_.tell_fault(static_cast<int>(node), "comes back with version " + std::to_string(version));
  if (world_.node(node).is_alive()) world_.crash(node);
  world_.network.set_version(node, version);
  plan_restart(node);
}

void Nemesis::pause_one() {
  const auto node = pick_running();
  if (!node) return;
  ++counts_["pause"];
  world_.tell_fault(static_cast<int>(*node), "is paused");
  world_.node(*node).pause();
  const Time most = length(milliseconds{5}, pause_max);
  // Its peers miss its heartbeats, and end the connection.
  const bool is_missed = most > pause_max;
  const auto miss = [this, node] {
    if (world_.node(*node).is_paused()) isolate(*node, true);
  };
  if (is_missed) later(silence_noticed, miss);
  later(most, [this, node, is_missed] {
    world_.tell_fault(static_cast<int>(*node), "goes on");
    world_.node(*node).resume();
    if (is_missed) isolate(*node, false);
  });
}

void Nemesis::isolate(std::size_t node, bool is_cut) {
  for (std::size_t other = 0; other < world_.node_count(); ++other) {
    if (other == node) continue;
    world_.network.cut(node, other, is_cut);
    world_.network.cut(other, node, is_cut);
  }
}

// ---- the network ----------------------------------------------------------------------------

void Nemesis::cut_some() {
  const std::size_t count = world_.node_count();
  if (count < 2) return;
  std::vector<std::pair<std::size_t, std::size_t>> cuts;
  const std::uint64_t kind = random_.below(3);
  if (kind == 0) {  // One direction between two nodes.
    const std::size_t from = random_.below(count);
    cuts.emplace_back(from, (from + 1 + random_.below(count - 1)) % count);
    ++counts_["cut one way"];
  } else if (kind == 1) {  // Two nodes do not see each other; others see both.
    const std::size_t from = random_.below(count);
    const std::size_t to = (from + 1 + random_.below(count - 1)) % count;
    cuts.emplace_back(from, to);
    cuts.emplace_back(to, from);
    ++counts_["cut partly"];
  } else {  // Two groups.
    ++counts_["cut in two"];
    std::vector<bool> group(count);
    for (std::size_t index = 0; index < count; ++index)
      group[index] = random_.chance(500'000);
    // Not all on one side.
    group[random_.below(count - 1)] = !group[count - 1];
    for (std::size_t from = 0; from < count; ++from) {
      for (std::size_t to = 0; to < count; ++to) {
        if (group[from] != group[to]) cuts.emplace_back(from, to);
      }
    }
  }
  for (const auto& [from, to] : cuts) {
    world_.tell_fault(static_cast<int>(from), "is cut off from " + world_.node(to).name());
    world_.network.cut(from, to, true);
  }
  const Time lasting = length(milliseconds{20}, seconds{4});
  later(lasting, [this, cuts, lasting] {
    if (lasting > world_.node(0).options().timing.retention) ++counts_["cut past retention"];
    for (const auto& [from, to] : cuts)
      world_.network.cut(from, to, false);
  });
}

// ---- disks and clocks -----------------------------------------------------------------------

void Nemesis::slow_one_disk() {
  const std::size_t node = pick_present();
  ++counts_["slow disk"];
  Disk& disk = world_.node(node).disk();
  const DiskSpeed usual;
  const int factor = static_cast<int>(random_.between(5, 300));
  disk.speed.flush_max = usual.flush_max * factor;
  disk.speed.store_max = usual.store_max * factor;
  world_.tell_fault(static_cast<int>(node), "has a slow disk");
  later(between(milliseconds{50}, seconds{3}), [&disk] { disk.speed = DiskSpeed{}; });
}

void Nemesis::fill_one_disk() {
  const std::size_t node = pick_present();
  ++counts_["full disk"];
  world_.tell_fault(static_cast<int>(node), "has a full disk");
  world_.node(node).disk().set_full(true);
  later(between(milliseconds{50}, seconds{3}), [this, node] {
    world_.tell_fault(static_cast<int>(node), "has room again");
    world_.node(node).disk().set_full(false);
  });
}

void Nemesis::fail_one_flush() {
  const auto node = pick_running();
  if (!node) return;
  world_.tell_fault(static_cast<int>(*node), "has a disk that fails its next flush");
  world_.node(*node).disk().fail_flush();
  plan_restart(*node);
}

// Which of two clocks is right nobody can tell: only a minority of the nodes is taken for far wrong
// at a time.
bool Nemesis::may_be_far_off(std::size_t node) const {
  std::size_t there = 0;
  std::size_t wrong = 0;
  for (std::size_t other = 0; other < world_.node_count(); ++other) {
    if (lost_.contains(other)) continue;
    there += 1;
    const auto settles = clock_settles_at_.find(other);
    const bool was_wrong =
        settles != clock_settles_at_.end() && world_.schedule.now() < settles->second;
    if (other != node && (was_wrong || is_far_off(world_.node(other).clock))) wrong += 1;
  }
  return there <= 2 ? wrong == 0 : 2 * (wrong + 1) < there;
}

void Nemesis::jump_one_clock() {
  const std::size_t node = pick_present();
  ++counts_["clock jump"];
  NodeClock& clock = world_.node(node).clock;
  if (is_far_off(clock)) clock_settles_at_[node] = world_.schedule.now() + clock_settles;
  if (plan_.far_jumps && random_.chance(300'000) && may_be_far_off(node)) {
    clock.wall_skew_ms = static_cast<std::int64_t>(random_.below(7'200'000)) - 3'600'000;
  } else {
    clock.wall_skew_ms = static_cast<std::int64_t>(random_.below(2 * skew_ms_max)) - skew_ms_max;
  }
  world_.tell_fault(static_cast<int>(node),
                    "has its clock at " + std::to_string(clock.wall_skew_ms) + " ms");
}

// ---- clients --------------------------------------------------------------------------------

void Nemesis::hurt_one_link() {
  std::vector<Session*> open;
  for (Session* session : clients_) {
    if (session->is_open()) open.push_back(session);
  }
  for (Session* session : services_) {
    if (session->is_open()) open.push_back(session);
  }
  if (open.empty()) return;
  Session& session = *random_.pick(open);
  const bool silent = random_.chance(200'000);
  ++counts_[silent ? "silent link" : "broken link"];
  world_.tell_fault(static_cast<int>(session.node()), "loses the link of " + session.label());
  if (silent) {
    world_.links.silence(session.link());
  } else {
    world_.links.break_link(session.link());
  }
}

void Nemesis::restart_one_client() {
  if (clients_.empty()) return;
  Session& session = *random_.pick(clients_);
  ++counts_["client restart"];
  world_.tell_fault(-1, session.label() + " dies and starts again");
  session.restart();
}

void Nemesis::restart_one_service() {
  if (services_.empty()) return;
  Session& session = *random_.pick(services_);
  ++counts_["service restart"];
  world_.tell_fault(-1, session.label() + " dies and starts again");
  session.restart();
}

// ---- losses ---------------------------------------------------------------------------------

void Nemesis::plan_losses() {
  const bool is_long = plan_.outages != 0;
  for (std::size_t index = 0; index < plan_.gone_count; ++index) {
    const bool is_special = index == 0;
    const Time when = between(milliseconds{200}, is_long ? outage_max : seconds{3});
    if (is_special && plan_.restores_backup) {
      const std::size_t node = random_.below(world_.node_count());
      later(when, [this, node] {
        if (!lost_.contains(node)) backups_[node] = world_.node(node).disk().image;
      });
      const Time age = between(milliseconds{500}, is_long ? outage_max : seconds{2});
      later(when + age, [this, node] { restore_backup(node); });
    } else if (is_special && plan_.clones) {
      later(when, [this] { clone(random_.pick(untouched())); });
    } else if (is_special && plan_.rots) {
      later(when, [this] { rot_one(); });
    } else {
      later(when, [this] { lose_one(); });
    }
  }
}

// A node is lost in one way only.
std::vector<std::size_t> Nemesis::untouched() const {
  std::vector<std::size_t> left;
  for (std::size_t node = 0; node < world_.node_count(); ++node) {
    const bool may_go = !lost_.contains(node) && !backups_.contains(node);
    if (may_go) left.push_back(node);
  }
  return left;
}

// With a node that some other never met too few are known there, for ever (Rule P-4).
bool Nemesis::is_known_to_all(std::size_t node) const {
  for (std::size_t other = 0; other < world_.node_count(); ++other) {
    if (other == node || lost_.contains(other)) continue;
    if (!kept_sighting(other, node)) return false;
  }
  return true;
}

// What `other` would remember of the node if it started now.
std::optional<core::Sighting> Nemesis::kept_sighting(std::size_t other, std::size_t node) const {
  Node& one = world_.node(other);
  for (const core::Row& row : core::Engine(one.options(), one.disk().image.restored()).dump()) {
    const auto* peer = std::get_if<core::PeerRow>(&row);
    if (peer != nullptr && peer->node == world_.node(node).id()) return peer->sighting;
  }
  return std::nullopt;
}

void Nemesis::lose_one() {
  const std::size_t node = random_.pick(untouched());
  if (!is_known_to_all(node)) {
    later(milliseconds{100}, [this] { lose_one(); });
    return;
  }
  ++counts_["gone for good"];
  lost_.insert(node);
  world_.tell_fault(static_cast<int>(node), "is gone for good");
  if (world_.node(node).is_alive()) world_.crash(node);
  world_.node(node).set_gone();
}

// Where the log finds it the node is gone for good; until then it must go on as if nothing were.
void Nemesis::rot_one() {
  const std::size_t node = random_.pick(untouched());
  if (!is_known_to_all(node) || !world_.node(node).disk().rot()) {
    later(milliseconds{100}, [this] { rot_one(); });
    return;
  }
  ++counts_["bit rot"];
  lost_.insert(node);
  world_.tell_fault(static_cast<int>(node), "has a flipped bit on its disk");
  const auto start_again = [this, node] {
    if (world_.node(node).is_alive()) world_.crash(node);
    world_.start(node);
  };
  later(between(milliseconds{1}, seconds{2}), start_again);
}

// Whether an old copy shows depends on what those have seen of the node whom the copy meets (Rule
// P-37), so they are all within reach.
void Nemesis::call_all() {
  calm_until_ = world_.schedule.now() + calm;
  later(calm, [this] { world_.network.rates = plan_.network; });
  world_.network.mend_all();
  world_.network.rates = NetworkRates{};
  for (std::size_t other = 0; other < world_.node_count(); ++other) {
    Node& one = world_.node(other);
    one.cancel_crash();
    one.disk().mend();
    if (lost_.contains(other)) continue;
    if (one.is_paused()) one.resume();
    if (!one.is_alive()) world_.start(other);
  }
}

// By what those who are there keep for good. In a long run by all of them: one that was away for
// long could go on with the old copy, as a majority, before it hears of what it has missed.
bool Nemesis::is_seen_past(std::size_t node, core::Lsn lsn) const {
  const bool is_long = plan_.outages != 0;
  for (std::size_t other = 0; other < world_.node_count(); ++other) {
    if (other == node || lost_.contains(other) || world_.is_liar(other)) continue;
    const std::optional<core::Sighting> seen = kept_sighting(other, node);
    const bool is_past = seen && seen->lsn > lsn;
    if (is_past != is_long) return is_past;
  }
  return is_long;
}

// The node comes back with what its disk held some time ago. Until a peer has seen more than that
// it would be no old one.
void Nemesis::restore_backup(std::size_t node) {
  if (!backups_.contains(node)) return;  // Gone before the backup was made.
  if (!is_seen_past(node, backups_[node].durable())) {
    later(milliseconds{100}, [this, node] { restore_backup(node); });
    return;
  }
  ++counts_["restored backup"];
  must_be_fenced_.insert(node);
  lost_.insert(node);
  call_all();
  if (world_.node(node).is_alive()) world_.crash(node);
  world_.node(node).disk().image = backups_[node];
  world_.node(node).checks_recovery = false;
  world_.tell_fault(static_cast<int>(node), "comes back with an old disk");
  world_.watcher.excuse(node);
  world_.start(node);
}

void Nemesis::clone(std::size_t node) {
  ++counts_["clone"];
  lost_.insert(node);
  call_all();
  if (world_.node(node).is_paused()) world_.node(node).resume();
  if (!world_.node(node).is_alive()) world_.start(node);
  world_.tell_fault(static_cast<int>(node), "runs a second time");
  world_.watcher.excuse(node);
  world_.start_clone(node);
}

// ---- healing --------------------------------------------------------------------------------

void Nemesis::heal() {
  active_ = false;
  world_.tell_fault(-1, "everything is mended");
  world_.network.rates = NetworkRates{};
  world_.network.mend_all();
  for (std::size_t index = 0; index < world_.node_count(); ++index) {
    Node& node = world_.node(index);
    node.cancel_crash();
    node.clock.wall_skew_ms = 0;
    node.disk().speed = DiskSpeed{};
    // One with an old disk still has clients, unless it found out.
    node.disk().set_full(false);
    node.disk().mend();
    // Also one with a flipped bit: silent for good it would look as if it were there.
    if (node.is_paused()) node.resume();
    if (world_.network.version(index) != transport::protocol_version) {
      if (node.is_alive()) world_.crash(index);
      world_.network.set_version(index, transport::protocol_version);
    }
    if (lost_.contains(index)) continue;
    if (!node.is_alive()) world_.start(index);
  }
}

}  // namespace nemcon::sim
