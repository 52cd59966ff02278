// A few nodes, clients and strangers in one thread, on real sockets. run_until() gives each of
// them its turn until a condition holds, or says that it never did.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/transport/samples.hpp"
#include "tests/transport/stranger.hpp"
#include "transport/hashing.hpp"
#include "transport/links.hpp"

namespace nemcon::transport {

// Fast enough for tests, slow enough for a machine that does other things as well.
LinkTiming test_timing();

core::Instant clock_now();

std::string free_tcp_endpoint();

class TestNode {
 public:
  // A node with its own sockets; its peers are numbered from 0 in the order given.
  struct Options {
    std::string name;
    std::string endpoint;
    std::vector<std::pair<std::string, std::string>> peers;  // Names and endpoints.
    LinkTiming timing = test_timing();
    core::Limits limits;
    std::uint64_t held_bytes_max = std::uint64_t{1} << 20U;
    std::uint64_t unread_bytes_max = std::uint64_t{256} << 20U;
    std::uint32_t idle_links_max = 16;
    std::optional<NodeKeys> keys;
  };

  explicit TestNode(const Options& options);

  void turn(core::Instant now);

  NodeSockets& sockets() { return *sockets_; }

  [[nodiscard]] std::string endpoint() const { return sockets_->endpoints().at(0); }

  [[nodiscard]] const LinkCounters& counters() const { return sockets_->counters(); }

  SendResult send(std::uint32_t peer, const core::Message& message);
  SendResult reply(core::LinkId link, const core::Reply& reply);

  // All events of one kind, so far.
  template <class Event>
  [[nodiscard]] std::vector<Event> all() const {
    std::vector<Event> found;
    for (const NodeEvent& event : events) {
      if (const auto* e = std::get_if<Event>(&event)) found.push_back(*e);
    }
    return found;
  }

  template <class Event>
  [[nodiscard]] std::size_t count() const {
    return all<Event>().size();
  }

  std::vector<NodeEvent> events;

 private:
  std::unique_ptr<TrustedNames> authenticator_;
  std::unique_ptr<NodeSockets> sockets_;
};

class TestClient {
 public:
  explicit TestClient(const std::string& name);
  TestClient(const std::string& name, const LinkTiming& timing);
  TestClient(const std::string& name, std::shared_ptr<const KeyPair> keys);

  void connect(const std::string& endpoint, const std::optional<PublicKey>& node_key = {});
  void turn(core::Instant now);

  ClientSocket& socket() { return *socket_; }

  SendResult send(const core::Request& request);

  // Gone without a word, as a killed process is: the caller stops giving it turns.
  void vanish() { socket_.reset(); }

  template <class Event>
  [[nodiscard]] std::vector<Event> all() const {
    std::vector<Event> found;
    for (const ClientEvent& event : events) {
      if (const auto* e = std::get_if<Event>(&event)) found.push_back(*e);
    }
    return found;
  }

  template <class Event>
  [[nodiscard]] std::size_t count() const {
    return all<Event>().size();
  }

  std::vector<ClientEvent> events;

 private:
  std::unique_ptr<ClientSocket> socket_;
};

class Mesh : public testing::Test {
 protected:
  Mesh();
  ~Mesh() override;

  std::string ipc_endpoint(const std::string& name) const;

  TestNode& add_node(const TestNode::Options& options);
  TestClient& add_client(const std::string& name);
  TestClient& add_client(const std::string& name, std::shared_ptr<const KeyPair> keys);
  Stranger& add_stranger(const std::string& endpoint);
  Stranger& add_stranger(const std::string& endpoint, const KeyPair& keys,
                         const PublicKey& node_key);
  void remove(const TestNode& node);

  // Everybody's turn once.
  void turn();

  // False when the condition did not hold within 20 s.
  [[nodiscard]] bool run_until(const std::function<bool()>& condition);

  // Goes on for a while, for what must not happen.
  void run_for(core::Duration duration);

  // Connects a client and returns its link, learnt from a first request.
  core::LinkId greet(TestClient& client, TestNode& node);

  std::vector<std::unique_ptr<TestNode>> nodes;
  std::vector<std::unique_ptr<TestClient>> clients;
  std::vector<std::unique_ptr<Stranger>> strangers;

 private:
  std::filesystem::path directory_;
};

}  // namespace nemcon::transport
