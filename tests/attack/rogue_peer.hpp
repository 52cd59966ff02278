// RoguePeer: a node of the mesh with a valid key, as a process that keeps nothing on disk. Its
// engine is the honest one; what it hears and what leaves it go through the attacker's hands.
//
// One thread, which gives it its turns.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/engine.hpp"
#include "tests/attack/victim.hpp"
#include "tests/core/disk.hpp"
#include "tests/sim/network.hpp"
#include "transport/links.hpp"

namespace nemcon::attack {

class RoguePeer {
 public:
  explicit RoguePeer(const Victim& victim);

  // Waits for a moment for what comes, and handles it.
  void turn();

  // What its engine wants to say, before it leaves; absent: as it is.
  std::function<sim::Frame(core::PeerIndex, sim::Frame)> twist;

  // What others say, before its engine hears it.
  std::function<void(const core::FrameReceived&)> overhear;

  // Past the engine. False where the link is down.
  bool say(core::PeerIndex to, const sim::Frame& frame);

  [[nodiscard]] core::FrameHeader header_for(core::PeerIndex to) const {
    return engine_->header_for(to);
  }

  [[nodiscard]] core::PeerIndex index_of(const std::string& name) const;

  [[nodiscard]] std::size_t peer_count() const { return peer_names_.size(); }

  // A transaction in the name of the operator, one message with this body to each queue.
  void submit(const std::vector<std::string>& targets, const std::string& body);

  // How many of these were committed.
  [[nodiscard]] std::uint64_t committed_count() const { return committed_count_; }

  // How many have an answer, of whatever kind.
  [[nodiscard]] std::uint64_t answered_count() const { return answered_count_; }

  [[nodiscard]] core::NodeId id() const { return options_.node; }

 private:
  void step(core::Event event);
  void carry_out(core::Effects& effects);
  void on_event(transport::NodeEvent& event);
  void on_reply(const core::Reply& reply);
  void flush();

  core::Options options_;
  std::vector<std::string> peer_names_;
  transport::TrustedNames names_;
  std::unique_ptr<transport::NodeSockets> sockets_;
  std::unique_ptr<core::Engine> engine_;
  core::tests::Store store_;
  std::deque<core::Event> inbox_;
  std::map<core::PeerIndex, std::vector<core::Message>> messages_;  // Of this turn.
  core::Lsn written_;
  std::optional<core::Instant> wake_at_;
  std::optional<core::Opened> session_;
  std::uint64_t request_ = 0;
  std::uint64_t sequence_ = 0;
  std::uint64_t committed_count_ = 0;
  std::uint64_t answered_count_ = 0;
};

}  // namespace nemcon::attack
