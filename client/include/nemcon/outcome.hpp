// What became of a transaction, and the name by which it can be asked for.
//
// Values: copy them freely, between threads too. Nothing here blocks or throws, unless it says
// so.
#pragma once

#include <array>
#include <chrono>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nemcon/export.hpp>
#include <nemcon/message.hpp>

namespace nemcon {
inline namespace v0 {

// Names one transaction for good: chosen before anything is sent, the same at every node and
// for every attempt. An application that must survive its own restart keeps text().
class NEMCON_EXPORT TransactionId {
 public:
  // The initiator's id (2 words), the client's id (2 words), epoch, sequence.
  using Words = std::array<std::uint64_t, 6>;

  TransactionId() = default;

  explicit TransactionId(const Words& words) : words_(words) {}

  // Parses what text() prints; nothing for any other text.
  [[nodiscard]] static std::optional<TransactionId> parse(std::string_view text);

  // "initiator-client-epoch-sequence", in hexadecimal digits.
  [[nodiscard]] std::string text() const;

  // True for the default value, which names no transaction.
  [[nodiscard]] bool is_none() const { return words_ == Words{}; }

  [[nodiscard]] const Words& words() const { return words_; }

  friend bool operator==(const TransactionId&, const TransactionId&) = default;
  friend auto operator<=>(const TransactionId&, const TransactionId&) = default;

 private:
  Words words_{};
};

// A point in the mesh's own time, a hybrid logical clock: a transaction begun by somebody who
// knew of another one's commit has the larger timestamp.
struct Timestamp {
  std::uint64_t value = 0;  // 48 bits of wall milliseconds since 1970, 16 bits of count.

  [[nodiscard]] std::chrono::system_clock::time_point wall() const {
    return std::chrono::system_clock::time_point{std::chrono::milliseconds{value >> 16U}};
  }

  friend auto operator<=>(const Timestamp&, const Timestamp&) = default;
};

// Why a branch said no, or why a request was turned away.
enum class Reason : std::uint8_t {
  none,
  unknown_queue,
  unknown_service,
  ambiguous_name,  // The name without "@node" is not unique in the mesh.
  queue_full,
  queue_closing,
  lease_lost,           // The delivery is not leased to this client any more.
  out_of_order,         // A later transaction of this client was already accepted at the queue.
  service_refused,      // Application code voted no; the text is its own.
  service_unavailable,  // No instance of the service answered before the deadline.
  deadline,
  preempted,  // Another node wanted the outcome before the vote was given.
  fenced,     // A newer session of the same client name is open.
  descriptor_conflict,
  clock_drift,
  check_failed,
  too_large,
  too_many_branches,
  unavailable,  // Not all nodes that are needed can be reached.
  disk_full,
  window_full,  // Too many outcomes that the application has not taken yet.
  too_old,      // The outcome is not kept any more.
  forbidden,
  stopping,  // The node, or this client, is shutting down.
  malformed,
  not_found,
  rolled_back_node,  // The node was restored from an old state and may not vote.
};

enum class State : std::uint8_t {
  committed,
  rolled_back,  // Final: nothing of it took effect anywhere, and nothing will.
  unknown,      // Not known here and now. Remedy: Client::outcome(id), or commit() again.
};

// Lower-case words: "queue full", "rolled back".
NEMCON_EXPORT const char* to_text(Reason reason);
NEMCON_EXPORT const char* to_text(State state);

struct Outcome {
  State state = State::unknown;
  TransactionId id;
  Timestamp at;                  // Committed: the commit timestamp.
  Reason reason = Reason::none;  // Rolled back or unknown: why.
  std::string text;              // The same in words; of a service, its own words.
  std::string by;                // Rolled back: the name of the node that objected.
  std::vector<Message> replies;  // Committed: what the services answered, in order of call().
  bool retryable = false;        // Surely without effect, and worth being begun again as it is.

  [[nodiscard]] bool committed() const { return state == State::committed; }

  // One line for people: "rolled back by warehouse: sold out (service refused)".
  [[nodiscard]] NEMCON_EXPORT std::string summary() const;
};

}  // namespace v0
}  // namespace nemcon
