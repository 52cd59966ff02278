// Ledger: takes everything out of a queue while it comes, and knows what was there: what was
// acknowledged to whom sent it must be there once, and only once.
//
// Its own thread; its calls may come from any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <future>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <thread>

#include <nemcon/nemcon.hpp>

namespace nemcon::attack {

class Ledger {
 public:
  // Of "inbox" at the node that these options lead to.
  explicit Ledger(ClientOptions options);
  ~Ledger();
  Ledger(const Ledger&) = delete;
  Ledger& operator=(const Ledger&) = delete;

  // Waits until all of these are there, and a little longer; then, in words, what is missing or
  // came twice. Empty: all is well.
  [[nodiscard]] std::string compare(const std::set<std::string>& bodies);

  // How many different ones begin so.
  [[nodiscard]] std::uint64_t count_of(const std::string& prefix) const;

 private:
  struct Acked {
    std::string body;
    std::future<bool> done;
  };

  void run(const ClientOptions& options);
  void note(const Delivery& delivery);
  void take_acks(std::deque<Acked>& acked);
  [[nodiscard]] std::uint64_t missing_count(const std::set<std::string>& bodies) const;

  mutable std::mutex mutex_;
  std::map<std::string, std::string> ids_;  // Of the message, by its body.
  std::set<std::string> done_;              // Bodies whose acknowledgement was confirmed.
  std::string doubled_;
  std::atomic<bool> is_over_ = false;
  std::thread thread_;  // Last: it uses everything above.
};

}  // namespace nemcon::attack
