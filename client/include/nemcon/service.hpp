// Service: application code that takes part in transactions. It prepares and votes, and later
// commits or rolls back.
//
//   client.serve("reserve", nemcon::Service{
//     .prepare   = [&](const nemcon::Branch& b) { return stock.hold(b) ? nemcon::Vote::yes(receipt)
//                                                                      : nemcon::Vote::no("sold
//                                                                      out"); },
//     .commit    = [&](const nemcon::Branch& b) { stock.take(b); },
//     .roll_back = [&](const nemcon::Branch& b) { stock.release(b); },
//   });
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nemcon/export.hpp>
#include <nemcon/message.hpp>
#include <nemcon/outcome.hpp>

namespace nemcon {
inline namespace v0 {

// Names one call to a service, the same in prepare, commit and roll_back, across restarts of
// application and node. Keep text() beside what was prepared.
class NEMCON_EXPORT CallId {
 public:
  CallId() = default;

  CallId(const TransactionId& transaction, std::uint64_t digest_high, std::uint64_t digest_low,
         std::uint8_t branch, std::uint8_t operation)
      : transaction_(transaction),
        digest_high_(digest_high),
        digest_low_(digest_low),
        branch_(branch),
        operation_(operation) {}

  // Parses what text() prints; nothing for any other text.
  [[nodiscard]] static std::optional<CallId> parse(std::string_view text);

  // "transaction/digest/branch/operation", numbers in hexadecimal digits.
  [[nodiscard]] std::string text() const;

  [[nodiscard]] const TransactionId& transaction() const { return transaction_; }

  [[nodiscard]] std::uint64_t digest_high() const { return digest_high_; }

  [[nodiscard]] std::uint64_t digest_low() const { return digest_low_; }

  [[nodiscard]] std::uint8_t branch() const { return branch_; }

  [[nodiscard]] std::uint8_t operation() const { return operation_; }

  friend bool operator==(const CallId&, const CallId&) = default;
  friend auto operator<=>(const CallId&, const CallId&) = default;

 private:
  TransactionId transaction_;
  std::uint64_t digest_high_ = 0;
  std::uint64_t digest_low_ = 0;
  std::uint8_t branch_ = 0;
  std::uint8_t operation_ = 0;
};

// What the service is asked for.
struct Branch {
  CallId id;
  std::string service;
  std::string caller;  // prepare: the authenticated name of the client; empty when anonymous.
  Message request;     // In commit and roll_back as in prepare.
  Timestamp at;        // commit: the commit timestamp.
  // prepare: a vote after this is too late, and counts as a no.
  std::chrono::steady_clock::time_point deadline;
};

// The answer to prepare.
class Vote {
 public:
  // A promise: commit() will succeed whenever it is called, also after a restart. The reply
  // (at most 64 KiB) goes to the caller with the outcome.
  [[nodiscard]] static Vote yes(Message reply = {}) {
    return Vote{true, false, {}, std::move(reply)};
  }

  // The transaction rolls back everywhere; the text goes to the caller. Nothing may stay
  // prepared: roll_back is not called.
  [[nodiscard]] static Vote no(std::string text) { return Vote{false, false, std::move(text), {}}; }

  // Nothing was changed and nothing must be kept: neither commit nor roll_back is called.
  [[nodiscard]] static Vote read_only(Message reply = {}) {
    return Vote{true, true, {}, std::move(reply)};
  }

  [[nodiscard]] bool is_yes() const { return yes_; }

  [[nodiscard]] bool is_read_only() const { return read_only_; }

  [[nodiscard]] const std::string& text() const { return text_; }

  [[nodiscard]] const Message& reply() const { return reply_; }

 private:
  Vote(bool yes, bool read_only, std::string text, Message reply)
      : yes_(yes), read_only_(read_only), text_(std::move(text)), reply_(std::move(reply)) {}

  bool yes_;
  bool read_only_;
  std::string text_;
  Message reply_;
};

// All functions are called on threads of the library that belong to this service alone
// (ServeOptions::threads of them); the functions of one call never overlap. They may block, and
// may use the Client.
struct Service {
  // Must be there. May be repeated for the same id: answer the same again. An exception counts
  // as Vote::no with its what(): nothing may stay prepared.
  std::function<Vote(const Branch&)> prepare{};

  // Redelivered until it returns without an exception, and once more when that was not heard of
  // (a crash): finding nothing prepared under the id means that it was done before.
  // May be left out when every vote is no or read_only.
  std::function<void(const Branch&)> commit{};

  // As commit; may come for a call that was never prepared here, or is still unknown.
  std::function<void(const Branch&)> roll_back{};

  // What is prepared and neither committed nor rolled back, as kept by the application. Asked
  // for whenever the service registers at a node, which then ends each of them. Without it,
  // what a crash of the *application* leaves prepared is only ended if the node knows of it:
  // leave it out only when nothing prepared outlives the process.
  std::function<std::vector<CallId>()> in_doubt{};
};

struct ServeOptions {
  // How many calls are handled at the same time.
  std::size_t threads = 1;
  // How long serve() waits for the node; zero: the client's.
  std::chrono::milliseconds deadline{0};
};

}  // namespace v0
}  // namespace nemcon
