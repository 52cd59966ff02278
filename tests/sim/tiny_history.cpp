#include "tests/sim/tiny_history.hpp"

#include <algorithm>
#include <deque>
#include <functional>
#include <sstream>
#include <utility>

#include "tests/sim/brute_checker.hpp"

namespace nemcon::sim {
namespace {

constexpr std::uint32_t doubtful_node = 9;

// A mesh that keeps its promises, one step after the other. What becomes known of a step is told at
// once, later, or never.
class Maker {
 public:
  explicit Maker(Random random) : random_(random) {}

  History make() {
    add_queues();
    if (random_.chance(50'000)) history_.doubtful_nodes.insert(doubtful_node);
    const std::uint64_t steps = random_.between(3, 18);
    for (std::uint64_t step = 0; step < steps; ++step)
      take_step();
    if (random_.chance(800'000)) drain();
    return std::move(history_);
  }

 private:
  enum class State : std::uint8_t { hidden, waits, handed_out, gone };

  bool flip(std::uint32_t percent) { return random_.chance(percent * 10'000); }

  std::uint32_t below(std::size_t bound) {
    return static_cast<std::uint32_t>(random_.below(bound));
  }

  // ---- queues ------------------------------------------------------------------------------

  void add_queues() {
    base_queue_count_ = 1 + below(3);
    for (std::uint32_t index = 0; index < base_queue_count_; ++index) {
      HistoryQueue queue;
      queue.name = "q" + std::to_string(index);
      queue.base = index;
      queue.order = static_cast<QueueOrder>(random_.pick(std::vector<int>{0, 1, 1, 2}));
      queue.observable = !flip(10);
      queue.doubtful = !queue.observable && flip(50);
      history_.queues.push_back(queue);
    }
    if (flip(70)) return;
    HistoryQueue dead = history_.queues.front();
    dead.name += ".dead";
    dead.order = QueueOrder::none;
    history_.queues.push_back(dead);
  }

  [[nodiscard]] bool has_dead_letters() const { return history_.queues.size() > base_queue_count_; }

  // ---- events ------------------------------------------------------------------------------

  void add_event(Happened what, std::uint32_t message) {
    HistoryEvent event;
    event.what = what;
    event.message = message;
    event.queue = queue_[message];
    event.at = what == Happened::delivered ? place_[message] : 0;
    history_.events.push_back(event);
  }

  void tell(Happened what, std::uint32_t transaction, std::uint64_t at) {
    HistoryEvent event;
    event.what = what;
    event.transaction = transaction;
    event.at = at;
    tell(event);
  }

  // Known now, or later.
  void tell(const HistoryEvent& event) {
    if (flip(60)) {
      history_.events.push_back(event);
    } else {
      untold_.push_back(event);
    }
  }

  void tell_one() {
    if (untold_.empty()) return;
    history_.events.push_back(untold_.front());
    untold_.pop_front();
  }

  // ---- steps -------------------------------------------------------------------------------

  void take_step() {
    switch (random_.below(8)) {
      case 0:
      case 1:
        add_transaction();
        break;
      case 2:
        tell_one();
        break;
      case 3:
      case 4:
        settle_one();
        break;
      default:
        hand_out_one();
        break;
    }
  }

  void add_transaction() {
    if (history_.transactions.size() == tiny_transaction_count) return;
    const auto index = static_cast<std::uint32_t>(history_.transactions.size());
    HistoryTransaction transaction;
    transaction.name = "t" + std::to_string(index);
    transaction.producer = below(2);
    transaction.session = 1 + index / 3;
    transaction.sequence = index + 1;
    transaction.after = newest_told_[transaction.producer];
    transaction.may_stay_open = flip(40);
    transaction.must_fail = flip(4);
    if (const auto taken = find(State::handed_out); !taken.empty() && flip(60)) {
      transaction.consumed.push_back(random_.pick(taken));
    }
    history_.transactions.push_back(transaction);
    const std::uint32_t count = below(transaction.consumed.empty() ? 4 : 2);
    for (std::uint32_t part = 0; part < count; ++part)
      add_message(index, part);
    conclude(index);
  }

  void add_message(std::uint32_t transaction, std::uint32_t part) {
    const auto index = static_cast<std::uint32_t>(history_.messages.size());
    if (index == tiny_message_count) return;
    HistoryMessage message;
    message.body = "m" + std::to_string(index);
    message.transaction = transaction;
    message.part = part;
    message.queue = below(base_queue_count_);
    message.amount = random_.pick(std::vector<std::int64_t>{0, 1, 1, 2, 5});
    history_.messages.push_back(message);
    history_.transactions[transaction].produced.push_back(index);
    state_.push_back(State::hidden);
    queue_.push_back(message.queue);
    place_.push_back(0);
  }

  void conclude(std::uint32_t index) {
    const std::uint64_t time = clock_ += 1 + random_.below(3);
    bool commits = !history_.transactions[index].must_fail && flip(75);
    if (flip(25)) commits = ask_services(index, commits);
    for (const std::uint32_t message : history_.transactions[index].produced) {
      if (!commits) continue;
      state_[message] = State::waits;
      const bool is_mesh = history_.queues[queue_[message]].order == QueueOrder::mesh;
      place_[message] = is_mesh ? time : time - 1;
    }
    if (commits) {
      for (const std::uint32_t message : history_.transactions[index].consumed)
        state_[message] = State::gone;
    }
    tell_outcome(index, commits, time);
  }

  void tell_outcome(std::uint32_t index, bool commits, std::uint64_t time) {
    HistoryTransaction& transaction = history_.transactions[index];
    if (!transaction.may_stay_open || flip(30)) {
      if (commits) newest_told_[transaction.producer] = time;
      if (!commits && flip(20)) {
        tell(Happened::told_denied, index, 0);
      } else {
        tell(commits ? Happened::told_committed : Happened::told_rolled_back, index,
             commits ? time : 0);
      }
    } else if (flip(20)) {
      tell(Happened::told_unknown, index, 0);
    }
    if (!flip(30)) return;
    HistoryEvent event;
    event.transaction = index;
    event.place = flip(80) ? below(2) : doubtful_node;
    const bool is_honest = history_.doubtful_nodes.empty() || event.place != doubtful_node;
    const bool says_commit = is_honest ? commits : flip(50);
    event.what = says_commit ? Happened::node_committed : Happened::node_rolled_back;
    tell(event);
  }

  // A submission that does not succeed may be followed by one that does. Whether it commits.
  bool ask_services(std::uint32_t index, bool commits) {
    HistoryTransaction& transaction = history_.transactions[index];
    transaction.calls.resize(1 + below(2));
    for (HistoryCall& call : transaction.calls)
      call.observable = history_.doubtful_nodes.empty() && !flip(10);
    if (flip(30)) ask_submission(index, 1, false);
    return ask_submission(index, 2, commits);
  }

  bool ask_submission(std::uint32_t index, std::uint64_t submission, bool commits) {
    const auto count = static_cast<std::uint32_t>(history_.transactions[index].calls.size());
    for (std::uint32_t place = 0; place < count; ++place) {
      HistoryEvent event;
      event.transaction = index;
      event.place = place;
      event.submission = submission;
      event.node = place == 0 && !history_.doubtful_nodes.empty() ? doubtful_node : 1;
      const Happened fails = flip(50) ? Happened::service_no : Happened::service_yes;
      const Happened agrees = flip(30) ? Happened::service_read_only : Happened::service_yes;
      event.what = commits ? agrees : fails;
      const bool is_asked = commits || flip(80);
      if (event.node == doubtful_node ? flip(50) : !is_asked) continue;
      history_.events.push_back(event);
      if (event.what != Happened::service_yes) continue;
      event.what = commits ? Happened::service_committed : Happened::service_rolled_back;
      tell(event);
    }
    return commits;
  }

  // ---- messages ----------------------------------------------------------------------------

  [[nodiscard]] std::vector<std::uint32_t> find(State state) const {
    std::vector<std::uint32_t> found;
    for (std::uint32_t index = 0; index < state_.size(); ++index) {
      if (state_[index] == state) found.push_back(index);
    }
    return found;
  }

  // The oldest one of a queue first, but where there is no order. What comes back comes again.
  void hand_out_one() {
    const auto waiting = find(State::waits);
    if (!waiting.empty()) hand_out(random_.pick(waiting));
  }

  void hand_out(std::uint32_t wanted) {
    std::uint32_t message = wanted;
    if (history_.queues[queue_[wanted]].order != QueueOrder::none) {
      for (const std::uint32_t other : find(State::waits)) {
        if (queue_[other] == queue_[wanted]) message = std::min(message, other);
      }
    }
    add_event(Happened::delivered, message);
    state_[message] = State::handed_out;
  }

  void settle_one() {
    const auto taken = find(State::handed_out);
    if (taken.empty()) return;
    const std::uint32_t message = random_.pick(taken);
    switch (random_.below(6)) {
      case 0:
        state_[message] = State::waits;
        break;
      case 1:
        add_event(Happened::maybe_acked, message);
        state_[message] = flip(50) ? State::gone : State::waits;
        break;
      case 2:
        reject(message);
        break;
      default:
        add_event(Happened::acked, message);
        state_[message] = State::gone;
        break;
    }
  }

  void reject(std::uint32_t message) {
    state_[message] = State::waits;
    if (!has_dead_letters() || queue_[message] != 0) return;
    queue_[message] = base_queue_count_;
  }

  // ---- the end -----------------------------------------------------------------------------

  void drain() {
    while (!untold_.empty())
      tell_one();
    for (auto waiting = find(State::waits); !waiting.empty(); waiting = find(State::waits)) {
      if (!history_.queues[queue_[waiting.front()]].observable && flip(50)) {
        state_[waiting.front()] = State::gone;
      } else {
        hand_out(waiting.front());
      }
    }
    for (const std::uint32_t message : find(State::handed_out))
      add_event(flip(80) ? Happened::acked : Happened::maybe_acked, message);
    history_.drained = true;
  }

  Random random_;
  History history_;
  std::uint32_t base_queue_count_ = 0;
  std::uint64_t clock_ = 10;
  std::uint64_t newest_told_[2] = {};  // By producer.
  std::vector<State> state_;           // By message, like all that follow.
  std::vector<std::uint32_t> queue_;
  std::vector<std::uint64_t> place_;
  std::deque<HistoryEvent> untold_;
};

// ---- damage ---------------------------------------------------------------------------------

class Damage {
 public:
  Damage(History& history, Random random) : history_(history), random_(random) {}

  void strike() {
    const auto& strikes = all_strikes();
    const auto strike = strikes[random_.below(strikes.size())];
    strike(*this);
    repair();
  }

 private:
  using Strike = std::function<void(Damage&)>;

  static const std::vector<Strike>& all_strikes() {
    static const std::vector<Strike> value = {
        &Damage::drop_event,        &Damage::drop_event,      &Damage::drop_event,
        &Damage::repeat_event,      &Damage::repeat_event,    &Damage::swap_events,
        &Damage::swap_events,       &Damage::swap_messages,   &Damage::flip_event,
        &Damage::flip_event,        &Damage::move_time,       &Damage::move_time,
        &Damage::hand_out,          &Damage::hand_out,        &Damage::change_queue,
        &Damage::add_phantom,       &Damage::change_demand,   &Damage::change_demand,
        &Damage::say_otherwise,     &Damage::say_otherwise,   &Damage::swap_sequences,
        &Damage::change_submission, &Damage::repeat_decision, &Damage::drain};
    return value;
  }

  bool flip() { return random_.chance(500'000); }

  std::uint32_t below(std::size_t bound) {
    return static_cast<std::uint32_t>(random_.below(bound));
  }

  HistoryEvent& pick_event() { return history_.events[below(history_.events.size())]; }

  HistoryTransaction& pick_transaction() {
    return history_.transactions[below(history_.transactions.size())];
  }

  void insert(const HistoryEvent& event) {
    const auto at = static_cast<std::ptrdiff_t>(random_.below(history_.events.size() + 1));
    history_.events.insert(history_.events.begin() + at, event);
  }

  void drop_event() {
    history_.events.erase(history_.events.begin() +
                          static_cast<std::ptrdiff_t>(below(history_.events.size())));
  }

  void repeat_event() { insert(HistoryEvent{pick_event()}); }

  void repeat_decision() {
    for (const HistoryEvent& event : history_.events) {
      if (event.what < Happened::service_committed) continue;
      insert(HistoryEvent{event});
      return;
    }
  }

  void swap_events() { std::swap(pick_event(), pick_event()); }

  // What two deliveries hand out; each keeps its queue and place, or only its moment.
  void swap_messages() {
    HistoryEvent& one = pick_event();
    HistoryEvent& other = pick_event();
    if (one.what != Happened::delivered || other.what != Happened::delivered) return;
    std::swap(one.message, other.message);
    if (flip()) std::swap(one.queue, other.queue);
  }

  void flip_event() {
    HistoryEvent& event = pick_event();
    constexpr std::pair<Happened, Happened> opposites[] = {
        {Happened::told_committed, Happened::told_rolled_back},
        {Happened::told_committed, Happened::told_denied},
        {Happened::told_committed, Happened::told_unknown},
        {Happened::node_committed, Happened::node_rolled_back},
        {Happened::acked, Happened::maybe_acked},
        {Happened::service_yes, Happened::service_no},
        {Happened::service_yes, Happened::service_read_only},
        {Happened::service_committed, Happened::service_rolled_back}};
    std::vector<Happened> turned;
    for (const auto& [one, other] : opposites) {
      if (event.what == one) turned.push_back(other);
      if (event.what == other) turned.push_back(one);
    }
    if (turned.empty()) return;
    event.what = random_.pick(turned);
    if (event.what == Happened::told_committed && event.at == 0) event.at = 15;
  }

  void move_time() {
    HistoryEvent& event = pick_event();
    if (event.at > 1) event.at += flip() ? 1 : ~std::uint64_t{0};
  }

  void hand_out() {
    if (history_.messages.empty()) return;
    HistoryEvent event;
    event.message = below(history_.messages.size());
    event.queue = history_.messages[event.message].queue;
    event.at = random_.between(10, 20);
    for (const HistoryEvent& other : history_.events) {
      const bool is_same = other.what == Happened::delivered && other.message == event.message;
      if (is_same) event.at = other.at;
    }
    insert(event);
  }

  void change_queue() { pick_event().queue = below(history_.queues.size()); }

  void add_phantom() { history_.phantoms.emplace_back("nobody sent this"); }

  void change_demand() {
    HistoryTransaction& transaction = pick_transaction();
    switch (random_.below(3)) {
      case 0:
        transaction.must_fail = true;
        break;
      case 1:
        transaction.may_stay_open = false;
        break;
      default:
        transaction.after += random_.below(8);
        break;
    }
  }

  void say_otherwise() {
    HistoryEvent event;
    event.transaction = below(history_.transactions.size());
    event.what = random_.pick(std::vector<Happened>{
        Happened::told_committed, Happened::told_rolled_back, Happened::told_denied,
        Happened::told_unknown, Happened::node_committed, Happened::node_rolled_back});
    if (event.what == Happened::told_committed) event.at = random_.between(11, 20);
    insert(event);
  }

  void swap_sequences() {
    HistoryTransaction& one = pick_transaction();
    HistoryTransaction& other = pick_transaction();
    std::swap(one.sequence, other.sequence);
    std::swap(one.session, other.session);
  }

  void change_submission() {
    for (HistoryEvent& event : history_.events) {
      if (event.what >= Happened::service_yes && flip()) event.submission = 1 + below(2);
    }
  }

  void drain() { history_.drained = true; }

  // Consumers take only what they were handed.
  void repair() {
    std::vector<bool> handed_out(history_.messages.size());
    std::vector<HistoryEvent> kept;
    for (const HistoryEvent& event : history_.events) {
      if (event.what == Happened::delivered) handed_out[event.message] = true;
      const bool is_ack = event.what == Happened::acked || event.what == Happened::maybe_acked;
      if (!is_ack || handed_out[event.message]) kept.push_back(event);
    }
    history_.events = std::move(kept);
    for (HistoryTransaction& transaction : history_.transactions) {
      std::erase_if(transaction.consumed, [&](std::uint32_t one) { return !handed_out[one]; });
    }
  }

  History& history_;
  Random random_;
};

// ---- text -----------------------------------------------------------------------------------

const char* name_of(Happened what) {
  constexpr const char* names[] = {
      "told committed",    "told rolled back",   "told unknown",      "told denied",
      "node committed",    "node rolled back",   "delivered",         "acked",
      "maybe acked",       "service yes",        "service read-only", "service no",
      "service committed", "service rolled back"};
  static_assert(std::size(names) == static_cast<std::size_t>(Happened::service_rolled_back) + 1);
  return names[static_cast<std::size_t>(what)];
}

std::string text_of(const HistoryQueue& queue) {
  constexpr const char* orders[] = {"producer", "mesh", "none"};
  std::string text = queue.name + ": " + orders[static_cast<std::size_t>(queue.order)];
  if (!queue.observable) text += ", not observable";
  if (queue.doubtful) text += ", doubtful";
  return text;
}

std::string text_of(const History& history, const HistoryTransaction& transaction) {
  std::ostringstream out;
  out << transaction.name << ": producer " << transaction.producer << " session "
      << transaction.session << " sequence " << transaction.sequence << " after "
      << transaction.after;
  for (const std::uint32_t message : transaction.produced)
    out << ", produces " << history.messages[message].body;
  for (const std::uint32_t message : transaction.consumed)
    out << ", consumes " << history.messages[message].body;
  for (const HistoryCall& call : transaction.calls)
    out << ", calls" << (call.observable ? "" : " (not observable)");
  if (transaction.must_fail) out << ", must fail";
  if (transaction.may_stay_open) out << ", may stay open";
  return out.str();
}

std::string text_of(const History& history, const HistoryEvent& event) {
  std::ostringstream out;
  out << name_of(event.what);
  if (event.what >= Happened::service_yes) {
    out << ' ' << history.transactions[event.transaction].name << " call " << event.place
        << " submission " << event.submission << " node " << event.node;
  } else if (event.what >= Happened::delivered) {
    out << ' ' << history.messages[event.message].body << " of "
        << history.queues[event.queue].name;
    if (event.what == Happened::delivered) out << " at " << event.at;
  } else {
    out << ' ' << history.transactions[event.transaction].name;
    if (event.at != 0) out << " at " << event.at;
    if (event.what >= Happened::node_committed) out << " node " << event.place;
  }
  return out.str();
}

}  // namespace

History draw_tiny_history(Random random) {
  for (;;) {
    History history = Maker{random.fork()}.make();
    if (history.transactions.empty()) continue;
    const std::uint64_t percent = random.below(100);
    const int strikes = percent < 25 ? 0 : percent < 60 ? 1 : 2;
    for (int strike = 0; strike < strikes && !history.events.empty(); ++strike)
      Damage{history, random.fork()}.strike();
    if (why_unfit(history).empty()) return history;
  }
}

std::string text_of(const History& history) {
  std::ostringstream out;
  for (const HistoryQueue& queue : history.queues)
    out << "  " << text_of(queue) << '\n';
  for (const HistoryTransaction& transaction : history.transactions)
    out << "  " << text_of(history, transaction) << '\n';
  for (const HistoryMessage& message : history.messages)
    out << "  " << message.body << ": to " << history.queues[message.queue].name << " part "
        << message.part << " amount " << message.amount << '\n';
  for (const std::uint32_t node : history.doubtful_nodes)
    out << "  node " << node << " is doubtful\n";
  for (const HistoryEvent& event : history.events)
    out << "    " << text_of(history, event) << '\n';
  for (const std::string& body : history.phantoms)
    out << "    delivered " << body << '\n';
  out << (history.drained ? "    drained\n" : "");
  return out.str();
}

}  // namespace nemcon::sim
