// Questions: requests that are answered once and change nothing that must be remembered: what
// became of a transaction, what a node reports, whether a delivery was settled.
//
// Promise: every one is answered exactly once, at its deadline at the latest. What can be asked
// again on another link is; settling cannot, since leases end with their link.
//
// One thread: the loop's.
#pragma once

#include <cstdint>
#include <future>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "client/session.hpp"

namespace nemcon::client {

// How a delivery is to be settled. Those that are equal in all but the token go in one request.
struct Settling {
  core::Settlement how = core::Settlement::ack;
  std::uint32_t delay_ms = 0;
  std::string text;
  std::uint64_t link = 0;  // The link that the lease came by.

  friend auto operator<=>(const Settling&, const Settling&) = default;
};

class Questions {
 public:
  explicit Questions(Timing timing) : timing_(timing) {}

  void ask(core::Instant now, const core::TransactionId& id, Waiter waiter);
  void inspect(core::Instant now, core::Inspect question, core::Instant deadline,
               std::promise<core::Report> answer);
  void settle(core::Instant now, const Settling& settling, core::LeaseToken token,
              core::Instant deadline, std::promise<bool> answer);

  // `link` is the number of this link, larger than any before.
  void on_opened(core::Instant now, std::uint64_t link);
  void on_link_down(std::string trouble);

  // False: not an answer to a question of this class.
  [[nodiscard]] bool on_concluded(core::Instant now, const core::Concluded& concluded,
                                  Effects& effects);
  [[nodiscard]] bool on_denied(core::Instant now, const core::Denied& denied, Effects& effects);
  [[nodiscard]] bool on_report(core::Report& report);
  [[nodiscard]] bool on_settled(const core::Settled& settled);

  void advance(core::Instant now, Effects& effects);

  [[nodiscard]] std::optional<core::Instant> wake_at() const { return check_at_; }

  // Answers everything, as at the deadline.
  void close(Effects& effects);

 private:
  struct Asked {
    core::TransactionId id;
    Waiter waiter;
    core::Instant next_at{};
    core::Duration gap{};
    bool was_answered = false;  // In doubt.
  };

  struct Inspected {
    core::Inspect question;
    core::Instant deadline{};
    core::Instant next_at{};
    core::Duration gap{};
    std::promise<core::Report> answer;
  };

  struct Settlement {
    core::Instant deadline{};
    std::vector<std::pair<core::LeaseToken, std::promise<bool>>> deliveries;
  };

  [[nodiscard]] std::uint64_t next_number() { return ++last_number_; }

  void wake_by(core::Instant at);
  void grow(core::Instant now, core::Instant& next_at, core::Duration& gap) const;
  void tell_asked(Asked& asked, Outcome outcome, Effects& effects);
  void tell_asked_late(Asked& asked, Effects& effects);
  void check_asked(core::Instant now, Effects& effects);
  void check_inspected(core::Instant now, Effects& effects);
  void check_settled(core::Instant now);
  static void answer_all(Settlement& settlement, bool done);
  void send_settlings(Effects& effects);
  [[nodiscard]] static core::Settle to_request(const Settling& settling, std::uint64_t number,
                                               const Settlement& settlement);
  [[nodiscard]] std::string unreachable_text() const;

  const Timing timing_;
  std::uint64_t link_ = 0;  // Zero: none is open.
  std::string trouble_ = "no node was reached yet";
  std::map<std::uint64_t, Asked> asked_;  // By request number, as all below.
  std::map<std::uint64_t, Inspected> inspected_;
  std::map<std::uint64_t, Settlement> settled_;
  std::map<Settling, Settlement> settlings_;  // Of this turn.
  // Session counts from 1; the two never meet.
  std::uint64_t last_number_ = std::uint64_t{1} << 62U;
  std::optional<core::Instant> check_at_;
};

}  // namespace nemcon::client
