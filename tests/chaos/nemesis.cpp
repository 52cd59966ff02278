#include "tests/chaos/nemesis.hpp"

#include <algorithm>
#include <thread>
#include <utility>

namespace nemcon::chaos {

Nemesis::Nemesis(const Plan& plan, Cluster& cluster, Network* network, Clients clients)
    : plan_(plan),
      cluster_(cluster),
      network_(network),
      clients_(std::move(clients)),
      random_(plan.seed ^ 0x4e3e515) {
  draw_all();
  std::stable_sort(actions_.begin(), actions_.end(),
                   [](const Action& a, const Action& b) { return a.at < b.at; });
}

void Nemesis::draw_all() {
  const FaultPlan& faults = plan_.faults;
  draw(faults.kill, &Nemesis::draw_kill);
  draw(faults.pause, &Nemesis::draw_pause);
  draw(faults.clock, &Nemesis::draw_clock);
  draw(faults.client_kill, &Nemesis::draw_client);
  if (network_ == nullptr) return;
  draw(faults.disk_full, &Nemesis::draw_disk);
  if (network_->can_filter()) {
    draw(faults.cut, &Nemesis::draw_cut);
    draw(faults.one_way, &Nemesis::draw_one_way);
    draw(faults.isolate, &Nemesis::draw_isolate);
    draw(faults.flap, &Nemesis::draw_flap);
    draw(faults.loss, &Nemesis::draw_loss);
  }
  if (network_->can_slow()) draw(faults.delay, &Nemesis::draw_delay);
  if (network_->can_reset()) draw(faults.reset, &Nemesis::draw_reset);
}

void Nemesis::draw(Milliseconds mean, Fault fault) {
  if (mean.count() == 0) return;
  const auto whole = static_cast<std::uint64_t>(mean.count());
  const auto length_max = static_cast<std::uint64_t>(plan_.faults.trouble_max.count());
  Milliseconds at{0};
  for (;;) {
    at += Milliseconds{random_.between(whole / 2, whole * 3 / 2)};
    if (at >= plan_.trouble) return;
    (this->*fault)(at, Milliseconds{random_.between(50, length_max)});
  }
}

void Nemesis::plan_at(Milliseconds at, std::function<void()> act) {
  actions_.push_back({at, std::move(act)});
}

std::size_t Nemesis::draw_other(std::size_t node) {
  return (node + 1 + random_.below(cluster_.size() - 1)) % cluster_.size();
}

void Nemesis::draw_kill(Milliseconds at, Milliseconds length) {
  const std::size_t node = draw_node();
  plan_at(at, [this, node] {
    if (!cluster_.is_running(node)) return;
    ++counts_["kill"];
    cluster_.kill(node);
  });
  plan_at(at + length, [this, node] { revive(node); });
}

void Nemesis::revive(std::size_t node) {
  if (!cluster_.is_running(node)) cluster_.start(node);
}

void Nemesis::draw_pause(Milliseconds at, Milliseconds length) {
  const std::size_t node = draw_node();
  plan_at(at, [this, node] {
    if (!cluster_.is_running(node) || cluster_.is_paused(node)) return;
    ++counts_["pause"];
    cluster_.pause(node);
  });
  plan_at(at + length, [this, node] { cluster_.resume(node); });
}

void Nemesis::plan_cut(Milliseconds at, Milliseconds length, std::size_t a, std::size_t b) {
  plan_at(at, [this, a, b] {
    network_->cut(a, b);
    network_->cut(b, a);
  });
  plan_at(at + length, [this, a, b] {
    network_->mend(a, b);
    network_->mend(b, a);
  });
}

// Of two nodes, which both still see the others; or of a node and the clients.
void Nemesis::draw_cut(Milliseconds at, Milliseconds length) {
  const std::size_t node = draw_node();
  const std::size_t other = random_.chance(200'000) ? Network::clients : draw_other(node);
  plan_at(at, [this] { ++counts_["cut"]; });
  plan_cut(at, length, node, other);
}

void Nemesis::draw_one_way(Milliseconds at, Milliseconds length) {
  const std::size_t from = draw_node();
  const std::size_t to = random_.chance(200'000) ? Network::clients : draw_other(from);
  plan_at(at, [this, from, to] {
    ++counts_["one-way cut"];
    network_->cut(from, to);
  });
  plan_at(at + length, [this, from, to] { network_->mend(from, to); });
}

// One node, or one and another, on an island; its clients are with it or not.
void Nemesis::draw_isolate(Milliseconds at, Milliseconds length) {
  const std::size_t node = draw_node();
  const std::size_t friend_of_it = random_.chance(300'000) ? draw_other(node) : node;
  const bool clients_too = random_.chance(400'000);
  plan_at(at, [this] { ++counts_["isolation"]; });
  for (std::size_t other = 0; other < cluster_.size(); ++other) {
    if (other == node || other == friend_of_it) continue;
    plan_cut(at, length, node, other);
    if (friend_of_it != node) plan_cut(at, length, friend_of_it, other);
  }
  if (clients_too) plan_cut(at, length, node, Network::clients);
}

void Nemesis::draw_flap(Milliseconds at, Milliseconds length) {
  const std::size_t node = draw_node();
  const std::size_t other = draw_other(node);
  plan_at(at, [this] { ++counts_["flapping"]; });
  Milliseconds passed{0};
  while (passed < length) {
    const Milliseconds cut{random_.between(50, 600)};
    plan_cut(at + passed, cut, node, other);
    passed += cut + Milliseconds{random_.between(50, 600)};
  }
}

void Nemesis::draw_loss(Milliseconds at, Milliseconds length) {
  const std::size_t node = draw_node();
  const auto percent = static_cast<unsigned>(random_.between(1, 40));
  plan_at(at, [this, node, percent] {
    ++counts_["loss"];
    network_->set_loss(node, percent);
  });
  plan_at(at + length, [this, node] { network_->set_loss(node, 0); });
}

void Nemesis::draw_delay(Milliseconds at, Milliseconds length) {
  const std::size_t node = draw_node();
  const auto delay_ms = static_cast<unsigned>(random_.between(5, 200));
  plan_at(at, [this, node, delay_ms] {
    const bool works = network_->set_delay(node, delay_ms);
    ++counts_[works ? "delay" : "delay refused by tc"];
  });
  plan_at(at + length, [this, node] { (void)network_->set_delay(node, 0); });
}

void Nemesis::draw_reset(Milliseconds at, Milliseconds) {
  const std::size_t node = draw_node();
  const std::size_t other = random_.chance(500'000) ? Network::clients : draw_other(node);
  plan_at(at, [this, node, other] {
    if (network_->try_reset(node, other)) ++counts_["reset"];
  });
}

void Nemesis::draw_clock(Milliseconds at, Milliseconds length) {
  const std::size_t node = plan_.faults.clock_victim;
  const bool is_far = plan_.faults.far_clock && random_.chance(300'000);
  const std::uint64_t size = is_far ? 3'600'000 : random_.between(10, 4'000);
  const auto offset = Milliseconds{size} * (random_.chance(500'000) ? 1 : -1);
  plan_at(at, [this, node, offset, is_far] {
    ++counts_[is_far ? "clock off by an hour" : "clock"];
    cluster_.set_clock(node, offset);
  });
  // Some stay until the next one, or until all is healed.
  if (random_.chance(500'000)) {
    plan_at(at + length, [this, node] { cluster_.set_clock(node, Milliseconds{0}); });
  }
}

void Nemesis::draw_disk(Milliseconds at, Milliseconds length) {
  const std::size_t node = plan_.faults.disk_victim;
  if (!cluster_.has_small_disk(node)) return;
  plan_at(at, [this, node] { fill_disk(node); });
  // A node looks at its disk every second.
  plan_at(at + length + Milliseconds{1'200}, [this, node] { free_disk(node); });
}

void Nemesis::fill_disk(std::size_t node) {
  cluster_.fill_disk(node);
  refusals_before_ = cluster_.look_at_disk(node).refusal_count();
  clients_.crowd(true);
}

// It counts once the node refuses new work because of it. What takes messages away may go on then.
void Nemesis::watch_disk() {
  if (!refusals_before_) return;
  if (cluster_.look_at_disk(plan_.faults.disk_victim).refusal_count() == *refusals_before_) return;
  ++counts_["disk full"];
  refusals_before_.reset();
  clients_.crowd(false);
}

void Nemesis::free_disk(std::size_t node) {
  clients_.crowd(false);
  refusals_before_.reset();
  cluster_.free_disk(node);
}

void Nemesis::draw_client(Milliseconds at, Milliseconds) {
  const std::uint64_t chance = random_.next();
  plan_at(at, [this, chance] {
    ++counts_["client kill"];
    clients_.kill(chance);
  });
}

void Nemesis::run(const std::function<bool()>& is_over) {
  const auto began = std::chrono::steady_clock::now();
  const auto passed = [&] {
    return std::chrono::duration_cast<Milliseconds>(std::chrono::steady_clock::now() - began);
  };
  std::size_t next = 0;
  while (passed() < plan_.trouble && !is_over()) {
    for (; next < actions_.size() && actions_[next].at <= passed(); ++next)
      actions_[next].act();
    watch_disk();
    std::this_thread::sleep_for(Milliseconds{2});
  }
}

void Nemesis::heal() {
  if (network_ != nullptr) network_->clear();
  for (std::size_t node = 0; node < cluster_.size(); ++node) {
    cluster_.set_clock(node, Milliseconds{0});
    free_disk(node);
    cluster_.resume(node);
    revive(node);
  }
}

}  // namespace nemcon::chaos
