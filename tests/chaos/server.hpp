// Server: an instance of a service: prepares or refuses, commits, rolls back. What is prepared is
// kept in a store that outlives it and is shared by the instances, as a database would be.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "tests/chaos/actor.hpp"
#include "tests/chaos/plan.hpp"

namespace nemcon::chaos {

// From any thread.
class ServiceStore {
 public:
  ServiceStore(Recorder& recorder, ServicePlan plan, std::uint64_t seed);

  [[nodiscard]] Service service();

  // Nothing fails and nothing is refused any more.
  void behave() { is_good_ = true; }

  [[nodiscard]] std::size_t prepared_count() const;

 private:
  enum class Answer : std::uint8_t { prepared, read_only, no, committed, rolled_back };

  struct Call {
    Answer answer = Answer::no;
    std::uint32_t transaction = 0;
    std::uint32_t place = 0;
  };

  [[nodiscard]] Vote prepare(const Branch& branch);
  void finish(const Branch& branch, bool commits);
  [[nodiscard]] std::vector<CallId> in_doubt() const;
  [[nodiscard]] std::chrono::milliseconds think();
  void record(sim::Happened what, const CallId& id, const Call& call);

  Recorder& recorder_;
  const ServicePlan plan_;
  mutable std::mutex mutex_;
  sim::Random random_;
  std::map<CallId, Call> calls_;
  std::atomic<bool> is_good_ = false;
};

class Server : public Actor {
 public:
  Server(Stage& stage, std::uint64_t seed, std::string service, ClientOptions door,
         std::shared_ptr<ServiceStore> store);

 private:
  void live() override;

  std::string service_;
  ClientOptions door_;
  std::shared_ptr<ServiceStore> store_;
};

}  // namespace nemcon::chaos
