#include "tests/system/matrix_case.hpp"

#include <chrono>
#include <csignal>
#include <thread>

namespace nemcon::tests {

namespace {

using Clock = std::chrono::steady_clock;

// Longer than a service's deadline and a few failed ballots after it.
constexpr std::chrono::seconds settle_patience{40};
constexpr std::chrono::milliseconds poll_interval{5};

// After the outcome, the lazy rest (FORGET, checkpoints) may still pass the point.
constexpr std::chrono::milliseconds linger{400};

// Until the others miss the initiator, and have had a ballot.
constexpr std::chrono::milliseconds ballot_linger{4'000};

std::string transactions_of(const std::string& mode) {
  if (mode == "X") return "witnesses = 3";
  if (mode == "C") return "coordinator = 'three'";
  return "witnesses = 1";
}

}  // namespace

bool loses_initiator(const Cell& cell) {
  return cell.mode == "X" && cell.role == "witness";
}

// ---- the service ------------------------------------------------------------------------------

Service Ledger::service() {
  Service service;
  service.prepare = [this](const Branch& branch) {
    const std::scoped_lock lock(mutex_);
    held_.insert(branch.id.text());
    return Vote::yes(Message("held"));
  };
  service.commit = [this](const Branch& branch) {
    const std::scoped_lock lock(mutex_);
    // Told again after it was done: nothing is held under the id any more.
    if (held_.erase(branch.id.text()) > 0) applied_[branch.id.transaction().text()] += 1;
  };
  service.roll_back = [this](const Branch& branch) {
    const std::scoped_lock lock(mutex_);
    held_.erase(branch.id.text());
  };
  service.in_doubt = [this] {
    const std::scoped_lock lock(mutex_);
    std::vector<CallId> calls;
    for (const std::string& text : held_)
      calls.push_back(*CallId::parse(text));
    return calls;
  };
  return service;
}

std::size_t Ledger::applied_count() const {
  const std::scoped_lock lock(mutex_);
  std::size_t count = 0;
  for (const auto& [id, times] : applied_)
    count += static_cast<std::size_t>(times);
  return count;
}

bool Ledger::is_settled() const {
  const std::scoped_lock lock(mutex_);
  return held_.empty();
}

// ---- the mesh ---------------------------------------------------------------------------------

MatrixMesh::MatrixMesh(const std::string& mode)
    : mesh_({"one", "two", "three"}, transactions_of(mode)) {}

MatrixMesh::~MatrixMesh() = default;

bool MatrixMesh::start() {
  if (!mesh_.start_all()) return false;
  ClientOptions at_two;
  at_two.nodes = {mesh_.endpoint("two")};
  server_ = std::make_unique<Client>(std::move(at_two));
  (void)server_->serve("ledger", ledger_.service());
  return true;
}

std::string MatrixMesh::node_of(const std::string& role) const {
  if (role == "initiator") return "one";
  return role == "participant" ? "two" : "three";
}

Verdict MatrixMesh::run(const Cell& cell) {
  Verdict verdict;
  const std::string name = node_of(cell.role);
  if (mesh_.daemon(name).is_running()) (void)mesh_.daemon(name).stop();
  Daemon& victim = mesh_.start(name, {"--fail-point", cell.point});
  if (!victim.wait_until_ready() && victim.wait() != Exit{-1, SIGKILL}) {
    verdict.violation = "the node did not start: " + victim.diagnostics();
    return verdict;
  }
  if (loses_initiator(cell)) {
    if (mesh_.daemon("one").is_running()) (void)mesh_.daemon("one").stop();
    if (!mesh_.start("one", {"--fail-point", "before-send:decision"}).wait_until_ready()) {
      verdict.violation = "the initiator did not start: " + mesh_.daemon("one").diagnostics();
      return verdict;
    }
  }
  // A new session each time: it begins at node one, whatever the cell before did to it.
  ClientOptions anywhere;
  anywhere.nodes = {mesh_.endpoint("one"), mesh_.endpoint("three"), mesh_.endpoint("two")};
  anywhere.name = "matrix";
  sender_.reset();
  sender_ = std::make_unique<Client>(std::move(anywhere));
  const Outcome outcome = commit_through_death(cell, verdict.reached);
  verdict.committed = outcome.committed();
  if (outcome.state == State::unknown) {
    verdict.violation = "no outcome: " + outcome.summary() + mesh_.diagnostics();
  } else {
    verdict.violation = audit(name, outcome.committed());
  }
  return verdict;
}

// What was turned away before anything was written is begun again: nodes that have just started
// do not know each other yet.
std::future<Outcome> MatrixMesh::begin_one(const std::string& body) {
  TransactionOptions options;
  options.deadline = settle_patience;
  Transaction transaction = sender_->begin(options);
  transaction.send("inbox@one", Message(body));
  transaction.send("inbox@two", Message(body));
  transaction.call("ledger@two", Message(body));
  return transaction.commit_async();
}

bool MatrixMesh::revive(const std::string& name) {
  if (mesh_.daemon(name).is_running()) return false;
  (void)mesh_.start(name, {}).wait_until_ready();
  return true;
}

Outcome MatrixMesh::commit_through_death(const Cell& cell, bool& reached) {
  round_ += 1;
  const std::string name = node_of(cell.role);
  const std::string body =
      cell.mode + " " + cell.role + " " + cell.point + " " + std::to_string(round_);
  std::future<Outcome> future = begin_one(body);
  const auto deadline = Clock::now() + settle_patience;
  std::optional<Outcome> outcome;
  Clock::time_point known_at;
  const auto lingers = [&] {
    const bool waits_for_ballot = loses_initiator(cell) && !reached;
    return Clock::now() < known_at + (waits_for_ballot ? ballot_linger : linger);
  };
  while (Clock::now() < deadline && (!outcome || lingers())) {
    if (revive(name)) reached = true;
    if (outcome || future.wait_for(poll_interval) != std::future_status::ready) {
      std::this_thread::sleep_for(poll_interval);
      continue;
    }
    try {
      outcome = future.get();
      known_at = Clock::now();
    } catch (const Error& error) {
      if (!error.is_retryable()) throw;
      future = begin_one(body);
    }
  }
  return outcome.value_or(Outcome{});
}

// Empty when every branch is there as often as transactions committed, and nothing is in doubt.
std::string MatrixMesh::differences() {
  std::string wrong;
  for (const std::string node : {"one", "two", "three"}) {
    ClientOptions options;
    options.nodes = {mesh_.endpoint(node)};
    Client client(std::move(options));
    for (const QueueStatus& queue : client.queues(patience)) {
      if (!queue.local || queue.name != "inbox" || node == "three") continue;
      if (queue.message_count == expected_) continue;
      wrong += node + " has " + std::to_string(queue.message_count) + " messages, not " +
               std::to_string(expected_) + "; ";
    }
    if (!client.transactions(true, patience).empty()) wrong += node + " is in doubt; ";
  }
  const std::size_t applied = ledger_.applied_count();
  if (applied != expected_) wrong += "the service applied " + std::to_string(applied) + "; ";
  if (!ledger_.is_settled()) wrong += "the service is in doubt; ";
  return wrong;
}

std::string MatrixMesh::audit(const std::string& name, bool committed) {
  expected_ += committed ? 1U : 0U;
  const auto deadline = Clock::now() + settle_patience;
  for (;;) {
    (void)revive(name);
    (void)revive("one");
    std::string wrong;
    try {
      wrong = differences();
    } catch (const Error& error) {
      wrong = error.what();  // A node that dies only now: it is started again.
    }
    if (wrong.empty()) return {};
    if (Clock::now() >= deadline) return wrong + "\n" + mesh_.diagnostics();
    std::this_thread::sleep_for(poll_interval);
  }
}

}  // namespace nemcon::tests
