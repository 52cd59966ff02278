#include "tests/sim/plan.hpp"

#include <algorithm>

namespace nemcon::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const char* const node_names[] = {"shop",   "warehouse", "billing", "depot", "harbour",
                                  "office", "archive",   "lab",     "mill"};

// Of all that is drawn for this, the least; a long run is longer than that.
constexpr Time retention_least = seconds{20};

class Draw {
 public:
  explicit Draw(const PlanWishes& wishes) : random_(wishes.seed ^ 0x51a9e5), wishes_(wishes) {
    plan_.seed = wishes.seed;
  }

  Plan run() {
    draw_mesh();
    draw_mode();
    draw_limits();
    draw_services();
    draw_producers();
    draw_habits();
    draw_faults();
    draw_losses();
    draw_failed_flushes();
    draw_keys();
    draw_liar();
    draw_upgrades();
    draw_length();
    return std::move(plan_);
  }

 private:
  bool half() { return random_.chance(500'000); }

  template <class T>
  T one_of(std::initializer_list<T> choices) {
    return *(choices.begin() + random_.below(choices.size()));
  }

  void draw_mesh() {
    const std::size_t count = one_of<std::size_t>({1, 2, 2, 3, 3, 3, 3, 4, 4, 5, 5, 6, 7, 9});
    for (std::size_t index = 0; index < count; ++index) {
      core::Options options;
      options.name = node_names[index];
      const std::uint64_t queue_count = 1 + random_.below(count < 4 ? 3 : 2);
      for (std::uint64_t queue = 0; queue < queue_count; ++queue) {
        options.queues.push_back(draw_queue(queue));
      }
      plan_.nodes.push_back(std::move(options));
    }
  }

  core::QueueOptions draw_queue(std::uint64_t index) {
    core::QueueOptions queue;
    queue.name = std::string("q") + static_cast<char>('a' + index);
    queue.ordering = static_cast<core::Ordering>(random_.below(3));
    queue.lease = one_of<Time>({milliseconds{300}, seconds{2}, seconds{30}});
    queue.max_deliveries = one_of<std::uint32_t>({2, 3, 5, 20});
    if (random_.chance(150'000)) queue.max_messages = random_.between(5, 40);
    if (random_.chance(300'000)) queue.when_full = core::WhenFull::wait;
    return queue;
  }

  void draw_mode() {
    const std::size_t count = plan_.nodes.size();
    const std::uint64_t draw = random_.below(100);
    std::uint32_t witnesses = 1;
    std::string coordinator;
    if (count >= 5 && draw < 20) {
      witnesses = 5;
    } else if (count >= 3 && draw < 65) {
      witnesses = 3;
    } else if (count >= 2 && draw < 82) {
      coordinator = plan_.nodes[random_.below(count)].name;
    }
    plan_.mode = !coordinator.empty() ? "C"
                 : witnesses == 1     ? "S"
                                      : "X" + std::to_string(witnesses);
    for (core::Options& options : plan_.nodes) {
      options.witnesses = witnesses;
      options.coordinator = coordinator;
    }
  }

  void draw_limits() {
    const bool small_head = random_.chance(300'000);
    const bool small_overlay = random_.chance(200'000);
    const bool small_window = random_.chance(100'000);
    const auto retention = one_of<Time>({retention_least, seconds{60}, std::chrono::minutes{15}});
    const auto interval = one_of<Time>({milliseconds{5}, milliseconds{100}, seconds{1}});
    for (core::Options& options : plan_.nodes) {
      if (small_head) options.limits.head_messages_max = 4;
      if (small_head) options.limits.head_bytes_max = 256;
      if (small_overlay) options.limits.overlay_bytes_checkpoint = 2048;
      if (small_overlay) options.limits.overlay_bytes_max = 16384;
      if (small_window) options.limits.window_max = 16;
      options.timing.retention = retention;
      options.timing.checkpoint_interval = interval;
    }
    plan_.patience = patience_for(retention);
  }

  // A row that nobody tells about is asked about after retention (Rule P-14); one of an anonymous
  // client may have to wait until it has expired, and the floor is past that.
  static Time patience_for(Time retention) { return seconds{200} + retention * 5 / 2; }

  void draw_services() {
    const std::uint64_t count = random_.below(4);
    for (std::uint64_t index = 0; index < count; ++index) {
      ServicePlan service;
      service.name = "s" + std::to_string(index);
      service.node = random_.below(plan_.nodes.size());
      service.instance_count = 1 + random_.below(2);
      plan_.services.push_back(service);
    }
  }

  void draw_producers() {
    const std::uint64_t count = 1 + random_.below(6);
    const auto quota = static_cast<std::uint32_t>(
        std::max<std::uint64_t>(1, wishes_.size * (1 + random_.below(3)) / count));
    Mix mix;
    std::uint32_t* const weights[] = {&mix.single, &mix.several,    &mix.transfer,
                                      &mix.call,   &mix.impossible, &mix.check};
    for (std::uint32_t* weight : weights) {
      if (random_.chance(200'000)) *weight = 0;
    }
    if (mix.single + mix.several + mix.transfer == 0) mix.several = 1;
    for (std::uint64_t index = 0; index < count; ++index) {
      ProducerPlan producer;
      if (half()) producer.name = "named-" + std::to_string(index);
      for (std::size_t node = 0; node < plan_.nodes.size(); ++node)
        producer.homes.push_back(node);
      random_.shuffle(producer.homes);
      producer.window = one_of<std::uint32_t>({1, 1, 2, 4, 8, 16});
      producer.quota = quota;
      producer.think_max = one_of<Time>({milliseconds{0}, milliseconds{20}, milliseconds{200}});
      producer.filling_bytes_max = one_of<std::size_t>({0, 0, 40, 400});
      producer.own_deadlines = one_of<std::uint32_t>({0, 0, 100'000});
      producer.mix = mix;
      plan_.producers.push_back(producer);
    }
    plan_.zombies = random_.chance(100'000);
  }

  void draw_habits() {
    ConsumerHabits& consumer = plan_.consumer;
    plan_.consumers_per_queue = one_of<std::size_t>({1, 1, 2, 3});
    consumer.credit = one_of<std::uint32_t>({1, 4, 32});
    consumer.think_max = one_of<Time>({milliseconds{0}, milliseconds{20}, milliseconds{300}});
    consumer.nacks = one_of<std::uint32_t>({0, 50'000, 200'000});
    consumer.rejects = one_of<std::uint32_t>({0, 5'000, 50'000});
    consumer.forgets = one_of<std::uint32_t>({0, 10'000, 50'000});
    consumer.extends = one_of<std::uint32_t>({0, 20'000});
    consumer.transacts = one_of<std::uint32_t>({0, 100'000, 400'000});
    ServiceHabits& service = plan_.service;
    service.think_max = one_of<Time>({milliseconds{0}, milliseconds{10}, milliseconds{500}});
    service.refuses = one_of<std::uint32_t>({0, 100'000});
    service.read_only = one_of<std::uint32_t>({0, 100'000});
    service.hangs = one_of<std::uint32_t>({0, 0, 20'000});
    service.dies_prepared = one_of<std::uint32_t>({0, 20'000});
    service.dies_done = one_of<std::uint32_t>({0, 20'000});
  }

  // Zero in two of five plans.
  Time interval(Time least, Time most) {
    if (random_.chance(400'000)) return Time{0};
    return Time{static_cast<std::int64_t>(random_.between(
        static_cast<std::uint64_t>(least.count()), static_cast<std::uint64_t>(most.count())))};
  }

  void draw_faults() {
    plan_.trouble = one_of<Time>({seconds{2}, seconds{6}, seconds{15}});
    if (random_.chance(80'000)) return;  // A run without any fault.
    FaultPlan& faults = plan_.faults;
    faults.crash = interval(milliseconds{150}, seconds{3});
    faults.pause = interval(milliseconds{300}, seconds{4});
    faults.cut = interval(milliseconds{200}, seconds{3});
    faults.slow_disk = interval(milliseconds{500}, seconds{5});
    faults.full_disk = interval(seconds{1}, seconds{5});
    faults.clock_jump = interval(milliseconds{300}, seconds{4});
    faults.link = interval(milliseconds{100}, seconds{2});
    faults.client_restart = interval(milliseconds{500}, seconds{6});
    faults.service_restart = interval(milliseconds{300}, seconds{3});
    faults.down_max = one_of<Time>({milliseconds{50}, milliseconds{700}, seconds{3}, seconds{8}});
    faults.far_jumps = random_.chance(100'000);
    NetworkRates& network = faults.network;
    network.delay_max = one_of<Time>({milliseconds{1}, milliseconds{5}, milliseconds{40}});
    network.lost = one_of<std::uint32_t>({0, 1'000, 20'000, 150'000});
    network.doubled = one_of<std::uint32_t>({0, 5'000, 100'000});
    network.delayed = one_of<std::uint32_t>({0, 10'000, 200'000});
    network.delayed_max = one_of<Time>({milliseconds{20}, milliseconds{300}, seconds{3}});
    network.very_late = one_of<std::uint32_t>({0, 0, 2'000, 20'000});
  }

  // What names a lost node, or a liar, may stay unfinished and fill its client's window.
  void fill_no_window() {
    for (core::Options& options : plan_.nodes)
      options.limits.window_max = core::Limits{}.window_max;
  }

  // Nodes that never come back as they were: no more than the mode promises to bear.
  void draw_losses() {
    const std::size_t bearable = plan_.mode == "X3" ? 1 : plan_.mode == "X5" ? 2 : 0;
    if (bearable == 0 || !random_.chance(350'000)) return;
    fill_no_window();
    FaultPlan& faults = plan_.faults;
    faults.gone_count = 1 + random_.below(bearable);
    faults.restores_backup = random_.chance(300'000);
    faults.clones = !faults.restores_backup && random_.chance(100'000);
    faults.rots = !faults.restores_backup && !faults.clones && random_.chance(250'000);
  }

  // From a source of its own: what else a seed stands for does not depend on it.
  void draw_failed_flushes() {
    Random random{plan_.seed ^ 0x666c757368};
    if (plan_.faults.crash == Time{0} || !random.chance(300'000)) return;
    plan_.faults.failed_flush = milliseconds{random.between(500, 4'000)};
  }

  // From a source of its own, too.
  void draw_keys() {
    Random random{plan_.seed ^ 0x6b657973};
    if (!random.chance(200'000)) return;
    plan_.keys.secured = true;
    plan_.keys.impostor = random.chance(300'000);
    for (core::Options& options : plan_.nodes)
      options.permissions.secured = true;
    for (std::size_t index = 0; index < plan_.producers.size(); ++index) {
      const std::string account = account_of_producer(plan_.producers[index], index);
      if (random.chance(500'000)) {
        grant_some(account, random);
      } else {
        grant_all(account);
      }
    }
    for (const ServicePlan& service : plan_.services) {
      for (std::size_t instance = 0; instance < service.instance_count; ++instance) {
        grant_all("serves-" + service.name + "." + std::to_string(instance));
      }
    }
    std::size_t consumer_count = 0;
    for (const core::Options& options : plan_.nodes)
      consumer_count += options.queues.size() * (plan_.consumers_per_queue + 1);
    for (std::size_t index = 0; index < consumer_count; ++index) {
      grant_all("c" + std::to_string(index));
      grant_all("taker-c" + std::to_string(index));
    }
    // Of an impostor: it may do everything in its own name.
    grant_all("impostor");
  }

  // Where there is something that it has no part in, and nothing else that makes nodes forget.
  void draw_liar() {
    Random random{plan_.seed ^ 0x6c696172};
    const std::size_t least = plan_.mode == "X3" ? 4 : plan_.mode == "X5" ? 6 : 3;
    if (plan_.nodes.size() < least || !random.chance(150'000)) return;
    const std::size_t liar = random.below(plan_.nodes.size());
    if (plan_.nodes[liar].name == plan_.nodes[0].coordinator) return;
    plan_.liar = liar;
    fill_no_window();
    plan_.faults.gone_count = 0;
    plan_.faults.restores_backup = false;
    plan_.faults.clones = false;
    plan_.faults.rots = false;
    for (ProducerPlan& producer : plan_.producers)
      std::erase(producer.homes, liar);
  }

  // From a source of its own, too.
  void draw_upgrades() {
    Random random{plan_.seed ^ 0x75706772};
    const FaultPlan& faults = plan_.faults;
    const bool restarts = faults.crash != Time{0} && faults.gone_count == 0;
    if (plan_.nodes.size() < 2 || !restarts || !random.chance(200'000)) return;
    plan_.faults.upgrade = milliseconds{random.between(500, 4'000)};
  }

  // What hangs on retention meets faults only where they go on past it, and nodes are away for so
  // long. About as many faults and transactions as else, so that a run costs little more. From a
  // source of its own, too.
  void draw_length() {
    Random random{plan_.seed ^ 0x61776179};
    if (!random.chance(50'000) && !wishes_.is_long) return;
    plan_.is_long = true;
    plan_.trouble = milliseconds{random.between(60'000, 90'000)};
    plan_.patience = patience_for(retention_least);
    for (core::Options& options : plan_.nodes)
      options.timing.retention = retention_least;
    FaultPlan& faults = plan_.faults;
    faults.outages = static_cast<std::uint32_t>(random.between(50'000, 300'000));
    const auto factor = static_cast<int>(random.between(3, 8));
    for (Time* const mean :
         {&faults.crash, &faults.pause, &faults.cut, &faults.slow_disk, &faults.full_disk,
          &faults.failed_flush, &faults.clock_jump, &faults.link, &faults.client_restart,
          &faults.service_restart, &faults.upgrade}) {
      *mean *= factor;
    }
    // Enough pauses between transactions to have some left in the end.
    for (ProducerPlan& producer : plan_.producers) {
      const Time spread = plan_.trouble * 3 / 2 * producer.window / producer.quota;
      producer.think_max = std::max(producer.think_max, spread);
    }
  }

  void grant_all(const std::string& account) {
    for (core::Options& options : plan_.nodes) {
      options.permissions.clients.push_back(
          {.name = account,
           .allow = {"send *@*", "consume *@*", "serve *@*", "call *@*", "browse *@*"}});
    }
  }

  // Each queue says for itself who may send to it. Some clients are let go by all other nodes: then
  // only the owner of the branch can stop them.
  void grant_some(const std::string& account, Random& random) {
    const bool lenient = random.chance(600'000);
    const std::uint32_t share = random.chance(500'000) ? 150'000 : 500'000;
    std::vector<std::vector<std::string>> sends(plan_.nodes.size());
    for (std::size_t owner = 0; owner < plan_.nodes.size(); ++owner) {
      const std::string& name = plan_.nodes[owner].name;
      for (const core::QueueOptions& queue : plan_.nodes[owner].queues) {
        const std::string address = queue.name + '@' + name;
        const bool forbidden = random.chance(share);
        if (forbidden) plan_.keys.forbidden.insert(account + ' ' + address);
        for (std::size_t node = 0; node < plan_.nodes.size(); ++node) {
          const bool lets = !forbidden || (lenient && node != owner);
          if (lets) sends[node].push_back("send " + address);
        }
      }
    }
    for (std::size_t node = 0; node < plan_.nodes.size(); ++node) {
      std::vector<std::string> allow = {"call *@*", "browse *@*"};
      allow.insert(allow.end(), sends[node].begin(), sends[node].end());
      plan_.nodes[node].permissions.clients.push_back({.name = account, .allow = allow});
    }
  }

  Random random_;
  PlanWishes wishes_;
  Plan plan_;
};

void add_interval(std::string& text, const char* name, Time interval) {
  if (interval == Time{0}) return;
  text += std::string(" ") + name + '/' + std::to_string(interval.count() / 1'000'000) + "ms";
}

}  // namespace

std::string account_of_producer(const ProducerPlan& producer, std::size_t index) {
  return producer.name.empty() ? "p" + std::to_string(index) : producer.name;
}

Plan draw_plan(const PlanWishes& wishes) {
  return Draw{wishes}.run();
}

std::string Plan::text() const {
  std::string text = std::to_string(nodes.size()) + " nodes, mode " + mode + ", " +
                     std::to_string(producers.size()) + " producers, " +
                     std::to_string(services.size()) + " services; faults:";
  add_interval(text, "crash", faults.crash);
  add_interval(text, "pause", faults.pause);
  add_interval(text, "cut", faults.cut);
  add_interval(text, "slow-disk", faults.slow_disk);
  add_interval(text, "full-disk", faults.full_disk);
  add_interval(text, "failed-flush", faults.failed_flush);
  add_interval(text, "clock", faults.clock_jump);
  add_interval(text, "link", faults.link);
  add_interval(text, "client", faults.client_restart);
  add_interval(text, "service", faults.service_restart);
  add_interval(text, "upgrade", faults.upgrade);
  if (faults.network.lost != 0) text += " loss";
  if (faults.network.doubled != 0) text += " double";
  if (faults.network.delayed != 0) text += " delay";
  if (faults.network.very_late != 0) text += " very-late";
  if (faults.gone_count != 0) text += " gone " + std::to_string(faults.gone_count);
  if (faults.restores_backup) text += " restored-backup";
  if (faults.clones) text += " clone";
  if (faults.rots) text += " bit-rot";
  if (is_long) text += " long";
  if (zombies) text += " zombie-clients";
  if (keys.secured) text += " keys, " + std::to_string(keys.forbidden.size()) + " forbidden";
  if (liar) text += " liar " + nodes[*liar].name;
  if (keys.impostor) text += " impostor";
  return text;
}

}  // namespace nemcon::sim
