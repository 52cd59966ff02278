#include "tests/chaos/round.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <memory>
#include <thread>
#include <utility>

#include <unistd.h>

#include "tests/chaos/cluster.hpp"
#include "tests/chaos/liar.hpp"
#include "tests/chaos/producer.hpp"
#include "tests/chaos/server.hpp"
#include "tests/chaos/settling.hpp"
#include "tests/chaos/taker.hpp"
#include "tests/sim/checker.hpp"

namespace nemcon::chaos {
namespace {

constexpr Milliseconds peace_first{500};

// Then the number of the process, and what makes it unique.
const std::string directory_prefix = "nemcon-chaos-";
const char* const history_file = "history.txt";

class Round {
 public:
  Round(const Plan& plan, Network* network, const RoundOptions& options)
      : plan_(plan),
        options_(options),
        network_(network),
        workspace_(directory_prefix + std::to_string(getpid())),
        cluster_(workspace_, plan, network),
        stage_{recorder_, orphans_},
        random_(plan.seed ^ 0xac7025) {}

  ~Round() { end_actors(); }

  Round(const Round&) = delete;
  Round& operator=(const Round&) = delete;

  RoundResult run() {
    if (start()) {
      cast();
      for (const auto& actor : actors_)
        actor->begin();
      trouble();
    }
    return report();
  }

 private:
  [[nodiscard]] bool is_interrupted() const { return options_.interrupted->load(); }

  [[nodiscard]] bool start() {
    cluster_.on_start = [this](const std::string& node) { recorder_.node_started(node); };
    for (std::size_t node = 0; node < cluster_.size(); ++node)
      cluster_.start(node);
    for (std::size_t node = 0; node < cluster_.size(); ++node) {
      if (cluster_.wait_until_ready(node)) continue;
      recorder_.blame("not-ready: " + plan_.nodes[node].name + " did not start");
      return false;
    }
    return true;
  }

  // ---- who takes part -------------------------------------------------------------------------

  void cast() {
    for (std::size_t node = 0; node < plan_.nodes.size(); ++node) {
      for (const QueuePlan& queue : plan_.nodes[node].queues) {
        const std::string address = queue.name + "@" + plan_.nodes[node].name;
        targets_.queues.push_back({address, recorder_.add_queue(address, queue.order)});
        if (node == plan_.faults.disk_victim) targets_.crowded.push_back(targets_.queues.back());
      }
    }
    for (std::uint32_t index = 0; index < plan_.services.size(); ++index) {
      const ServicePlan& service = plan_.services[index];
      targets_.services.push_back({service.name + "@" + plan_.nodes[service.node].name, index});
      cast_service(service);
    }
    std::uint32_t next = 0;
    for (std::size_t node = 0; node < plan_.nodes.size(); ++node) {
      for (const QueuePlan& queue : plan_.nodes[node].queues)
        cast_takers(node, queue, targets_.queues[next++].index);
    }
    for (const ProducerPlan& producer : plan_.producers) {
      actors_.push_back(std::make_unique<Producer>(stage_, random_.next(), producer,
                                                   cluster_.door(producer.homes, producer.name),
                                                   targets_));
    }
  }

  void cast_service(const ServicePlan& service) {
    auto store = std::make_shared<ServiceStore>(recorder_, service, random_.next());
    stores_.push_back(store);
    for (std::size_t instance = 0; instance < service.instance_count; ++instance) {
      actors_.push_back(std::make_unique<Server>(stage_, random_.next(), service.name,
                                                 cluster_.door({service.node}, {}), store));
    }
  }

  void cast_takers(std::size_t node, const QueuePlan& queue, std::uint32_t index) {
    for (std::size_t count = 0; count < queue.consumer_count; ++count) {
      TakerOptions options{.queue = queue.name, .index = index};
      options.habits = plan_.consumer;
      cast_taker(node, options);
    }
    // Its dead-letter queue is the next one of the history.
    cast_taker(node, {.queue = queue.name + ".dead", .index = index + 1});
  }

  void cast_taker(std::size_t node, TakerOptions options) {
    const bool is_named = random_.chance(400'000);
    if (is_named) options.name = "taker-" + std::to_string(actors_.size());
    options.door = cluster_.door({node}, options.name);
    options.is_crowded = node == plan_.faults.disk_victim;
    actors_.push_back(std::make_unique<Taker>(stage_, random_.next(), options, targets_));
  }

  // ---- the course -----------------------------------------------------------------------------

  void trouble() {
    Nemesis nemesis(
        plan_, cluster_, network_,
        {.kill = [this](std::uint64_t chance) { actors_[chance % actors_.size()]->kill(); },
         .crowd = [this](bool on) { stage_.crowds = on; }});
    rest(peace_first);
    begin_liar();
    nemesis.run([this] {
      if (liar_) liar_->see(recorder_.newest_name());
      return is_interrupted();
    });
    // Before the others, since it takes a moment.
    const std::uint64_t lie_count = cluster_.has_liar() ? liar_->end() : 0;
    stage_.quiet = true;
    for (const auto& store : stores_)
      store->behave();
    const auto healed = std::chrono::steady_clock::now();
    nemesis.heal();
    result_.faults = nemesis.counts();
    if (cluster_.has_liar()) result_.faults["lie"] = lie_count;
    if (!plan_.other_nemcond.empty()) result_.faults["version skew"] = 1;
    if (!is_interrupted()) settle(healed);
    end_actors();
  }

  // Once there is something to lie about.
  void begin_liar() {
    if (!cluster_.has_liar()) return;
    liar_ = std::make_unique<Liar>(workspace_.path(), network_->wrapper(0));
    const auto give_up = std::chrono::steady_clock::now() + options_.patience;
    std::string seen = recorder_.newest_name();
    while (seen.empty() && !is_interrupted() && std::chrono::steady_clock::now() < give_up) {
      rest(Milliseconds{20});
      seen = recorder_.newest_name();
    }
    if (!seen.empty()) liar_->begin(seen);
  }

  void rest(Milliseconds time) const { std::this_thread::sleep_for(time); }

  void settle(std::chrono::steady_clock::time_point healed) {
    Settling settling(cluster_, healed);
    const Settled settled = settling.wait(
        options_.patience, [this] { return open(); }, [this] { return is_interrupted(); });
    result_.in_doubt = settled.in_doubt;
    result_.slowest = settled.slowest;
    result_.settled = settled.time;
    result_.lingering_count = settled.lingering_count;
    end_actors();
    if (!settled.left.empty()) {
      recorder_.blame("unsettled: after " + std::to_string(settled.time.count()) +
                      " ms:" + settled.left);
      return;
    }
    ask_for_orphans();
    recorder_.history().drained = true;
  }

  [[nodiscard]] std::string open() const {
    std::size_t waiting = 0;
    for (const auto& actor : actors_)
      waiting += actor->open_count();
    std::size_t prepared = 0;
    for (const auto& store : stores_)
      prepared += store->prepared_count();
    std::string text;
    if (waiting != 0) text += " " + std::to_string(waiting) + " awaited by clients";
    if (std::string heard = recorder_.some_unknown(); !heard.empty()) text += " (" + heard + ")";
    if (prepared != 0) text += " " + std::to_string(prepared) + " prepared in services";
    return text;
  }

  // By a client of the same name, since an outcome is kept for that.
  void ask_for_orphans() {
    std::map<std::string, std::unique_ptr<Client>> clients;
    std::vector<std::pair<Orphans::One, std::future<Outcome>>> answers;
    for (Orphans::One& one : orphans_.take()) {
      std::unique_ptr<Client>& client = clients[one.client];
      if (client == nullptr) {
        client = std::make_unique<Client>(cluster_.door({0}, one.client));
      }
      answers.emplace_back(one, client->outcome_async(one.id));
    }
    for (auto& [one, answer] : answers) {
      try {
        recorder_.told(one.transaction, answer.get());
      } catch (const Error& error) {
        recorder_.blame("no-answer: " + one.id.text() + ": " + error.what());
      }
    }
  }

  void end_actors() {
    for (const auto& actor : actors_)
      actor->stop();
    for (const auto& actor : actors_)
      actor->join();
    actors_.clear();
  }

  // ---- the judgement --------------------------------------------------------------------------

  RoundResult report() {
    result_.was_interrupted = is_interrupted();
    result_.counts = recorder_.counts();
    if (options_.is_canary) recorder_.lie();
    result_.violations = recorder_.blames();
    for (const std::string& trouble : cluster_.troubles())
      result_.violations.push_back(trouble);
    for (const std::string& violation : sim::check(recorder_.history()))
      result_.violations.push_back(violation);
    if (result_.was_interrupted) result_.violations.clear();
    if (is_worth_keeping()) {
      workspace_.keep();
      cluster_.keep();
      result_.directory = workspace_.path();
      write_history(recorder_.history(), workspace_.path(history_file));
    }
    return std::move(result_);
  }

  [[nodiscard]] bool is_worth_keeping() const {
    if (options_.is_canary) return false;
    const bool is_slow = options_.kept_from > Milliseconds{0} && !result_.in_doubt.empty() &&
                         std::ranges::max(result_.in_doubt) > options_.kept_from;
    return !result_.violations.empty() || is_slow;
  }

  const Plan& plan_;
  const RoundOptions& options_;
  Network* network_;
  tests::Workspace workspace_;
  Cluster cluster_;
  Recorder recorder_;
  Orphans orphans_;
  Stage stage_;
  sim::Random random_;
  Targets targets_;
  std::unique_ptr<Liar> liar_;
  std::vector<std::shared_ptr<ServiceStore>> stores_;
  std::vector<std::unique_ptr<Actor>> actors_;
  RoundResult result_;
};

}  // namespace

void remove_stale_directories() {
  const std::filesystem::path all = std::filesystem::temp_directory_path();
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(all, ignored)) {
    const std::string name = entry.path().filename();
    if (!name.starts_with(directory_prefix)) continue;
    const int process = std::atoi(name.c_str() + directory_prefix.size());
    const bool is_alive = process <= 0 || ::kill(process, 0) == 0 || errno != ESRCH;
    // One with a history was kept on purpose.
    if (is_alive || std::filesystem::exists(entry.path() / history_file)) continue;
    std::filesystem::remove_all(entry.path(), ignored);
  }
}

RoundResult run_round(const Plan& plan, Network* network, const RoundOptions& options) {
  return Round{plan, network, options}.run();
}

}  // namespace nemcon::chaos
