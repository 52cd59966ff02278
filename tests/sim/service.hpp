// Service: application code that takes part in transactions, with a database of its own.
//
//   unknown ──prepare──► prepared ──decision──► committed | rolled back      (all durable)
//      └── says no, or read-only: nothing is kept
//
// The database outlives the process. A decision is applied once, however often it is told.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "tests/sim/session.hpp"

namespace nemcon::sim {

struct ServiceHabits {
  Time think_max = std::chrono::milliseconds{10};
  // Parts of a million, of prepares.
  std::uint32_t refuses = 100'000;
  std::uint32_t read_only = 50'000;
  std::uint32_t hangs = 10'000;          // Never answers.
  std::uint32_t dies_prepared = 10'000;  // Prepared, and dies before it votes.
  std::uint32_t dies_done = 10'000;      // Applied the decision, and dies before it says so.
};

struct ServiceCounts {
  std::uint64_t prepared_count = 0;
  std::uint64_t refused_count = 0;
  std::uint64_t hung_count = 0;
  std::uint64_t died_count = 0;
  std::uint64_t in_doubt_count = 0;  // Named when serving again.
  std::uint64_t decided_count = 0;
  std::uint64_t redelivered_count = 0;
};

// The database. Two instances of one service share it.
struct ServiceStore {
  enum class Answer : std::uint8_t { no, read_only };
  enum class State : std::uint8_t { prepared, committed, rolled_back };

  struct Entry {
    State state = State::prepared;
    std::uint32_t transaction = 0;
    std::uint32_t place = 0;
  };

  std::map<core::CallKey, Entry> entries;

  // Answers that prepare nothing. Who is asked again says the same again.
  std::map<core::CallKey, Answer> answers;

  [[nodiscard]] std::size_t prepared_count() const;
};

class Service {
 public:
  Service(World& world, Session& session, std::string name, std::size_t home,
          std::shared_ptr<ServiceStore> store, ServiceHabits habits);
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  // From now on it answers at once and yes.
  void behave();

  [[nodiscard]] const ServiceCounts& counts() const { return counts_; }

  [[nodiscard]] const ServiceStore& store() const { return *store_; }

  [[nodiscard]] Session& session() { return session_; }

  [[nodiscard]] std::size_t home() const { return home_; }

 private:
  void on_opened();
  void serve(std::uint64_t looked);
  void on_reply(const core::Reply& reply);
  void take(const core::ServicePrepare& prepare);
  void take(const core::ServiceDecision& decision);
  void answer(const core::ServicePrepare& prepare);
  void vote(const core::CallKey& call, bool yes, bool read_only);
  void plan(Time delay, std::function<void()> action);
  void record(Happened what, const core::CallKey& call, std::uint32_t transaction,
              std::uint32_t place);

  World& world_;      // Must outlive the service.
  Session& session_;  // Must outlive the service.
  Random random_;
  std::string name_;
  std::size_t home_;
  std::shared_ptr<ServiceStore> store_;  // Shared with the instance that stands by.
  ServiceHabits habits_;
  std::uint64_t epoch_ = 0;
  std::set<core::CallKey> thinking_;  // Asked, and not answered yet.
  ServiceCounts counts_;
};

}  // namespace nemcon::sim
