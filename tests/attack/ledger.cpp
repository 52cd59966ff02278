#include "tests/attack/ledger.hpp"

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

#include "tests/system/daemon.hpp"

namespace nemcon::attack {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

// What the rogue peer begins is its own: it may spoil that.
constexpr const char* rogue_prefix = "rogue ";

Ledger::Ledger(ClientOptions options)
    : thread_([this, options = std::move(options)] { run(options); }) {}

Ledger::~Ledger() {
  is_over_ = true;
  thread_.join();
}

void Ledger::run(const ClientOptions& options) {
  Client client(options);
  Consumer consumer = client.consume("inbox", {.credit = 256});
  std::deque<Acked> acked;
  while (!is_over_) {
    std::optional<Delivery> delivery = consumer.receive(50ms);
    if (delivery) {
      note(*delivery);
      acked.push_back({.body = delivery->body(), .done = delivery->ack_async()});
    }
    take_acks(acked);
  }
}

void Ledger::note(const Delivery& delivery) {
  const std::lock_guard lock(mutex_);
  const std::string& body = delivery.body();
  const auto [at, is_new] = ids_.emplace(body, delivery.message_id());
  // The same message may come again as long as nobody has confirmed that it is done with.
  const bool is_again = at->second == delivery.message_id() && !done_.contains(body);
  if (!is_new && !is_again && !body.starts_with(rogue_prefix)) doubled_ += body + "; ";
}

void Ledger::take_acks(std::deque<Acked>& acked) {
  while (!acked.empty() && acked.front().done.wait_for(0s) == std::future_status::ready) {
    const bool is_done = acked.front().done.get();
    const std::lock_guard lock(mutex_);
    if (is_done) done_.insert(std::move(acked.front().body));
    acked.pop_front();
  }
}

std::uint64_t Ledger::missing_count(const std::set<std::string>& bodies) const {
  const std::lock_guard lock(mutex_);
  return static_cast<std::uint64_t>(std::ranges::count_if(
      bodies, [this](const std::string& body) { return !ids_.contains(body); }));
}

std::string Ledger::compare(const std::set<std::string>& bodies) {
  const Clock::time_point give_up = Clock::now() + tests::patience;
  while (missing_count(bodies) > 0 && Clock::now() < give_up)
    std::this_thread::sleep_for(20ms);
  std::this_thread::sleep_for(200ms);
  const std::uint64_t missing = missing_count(bodies);
  const std::lock_guard lock(mutex_);
  std::string text;
  if (missing > 0) text += std::to_string(missing) + " acknowledged messages are lost; ";
  if (!doubled_.empty()) text += "came twice: " + doubled_;
  return text;
}

std::uint64_t Ledger::count_of(const std::string& prefix) const {
  const std::lock_guard lock(mutex_);
  return static_cast<std::uint64_t>(std::ranges::count_if(
      ids_, [&](const auto& entry) { return entry.first.starts_with(prefix); }));
}

}  // namespace nemcon::attack
