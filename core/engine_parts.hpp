// The parts of one node's engine and what goes on between them: engine.cpp has life, storage and
// the turn of a step, engine_peers.cpp what comes from peers, engine_clients.cpp what comes from
// clients. Only these three include this.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/consumers.hpp"
#include "core/context.hpp"
#include "core/driver.hpp"
#include "core/engine.hpp"
#include "core/gate.hpp"
#include "core/leases.hpp"
#include "core/participant.hpp"
#include "core/report.hpp"
#include "core/services.hpp"
#include "core/submissions.hpp"
#include "core/witness.hpp"

namespace nemcon::core {

class Engine::Parts {
 public:
  Parts(Options options, Restored restored);

  void step(const Input& input, Effects& effects);

  Context context;
  Leases leases;
  Services services;
  Participant participant;
  Witness witness;
  Driver driver;
  Consumers consumers;
  Submissions submissions;
  Reporter reporter;
  Gate gate;
  bool checkpointing = false;

 private:
  void restore(Restored restored);
  void define_queues();

  void on(const LifeBegins& event);
  void on(const FrameReceived& event);
  void on(const PeerUp& event);
  void on(const PeerDown& event);
  void on(const ClientRequested& event);
  void on(const ClientGone& event);

  void on(const ClientKnown& event) { submissions.on_known(event); }

  void on(const PermissionsReplaced& event);

  void on(const WriteDurable& event);
  void on(const ReadDone& event);
  void on(const CheckpointDone& event);
  void on(const DiskFull& event);
  void on(const DeadlinePassed& event);
  void on(const StopRequested& event);

  void on_hello(const FrameReceived& frame, const Hello& hello);
  void say_hello(Peer& peer, bool wants_answer);
  void announce_services();

  // Once `change` is made, if other services are there than before.
  template <class Change>
  void announce_change(const Change& change) {
    const std::vector<std::string> served = services.names();
    change();
    if (services.names() != served) announce_services();
  }

  void tell_what_was_seen(Peer& peer);
  void on_message(const NodeId& from, const Message& message, bool drifted);
  void on_vote(const NodeId& from, const Vote& vote);
  void on_query(const NodeId& from, const Query& query);
  void on_decision(const NodeId& from, const Decision& decision);
  void on_request(const Client& client, const Request& request);

  void settle();
  void drain_to_self();
  void follow_votes();
  void take_checkpoint();
  void record_sightings();
  void record_sighting(Peer& peer);
  void raise_floor();
  [[nodiscard]] std::optional<Instant> next_deadline() const;
  void check_invariants() const;

  bool delivering_ = false;
  bool fence_is_told_ = false;
  std::optional<Instant> checkpoint_at_;
  Instant floor_at_{};
  Lsn checkpointing_upto_;
};

}  // namespace nemcon::core
