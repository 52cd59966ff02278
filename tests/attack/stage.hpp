// Stage: a mesh of nemcond processes with keys, an honest load over two of them, and one attacker
// process against "shop". "mallory" is a node of the mesh by its key, but no nemcond runs for it.
//
// How honest transactions fare is measured in windows without and with the attack by turns, so that
// whatever else the machine does falls on both.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/attack/ledger.hpp"
#include "tests/attack/order.hpp"
#include "tests/client/process.hpp"
#include "tests/system/footprint.hpp"
#include "tests/system/keyed_nodes.hpp"
#include "tests/system/load.hpp"

namespace nemcon::attack {

struct Measured {
  double before_ms = 0;  // The 99th percentile.
  double under_ms = 0;
  std::size_t before_count = 0;  // Transactions that were measured.
  std::size_t under_count = 0;
  std::size_t peak_kib = 0;  // The most memory that the node had under attack.
  int attempt_count = 1;

  [[nodiscard]] double ratio() const { return before_ms > 0 ? under_ms / before_ms : 0; }
};

// Memory is what no file stands behind, and may be some MiB more: the load goes on.
[[nodiscard]] bool is_near(const tests::Footprint& before, const tests::Footprint& after);

using Counts = std::map<std::string, std::uint64_t>;

// The honest client.
constexpr const char* load_session = "till/load";

constexpr const char* usual_limits = "max_transaction_bytes = '256KiB'";

class Stage : public tests::KeyedNodes {
 public:
  struct Guest {
    std::string name;
    std::string allow = {};  // As in the file: "\"send other\", \"browse *\"".
  };

  struct Options {
    std::vector<std::string> wrapper;   // Runs shop.
    bool changes_key = false;           // Of warehouse, on the way.
    int babbler_count = 0;              // Clients that may send to a queue that there is not.
    std::vector<Guest> guests;          // Further clients of shop.
    std::string limits = usual_limits;  // Of all nodes: in place of these.
    bool is_attacker_last = true;       // The attacker has what the nodes leave of the machine.
  };

  // All runs, and the load is warm.
  explicit Stage(const Options& options);
  ~Stage();
  Stage(const Stage&) = delete;
  Stage& operator=(const Stage&) = delete;

  // Begins the attacker of that name, which waits for measure().
  void begin_attacker(const std::string& name);

  // `seconds` of each, in turns. `during` is called in the first window of the attack; it may be
  // empty.
  [[nodiscard]] Measured measure(std::chrono::milliseconds each,
                                 const std::function<void()>& during);

  // What it did. Throws std::runtime_error when it failed.
  [[nodiscard]] Tally end_attacker();

  // Of shop, while the load goes on.
  [[nodiscard]] tests::Footprint footprint() const;

  // The footprint once it is near that again, or patience is over.
  [[nodiscard]] tests::Footprint recovered(const tests::Footprint& before) const;

  // From a client that connects anew. Throws nemcon::Error where shop does not answer.
  [[nodiscard]] Counts counts() const;

  // Ends the load; what failed, is missing or came twice, in words. Empty: all is well.
  [[nodiscard]] std::string settle();

  // Of the honest client, one that was not there before, and a transaction of it. Throws
  // nemcon::Error where shop has no room for it.
  void open_new_session() const;

  // How long it takes shop to cut a connection after it was told that its key is no good.
  [[nodiscard]] std::chrono::milliseconds revoke_guest();

  void restart_shop();
  void change_key_of_warehouse();

  [[nodiscard]] tests::Load& load() { return *load_; }

  [[nodiscard]] std::uint64_t message_count(const std::string& prefix) const;

  [[nodiscard]] bool all_run();

 private:
  using Times = std::vector<std::chrono::nanoseconds>;

  void add_guests(const Options& options);
  void watch(std::chrono::milliseconds window, Measured& measured);

  std::string without_guest_;  // The file of shop.
  Order order_;
  bool is_attacker_last_;
  std::unique_ptr<tests::Load> load_;
  std::unique_ptr<Ledger> at_shop_;
  std::unique_ptr<Ledger> at_warehouse_;
  std::future<tests::Ran> attacker_;
};

}  // namespace nemcon::attack
