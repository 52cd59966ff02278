#include "tests/sim/run.hpp"

#include <algorithm>
#include <memory>
#include <ostream>

#include "tests/sim/checker.hpp"
#include "tests/sim/consumer.hpp"
#include "tests/sim/doubt.hpp"
#include "tests/sim/excuses.hpp"
#include "tests/sim/nemesis.hpp"
#include "tests/sim/plan.hpp"
#include "tests/sim/producer.hpp"
#include "tests/sim/service.hpp"
#include "tests/sim/world.hpp"

namespace nemcon::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// More steps than this in one virtual second: something spins.
constexpr std::uint64_t steps_per_second_max = 3'000'000;

class Run;
const Run* current_run = nullptr;  // For the moment when a check fails.

class Run {
 public:
  Run(const RunOptions& options, Plan plan)
      : options_(options), plan_(std::move(plan)), world_(setup()) {
    current_run = this;
  }

  ~Run() { current_run = nullptr; }

  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  RunResult execute() {
    begin();
    const bool is_well = advance(plan_.trouble);
    note_trouble();
    if (is_well) {
      nemesis_->heal();
      heal_clients();
      if (settle()) judge();
    }
    return report();
  }

  void print(std::ostream& out) const { world_.story.print(out); }

  [[nodiscard]] std::uint64_t submitted_count() const {
    std::uint64_t count = 0;
    for (const auto& session : sessions_)
      count += session->counts().submitted_count;
    return count;
  }

 private:
  WorldSetup setup() const {
    WorldSetup setup;
    setup.seed = plan_.seed;
    setup.nodes = plan_.nodes;
    setup.story_line_count = options_.story_line_count;
    setup.liar = plan_.liar;
    return setup;
  }

  // ---- begin --------------------------------------------------------------------------------

  void begin() {
    world_.keys = plan_.keys;
    collect_targets();
    for (std::size_t index = 0; index < world_.node_count(); ++index) {
      world_.node(index).clock.drift_ppm =
          static_cast<std::int64_t>(world_.random.below(400)) - 200;
      world_.start(index);
    }
    for (std::size_t index = 0; index < plan_.producers.size(); ++index)
      add_producer(index);
    if (plan_.zombies) add_zombie();
    if (plan_.keys.impostor) add_impostor();
    for (std::size_t node = 0; node < world_.node_count(); ++node) {
      for (const core::QueueOptions& queue : plan_.nodes[node].queues) {
        for (std::size_t count = 0; count < plan_.consumers_per_queue; ++count) {
          add_consumer(node, queue.name, plan_.consumer);
        }
        ConsumerHabits plain;
        plain.nacks = plain.rejects = plain.forgets = plain.extends = 0;
        add_consumer(node, queue.name + ".dead", plain);
      }
    }
    for (const ServicePlan& service : plan_.services)
      add_service(service);
    nemesis_ = std::make_unique<Nemesis>(world_, plan_.faults, clients_, service_clients_);
    for (const auto& session : sessions_)
      session->begin();
    for (const auto& producer : producers_)
      producer->begin();
    // Peers first meet in peace, most of the time.
    if (world_.random.chance(700'000)) advance(milliseconds{300});
    nemesis_->begin();
  }

  void collect_targets() {
    for (std::size_t node = 0; node < plan_.nodes.size(); ++node) {
      for (const core::QueueOptions& queue : plan_.nodes[node].queues) {
        queues_.push_back(queue.name + '@' + plan_.nodes[node].name);
      }
    }
    for (const ServicePlan& service : plan_.services) {
      services_.push_back(service.name + '@' + plan_.nodes[service.node].name);
    }
    plan_.consumer.targets = queues_;
  }

  Session& add_session(const std::string& label, const std::string& name,
                       std::vector<std::size_t> homes) {
    sessions_.push_back(std::make_unique<Session>(world_, label, name, std::move(homes)));
    return *sessions_.back();
  }

  void add_producer(std::size_t index) {
    const ProducerPlan& producer = plan_.producers[index];
    Session& session = add_session("p" + std::to_string(index), producer.name, producer.homes);
    clients_.push_back(&session);
    producers_.push_back(std::make_unique<Producer>(world_, session, producer, queues_, services_));
  }

  // The same name in a second process that does not know of the first.
  void add_zombie() {
    for (const ProducerPlan& producer : plan_.producers) {
      if (producer.name.empty()) continue;
      Session& session = add_session("zombie", producer.name, producer.homes);
      producers_.push_back(
          std::make_unique<Producer>(world_, session, producer, queues_, services_));
      ++zombie_count_;
      return;
    }
  }

  // It has a key of its own and calls itself by the name of a producer. It must never get in.
  void add_impostor() {
    for (const ProducerPlan& producer : plan_.producers) {
      if (producer.name.empty()) continue;
      add_session("impostor", producer.name, producer.homes).use_key_of("impostor");
      return;
    }
  }

  void add_consumer(std::size_t node, const std::string& queue, const ConsumerHabits& habits) {
    const std::string label = "c" + std::to_string(consumers_.size());
    std::vector<std::size_t> homes{node};
    for (std::size_t other = 0; other < world_.node_count(); ++other) {
      if (other != node && other != plan_.liar) homes.push_back(other);
    }
    const bool is_named = world_.random.chance(400'000);
    Session& session = add_session(label, is_named ? "taker-" + label : "", homes);
    clients_.push_back(&session);
    consumers_.push_back(std::make_unique<Consumer>(world_, session, queue, node, habits));
  }

  void add_service(const ServicePlan& service) {
    auto store = std::make_shared<ServiceStore>();
    for (std::size_t instance = 0; instance < service.instance_count; ++instance) {
      const std::string label = service.name + "." + std::to_string(instance);
      Session& session = add_session(label, "serves-" + label, {service.node});
      service_clients_.push_back(&session);
      instances_.push_back(std::make_unique<Service>(world_, session, service.name, service.node,
                                                     store, plan_.service));
    }
  }

  // ---- time ---------------------------------------------------------------------------------

  // False when the run is over because of a violation.
  bool advance(Time duration) {
    const Time end = world_.schedule.now() + duration;
    while (world_.schedule.now() < end) {
      const std::uint64_t before = world_.schedule.step_count();
      const Time horizon = std::min(end, world_.schedule.now() + seconds{1});
      while (world_.schedule.try_step(horizon)) {
        if (!world_.violations().empty()) return false;
        if (world_.schedule.step_count() - before > steps_per_second_max) {
          world_.add_violation("spins: too many steps in one second");
          return false;
        }
      }
    }
    return world_.violations().empty();
  }

  // What came up while there were still faults.
  void note_trouble() {
    const auto asked = world_.notes().find("not told to forget");
    if (asked != world_.notes().end()) asked_amid_faults_count_ = asked->second;
    for (const auto& session : sessions_)
      expired_amid_faults_count_ += session->counts().expired_count;
  }

  // ---- settle -------------------------------------------------------------------------------

  void heal_clients() {
    for (const auto& consumer : consumers_)
      consumer->drain();
    for (const auto& instance : instances_)
      instance->behave();
    for (const std::size_t node : nemesis_->lost()) {
      for (HistoryQueue& queue : world_.history.queues) {
        if (queue.name.ends_with('@' + plan_.nodes[node].name)) queue.observable = false;
      }
    }
    for (const std::size_t node : world_.watcher.excused()) {
      world_.history.doubtful_nodes.insert(static_cast<std::uint32_t>(node));
      for (HistoryQueue& queue : world_.history.queues) {
        if (queue.name.ends_with('@' + plan_.nodes[node].name)) queue.doubtful = true;
      }
    }
    for (HistoryTransaction& transaction : world_.history.transactions) {
      hide_lost_calls(transaction);
    }
  }

  [[nodiscard]] bool is_lost(std::size_t node) const { return nemesis_->lost().contains(node); }

  void hide_lost_calls(HistoryTransaction& transaction) {
    for (HistoryCall& call : transaction.calls) {
      if (is_lost(call.node)) call.observable = false;
    }
  }

  bool settle() {
    if (plan_.liar) return settle_around_liar();
    const Time limit = world_.schedule.now() + plan_.patience + longest_deferral();
    const Time hurried = world_.schedule.now() + seconds{30};
    Doubts doubts{world_, nemesis_->lost()};
    while (world_.schedule.now() < limit) {
      if (!find_lasting_doubt(doubts)) return false;
      // Clients that name a lost node go on only when they have given up.
      const bool is_slow = nemesis_->lost().empty() && world_.schedule.now() > hurried;
      if (!advance(is_slow ? Time{seconds{5}} : Time{milliseconds{500}})) return false;
      give_up_hopeless();
      if (find_unsettled().empty()) {
        if (!advance(seconds{3})) return false;  // What is late comes now.
        if (find_unsettled().empty()) return true;
      }
    }
    world_.add_violation("does not settle: " + find_unsettled());
    return false;
  }

  // False: somebody is in doubt for too long.
  [[nodiscard]] bool find_lasting_doubt(Doubts& doubts) {
    const std::string doubt = doubts.look();
    wait_with_lost_count_ = doubts.count_with_lost();
    excused_wait_count_ = doubts.count_excused();
    if (!doubt.empty()) world_.add_violation(doubt);
    return doubt.empty();
  }

  // What the liar has part in may stay open for ever, and hold back what is behind it. All else is
  // judged: of queues that became empty also that nothing of it is missing.
  bool settle_around_liar() {
    world_.repent();
    const Time limit = world_.schedule.now() + Doubts::wait_max + seconds{30} + longest_deferral();
    Doubts doubts{world_, nemesis_->lost()};
    while (world_.schedule.now() < limit && !find_unsettled().empty()) {
      if (!advance(seconds{1}) || !find_lasting_doubt(doubts)) return false;
    }
    is_held_back_ = !find_unsettled().empty();
    // What was held back until a moment ago cannot have ended, nor what was sent again and the
    // liar, which is asked whether it knows it (P-23), gives no answer of.
    for (Session* const client : clients_)
      client->excuse_around_liar(world_.schedule.now() - Doubts::wait_max);
    for (HistoryQueue& queue : world_.history.queues) {
      const std::size_t node = world_.find_node(queue.name.substr(queue.name.find('@') + 1));
      if (node == plan_.liar || !is_empty(node, queue.name)) queue.observable = false;
    }
    for (HistoryTransaction& transaction : world_.history.transactions) {
      for (HistoryCall& call : transaction.calls)
        call.observable = call.observable && !is_held_back_;
    }
    return true;
  }

  [[nodiscard]] bool is_empty(std::size_t index, const std::string& address) const {
    const Node& node = world_.node(index);
    if (!node.is_alive()) return false;
    const std::vector<core::Row> rows = node.engine().dump();
    return std::ranges::none_of(rows, [&](const core::Row& row) {
      const auto* queue = std::get_if<core::QueueRow>(&row);
      return queue != nullptr && queue->message_count != 0 &&
             queue->name + '@' + node.name() == address;
    });
  }

  [[nodiscard]] std::vector<std::string> check_history() {
    if (!plan_.liar) return check(world_.history);
    world_.leave_open_for_liar();
    return check(world_.history_without_liar());
  }

  // Nobody can end a transaction that names a node which is gone.
  void give_up_hopeless() {
    if (nemesis_->lost().empty()) return;
    const auto hopeless = [this](const core::Submit& request) {
      return std::any_of(request.parts.begin(), request.parts.end(), [this](const auto& part) {
        const std::string node = part.target.substr(part.target.find('@') + 1);
        return is_lost(world_.find_node(node));
      });
    };
    for (const auto& session : sessions_)
      session->give_up_where(hopeless);
    for (HistoryTransaction& transaction : world_.history.transactions) {
      hide_lost_calls(transaction);
    }
  }

  // A node whose clock was ahead has put messages off to a time that is far away now.
  [[nodiscard]] Time longest_deferral() const {
    std::uint64_t longest_ms = 0;
    for (std::size_t index = 0; index < world_.node_count(); ++index) {
      const Node& node = world_.node(index);
      if (!node.is_alive()) continue;
      for (const core::Row& row : node.engine().dump()) {
        const auto* returned = std::get_if<core::ReturnedRow>(&row);
        if (returned == nullptr || returned->due.wall_ms() <= node.wall_ms()) continue;
        longest_ms = std::max(longest_ms, returned->due.wall_ms() - node.wall_ms());
      }
    }
    return milliseconds{longest_ms};
  }

  [[nodiscard]] std::string find_waiting_consumer() const {
    for (const auto& consumer : consumers_) {
      // Which of the two processes of a cloned node would answer is not known.
      if (world_.watcher.excused().contains(consumer->home())) continue;
      const Session& session = consumer->session();
      if (session.unfinished_count() != 0) {
        return "consumer " + session.label() + " waits for" + session.unfinished_text();
      }
      if (consumer->waits()) return "consumer " + session.label() + " waits for an answer";
    }
    return {};
  }

  // What is still under way, in words; empty when nothing is.
  [[nodiscard]] std::string find_unsettled() const {
    for (const auto& producer : producers_) {
      if (producer->is_done()) continue;
      return "client " + producer->session_label() + " waits for" + producer->unfinished_text();
    }
    if (std::string text = find_waiting_consumer(); !text.empty()) return text;
    for (std::size_t index = 0; index < world_.node_count(); ++index) {
      if (is_lost(index) || index == plan_.liar) continue;
      std::string text = find_unsettled_at(index);
      if (!text.empty()) return text;
    }
    for (const auto& instance : instances_) {
      if (is_lost(instance->home())) continue;
      const auto& entries = instance->store().entries;
      for (const auto& [call, entry] : entries) {
        if (entry.state != ServiceStore::State::prepared) continue;
        return instance->session().label() + " is in doubt about " +
               world_.names.of(call.transaction.id);
      }
    }
    return {};
  }

  [[nodiscard]] std::string find_unsettled_at(std::size_t index) const {
    const Node& node = world_.node(index);
    if (!node.is_alive()) return node.name() + " is down";
    for (const core::Row& row : node.engine().dump()) {
      if (const auto* one = std::get_if<core::TransactionRow>(&row)) {
        const std::string name = world_.names.of(one->transaction.descriptor->id);
        if (one->transaction.is_prepared()) return node.name() + " is in doubt about " + name;
        const bool forgets = std::ranges::none_of(
            one->transaction.descriptor->nodes, [this](const core::NodeRef& ref) {
              return std::ranges::any_of(nemesis_->lost(), [&](std::size_t lost) {
                return world_.node(lost).id() == ref.node;
              });
            });
        if (forgets) return node.name() + " still remembers " + name;
      } else if (const auto* queue = std::get_if<core::QueueRow>(&row)) {
        if (queue->message_count != 0) {
          return node.name() + " has " + std::to_string(queue->message_count) + " messages in " +
                 queue->name;
        }
      }
    }
    return {};
  }

  // ---- judge --------------------------------------------------------------------------------

  void judge() {
    world_.history.drained = true;
    if (options_.is_canary) sing();
    for (const std::size_t node : nemesis_->must_be_fenced()) {
      if (!world_.node(node).is_alive() || world_.node(node).is_fenced()) continue;
      world_.add_violation(world_.node(node).name() + " came back with an old disk, unnoticed");
    }
    for (const std::string& violation : check_history())
      world_.add_violation(violation);
    for (std::size_t index = 0; index < world_.node_count(); ++index) {
      if (!is_lost(index)) world_.crash(index);
    }
  }

  // A run that must fail: otherwise this program would not see a message that is consumed twice.
  void sing() {
    auto& events = world_.history.events;
    const auto last = std::find_if(events.rbegin(), events.rend(), [](const HistoryEvent& event) {
      return event.what == Happened::acked;
    });
    if (last != events.rend()) events.push_back(HistoryEvent{*last});
  }

  RunResult report() {
    RunResult result;
    result.seed = plan_.seed;
    result.transaction_count = submitted_count();
    result.plan = plan_.text();
    if (!world_.history.drained) {
      for (const std::string& violation : check_history())
        world_.add_violation(violation);
    }
    result.violations = world_.violations();
    result.hash = world_.story.hash();
    result.virtual_time = world_.schedule.now();
    result.notes = world_.notes();
    result.faults = nemesis_->counts();
    result.faults["two processes of one client"] += zombie_count_;
    if (world_.liar()) {
      for (const auto& [lie, count] : world_.liar()->counts())
        result.faults[lie] += count;
      ++result.marks[is_held_back_ ? "runs held back by a liar" : "runs with a liar that settled"];
      result.marks["transactions without the liar"] +=
          world_.history_without_liar().transactions.size();
      result.marks["transactions that must end beside a liar"] +=
          static_cast<std::uint64_t>(std::ranges::count(world_.history_without_liar().transactions,
                                                        false, &HistoryTransaction::may_stay_open));
    }
    result.marks["waits for an end without one who is lost"] += wait_with_lost_count_;
    result.marks["waits for an end not judged"] += excused_wait_count_;
    result.marks["asked after retention, amid faults"] += asked_amid_faults_count_;
    result.marks["expired amid faults"] += expired_amid_faults_count_;
    add_excuses(result);
    add_client_marks(result);
    add_node_marks(result);
    add_network_marks(result);
    add_service_marks(result);
    if (options_.keeps_disks) {
      for (std::size_t index = 0; index < world_.node_count(); ++index) {
        Node& node = world_.node(index);
        result.disks.push_back({.options = node.options(), .image = node.disk().image});
      }
    }
    return result;
  }

  // What the liar has part in is not shown to the checker at all.
  void add_excuses(RunResult& result) const {
    const History& whole = world_.history;
    const History judged = plan_.liar ? world_.history_without_liar() : whole;
    const Excuses excuses = count_excuses(judged);
    auto& marks = result.marks;
    marks["outcomes"] += whole.transactions.size();
    marks["outcomes not judged"] +=
        excuses.outcome_count + whole.transactions.size() - judged.transactions.size();
    marks["messages"] += whole.messages.size();
    marks["messages not judged"] +=
        excuses.message_count + whole.messages.size() - judged.messages.size();
    marks["calls"] += count_calls(whole);
    marks["calls not judged"] += excuses.call_count + count_calls(whole) - count_calls(judged);
  }

  void add_client_marks(RunResult& result) {
    auto& faults = result.faults;
    auto& marks = result.marks;
    for (const auto& session : sessions_) {
      const SessionCounts& counts = session->counts();
      result.committed_count += counts.committed_count;
      result.rolled_back_count += counts.rolled_back_count;
      faults["resubmitted elsewhere"] += counts.elsewhere_count;
      marks["resubmitted"] += counts.resubmitted_count;
      marks["unknown outcome"] += counts.unknown_count;
      marks["denied"] += counts.denied_count;
      marks["fenced session"] += counts.fenced_count;
      marks["asked"] += counts.asked_count;
    }
    for (const auto& consumer : consumers_) {
      const ConsumerCounts& counts = consumer->counts();
      marks["messages given back"] += counts.nacked_count;
      marks["messages rejected"] += counts.rejected_count;
      marks["messages forgotten by their consumer"] += counts.forgotten_count;
      marks["deliveries"] += counts.delivered_count;
      marks["consumed in transactions"] += counts.transacted_count;
      marks["leases lost"] += counts.lost_lease_count;
    }
  }

  void add_node_marks(RunResult& result) {
    for (std::size_t index = 0; index < world_.node_count(); ++index) {
      const NodeCounts& counts = world_.node(index).counts();
      result.step_count += counts.step_count;
      result.faults["crash"] += counts.crash_count;
      result.faults["crash between two effects"] += counts.mid_effects_crash_count;
      result.marks["crashes in doubt"] += counts.in_doubt_crash_count;
      result.marks["node back after retention"] += counts.late_start_count;
      result.marks["node goes on after retention"] += counts.late_resume_count;
      result.marks["requests held back"] += counts.congested_count;
      result.marks["refused for a full disk"] += counts.no_room_count;
      const DiskCounts& disk = world_.node(index).disk().counts();
      result.faults["lost batch"] += disk.lost_batch_count;
      result.faults["lost record"] += disk.lost_record_count;
      result.faults["lost checkpoint"] += disk.lost_checkpoint_count;
      result.faults["failed flush"] += disk.failed_flush_count;
      result.faults["bit rot, found by the log"] += counts.refused_count + disk.damaged_read_count;
      result.marks["checkpoints"] += disk.checkpoint_count;
    }
    result.marks["fences"] += world_.fence_count();
  }

  void add_network_marks(RunResult& result) {
    const NetworkCounts& network = world_.network.counts();
    result.faults["lost frame"] += network.lost_count;
    result.faults["doubled frame"] += network.doubled_count;
    result.faults["delayed frame"] += network.delayed_count;
    result.faults["very late frame"] += network.very_late_count;
    result.faults["frame into a cut"] += network.cut_count;
    result.faults["frame of another version"] += network.other_version_count;
    result.marks["messages between nodes"] += network.message_count;
    result.marks["decided"] += world_.watcher.decision_count();
    result.marks["decided by recovery"] += world_.watcher.recovered_count();
  }

  void add_service_marks(RunResult& result) {
    for (const auto& instance : instances_) {
      const ServiceCounts& counts = instance->counts();
      result.faults["service refused"] += counts.refused_count;
      result.faults["service hung"] += counts.hung_count;
      result.faults["service died in a call"] += counts.died_count;
      result.marks["service prepared"] += counts.prepared_count;
      result.marks["service in doubt"] += counts.in_doubt_count;
      result.marks["service decision again"] += counts.redelivered_count;
    }
  }

  RunOptions options_;
  Plan plan_;
  mutable World world_;
  std::vector<std::string> queues_;
  std::vector<std::string> services_;
  std::vector<std::unique_ptr<Session>> sessions_;
  std::vector<Session*> clients_;
  std::vector<Session*> service_clients_;
  std::vector<std::unique_ptr<Producer>> producers_;
  std::vector<std::unique_ptr<Consumer>> consumers_;
  std::vector<std::unique_ptr<Service>> instances_;
  std::unique_ptr<Nemesis> nemesis_;
  std::uint64_t zombie_count_ = 0;
  std::uint64_t wait_with_lost_count_ = 0;
  std::uint64_t excused_wait_count_ = 0;
  std::uint64_t asked_amid_faults_count_ = 0;
  std::uint64_t expired_amid_faults_count_ = 0;
  bool is_held_back_ = false;  // By what a liar has part in.
};

}  // namespace

RunResult run_seed(const RunOptions& options, std::ostream& story) {
  Run run(options, draw_plan({options.seed, options.size, options.is_long}));
  RunResult result = run.execute();
  if (options.story_line_count != 0) run.print(story);
  return result;
}

void print_story_of_current_run(std::ostream& out) {
  if (current_run != nullptr) current_run->print(out);
}

std::uint64_t transactions_of_current_run() {
  return current_run == nullptr ? 0 : current_run->submitted_count();
}

}  // namespace nemcon::sim
