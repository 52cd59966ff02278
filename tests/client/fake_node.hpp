// FakeNode: what a client sees of a node, as a script. It speaks the real codec over a real
// ZeroMQ socket; what it answers is up to the test.
//
// The test thread scripts and asks; one thread of its own owns the sockets.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "core/request.hpp"
#include "transport/links.hpp"

namespace nemcon::tests {

// Tests wait for conditions, never for time to pass; this only ends a test that fails.
constexpr std::chrono::seconds patience{20};

class FakeNode {
 public:
  struct Settings {
    std::string name = "shop";
    core::NodeId node{1, 1};
    core::Epoch epoch{7};  // Of new sessions; the next one is larger.
    std::uint32_t window = 4096;
    std::uint64_t clock_ms = 1'000;  // What it says in Opened.
    std::uint64_t message_bytes_max = std::uint64_t{1} << 20U;
    std::uint64_t transaction_bytes_max = std::uint64_t{16} << 20U;
    bool opens = true;     // Answers Open.
    bool commits = false;  // Answers Submit with committed, at once.
  };

  FakeNode() : FakeNode(Settings{}) {}

  explicit FakeNode(Settings settings);
  ~FakeNode();
  FakeNode(const FakeNode&) = delete;
  FakeNode& operator=(const FakeNode&) = delete;

  [[nodiscard]] const std::string& endpoint() const { return endpoint_; }

  // As SIGKILL: the connections break, nothing is said.
  void die();

  // At the same address; what was seen before is kept.
  void revive();

  void set(Settings settings);

  // To the client that connected last.
  void reply(core::Reply reply);

  // Every request of this kind so far, over all lives, in order.
  template <class Kind>
  [[nodiscard]] std::vector<Kind> seen() {
    const std::lock_guard lock{mutex_};
    return seen_unlocked<Kind>();
  }

  // Waits until at least so many were seen.
  template <class Kind>
  [[nodiscard]] std::vector<Kind> wait_for(std::size_t count) {
    std::unique_lock lock{mutex_};
    const bool came =
        changed_.wait_for(lock, patience, [&] { return seen_unlocked<Kind>().size() >= count; });
    if (!came) throw std::runtime_error("the client did not send what the test waits for");
    return seen_unlocked<Kind>();
  }

  // Waits until some request of this kind satisfies it.
  template <class Kind>
  [[nodiscard]] Kind wait_until(std::function<bool(const Kind&)> is_wanted) {
    std::unique_lock lock{mutex_};
    const Kind* found = nullptr;
    changed_.wait_for(lock, patience, [&] {
      for (const core::Request& request : requests_) {
        const Kind* kind = std::get_if<Kind>(&request);
        if (kind != nullptr && is_wanted(*kind)) found = kind;
      }
      return found != nullptr;
    });
    if (found == nullptr) throw std::runtime_error("the client did not send what is waited for");
    return *found;
  }

  // Waits for the n-th one (from 1) of this kind.
  template <class Kind>
  [[nodiscard]] Kind wait_for_nth(std::size_t n) {
    return wait_for<Kind>(n)[n - 1];
  }

  // Requests of all kinds, for tests of their order.
  [[nodiscard]] std::vector<core::Request> all() {
    const std::lock_guard lock{mutex_};
    return requests_;
  }

  [[nodiscard]] std::size_t client_count();

 private:
  template <class Kind>
  [[nodiscard]] std::vector<Kind> seen_unlocked() const {
    std::vector<Kind> seen;
    for (const core::Request& request : requests_) {
      if (const Kind* kind = std::get_if<Kind>(&request)) seen.push_back(*kind);
    }
    return seen;
  }

  void start(const std::string& listen);
  void run();
  void turn();
  void on_request(const core::ClientRequested& requested);
  [[nodiscard]] core::Opened opened(const core::Open& open);

  transport::TrustedNames trusted_{{}};
  std::string endpoint_;

  std::mutex mutex_;
  std::condition_variable changed_;
  Settings settings_;  // Guarded by mutex_, as all below.
  std::vector<core::Request> requests_;
  std::vector<core::Reply> replies_;  // To be sent.
  core::LinkId link_;
  bool is_stopping_ = false;

  std::unique_ptr<transport::NodeSockets> sockets_;  // The thread's own while it runs.
  std::thread thread_;
};

}  // namespace nemcon::tests
