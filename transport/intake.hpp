// Intake: how much of what others have sent lies in ZeroMQ's memory, and who is cut for it.
//
//   sender ──► kernel ──► ZeroMQ's thread ──► queue ──► owner
//              received                                 taken
//
// ZeroMQ's own bound, a number of frames, cannot be used: once a queue is full, a connection that
// is reset ends the process (libzmq 4.3.4: a timer or a PING that is read afterwards fails an
// assertion). So queues have no end, and what lies in them is what the kernel has received of a
// connection, less what the owner has taken of it. Looked at while the owner does not keep up:
// honest senders stop at link_window_bytes by themselves.
//
// What ZeroMQ does not hand out before it is whole, a frame or a message of several, is found by
// what the kernel has received since a whole one was taken. And a connection that nothing was taken
// of yet, be it in the middle of its handshake, may have sent little, and has not long.
//
// Who is over is cut below ZeroMQ, which finds the connection ended. A descriptor may stand for
// another connection in the very moment in which it is cut: that one is made anew. Bytes are
// counted of TCP only; who may use a path is said by its mode. Owner's thread; the descriptors stay
// ZeroMQ's.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "core/time.hpp"

namespace nemcon::transport {

// One connection, also once its descriptor is another one's.
struct ConnectionRef {
  int descriptor = -1;
  std::uint64_t number = 0;  // 0: none that is known.
};

class Intake {
 public:
  // Of one connection, where two of the largest frames are not more, and of all together.
  static constexpr std::int64_t waiting_bytes_max = std::int64_t{64} << 20U;
  static constexpr std::int64_t all_waiting_bytes_max = std::int64_t{256} << 20U;
  // Greetings and keys are some hundred bytes.
  static constexpr std::uint64_t stranger_bytes_max = std::uint64_t{64} << 10U;
  static constexpr core::Duration stranger_time_max = std::chrono::seconds{5};

  explicit Intake(std::size_t frame_bytes_max = 0);

  void on_accepted(int descriptor, core::Instant now);

  void on_ended(int descriptor);

  // False: its acceptance was not reported yet.
  [[nodiscard]] bool is_known(int descriptor) const { return find(descriptor).number != 0; }

  // Of TCP, and nothing was taken of it yet.
  [[nodiscard]] bool is_stranger(int descriptor) const {
    return is_known(descriptor) && known_[static_cast<std::size_t>(descriptor)].is_stranger;
  }

  // For the first frame of a connection. Its last frames may be taken when the descriptor is
  // another's: whoever claims it after this one shows that this one was not it.
  [[nodiscard]] ConnectionRef claim(int descriptor);

  // If it is there still. What of it has been received still comes.
  void end(const ConnectionRef& connection) const;

  // The same, and counted: for what it has sent.
  void cut(const ConnectionRef& connection);

  // The owner has taken a frame of it. True: it has sent far more than it may, and was cut.
  [[nodiscard]] bool on_taken(int descriptor, std::size_t byte_count, core::Instant now);

  // The owner has taken all there was.
  void on_drained();

  // Looks at what is not whole yet. Costs a system call for each connection; call it twice a
  // second.
  void look_at_unfinished();

  // Looks at those of whom nothing was taken yet.
  void tend(core::Instant now);

  // When to tend; nothing where there are none.
  [[nodiscard]] std::optional<core::Instant> deadline() const;

  // How many were cut, since the start.
  [[nodiscard]] std::uint64_t cut_count() const { return cut_count_; }

 private:
  struct Known {
    std::uint64_t number = 0;
    core::Instant accepted_at;
    std::uint64_t received_before = 0;  // Of what the kernel received, when it was last looked at
    bool is_taken_of = false;           // after a whole frame was taken; whether one was since.
    bool is_stranger = false;
  };

  struct Counted {
    std::int64_t received_before = 0;  // Of what the kernel received, when counting began.
    std::int64_t taken = 0;
    std::int64_t looked_at = 0;  // `taken`, then.
    std::int64_t waiting = 0;    // As it was then.
  };

  [[nodiscard]] ConnectionRef find(int descriptor) const;
  void cut_descriptor(int descriptor);

  std::int64_t one_bytes_max_;
  std::vector<Known> known_;  // By descriptor.
  std::uint64_t last_number_ = 0;
  std::vector<int> strangers_;  // Those that tend() looks at.
  std::size_t next_stranger_ = 0;
  core::Instant look_at_{};
  std::optional<core::Instant> behind_since_;  // Nothing: all was taken a moment ago.
  std::map<int, Counted> counted_;             // While the owner is behind.
  std::int64_t all_waiting_ = 0;
  std::uint64_t cut_count_ = 0;
};

}  // namespace nemcon::transport
