#include "tests/transport/mesh_fixture.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace nemcon::transport {

using namespace std::chrono_literals;

LinkTiming test_timing() {
  return {.heartbeat_interval = 200ms,
          .heartbeat_timeout = 3s,
          .ping_interval = 200ms,
          .gone_after = 2s,
          .handshake_patience = 2s,
          .reconnect_first = 20ms,
          .reconnect_max = 200ms,
          .penalty = 500ms,
          .penalty_max = 500ms};
}

core::Instant clock_now() {
  return core::Instant{std::chrono::steady_clock::now().time_since_epoch()};
}

std::string free_tcp_endpoint() {
  const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t address_bytes = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  EXPECT_EQ(::bind(socket, generic, address_bytes), 0);
  EXPECT_EQ(::getsockname(socket, generic, &address_bytes), 0);
  ::close(socket);
  return "tcp://127.0.0.1:" + std::to_string(ntohs(address.sin_port));
}

// ---- node -----------------------------------------------------------------------------------

TestNode::TestNode(const Options& options) {
  NodeSocketsOptions o{.name = options.name,
                       .listen = {options.endpoint},
                       .peers = {},
                       .limits = options.limits,
                       .timing = options.timing,
                       .held_bytes_max = options.held_bytes_max,
                       .unread_bytes_max = options.unread_bytes_max,
                       .idle_links_max = options.idle_links_max,
                       .keys = options.keys};
  std::vector<std::string> names;
  for (const auto& [name, endpoint] : options.peers) {
    const core::PeerIndex index{static_cast<std::uint32_t>(o.peers.size())};
    o.peers.push_back({.peer = index, .name = name, .endpoint = endpoint});
    names.push_back(name);
  }
  authenticator_ = std::make_unique<TrustedNames>(names);
  auto sockets = NodeSockets::open(process_context(), *authenticator_, o);
  if (!sockets) throw std::runtime_error(sockets.error().detail);
  sockets_ = std::move(sockets).value();
}

void TestNode::turn(core::Instant now) {
  sockets_->poll(now, core::Duration::zero(), {});
  sockets_->receive(now, events);
}

SendResult TestNode::send(std::uint32_t peer, const core::Message& message) {
  return sockets_->send_to_peer(core::PeerIndex{peer}, samples::frame_header(), {&message, 1});
}

SendResult TestNode::reply(core::LinkId link, const core::Reply& reply) {
  return sockets_->send_to_client(link, {&reply, 1});
}

// ---- client ---------------------------------------------------------------------------------

TestClient::TestClient(const std::string& name) : TestClient(name, test_timing()) {}

TestClient::TestClient(const std::string& name, const LinkTiming& timing)
    : socket_(std::make_unique<ClientSocket>(
          process_context(),
          ClientSocketOptions{.name = name, .keys = nullptr, .limits = {}, .timing = timing})) {}

TestClient::TestClient(const std::string& name, std::shared_ptr<const KeyPair> keys)
    : socket_(std::make_unique<ClientSocket>(
          process_context(),
          ClientSocketOptions{
              .name = name, .keys = std::move(keys), .limits = {}, .timing = test_timing()})) {}

void TestClient::connect(const std::string& endpoint, const std::optional<PublicKey>& node_key) {
  const core::Status status = socket_->connect(clock_now(), endpoint, node_key);
  EXPECT_TRUE(status.has_value());
}

void TestClient::turn(core::Instant now) {
  if (!socket_) return;
  socket_->poll(now, core::Duration::zero(), {});
  socket_->receive(now, events);
}

SendResult TestClient::send(const core::Request& request) {
  std::size_t sent_count = 0;
  return socket_->send({&request, 1}, sent_count);
}

// ---- mesh -----------------------------------------------------------------------------------

Mesh::Mesh() {
  std::string path = (std::filesystem::temp_directory_path() / "nemcon-links-XXXXXX").string();
  EXPECT_NE(::mkdtemp(path.data()), nullptr);
  directory_ = path;
}

Mesh::~Mesh() {
  nodes.clear();
  clients.clear();
  strangers.clear();
  std::filesystem::remove_all(directory_);
}

std::string Mesh::ipc_endpoint(const std::string& name) const {
  return "ipc://" + (directory_ / name).string();
}

TestNode& Mesh::add_node(const TestNode::Options& options) {
  return *nodes.emplace_back(std::make_unique<TestNode>(options));
}

TestClient& Mesh::add_client(const std::string& name) {
  return *clients.emplace_back(std::make_unique<TestClient>(name));
}

Stranger& Mesh::add_stranger(const std::string& endpoint) {
  return *strangers.emplace_back(std::make_unique<Stranger>(endpoint));
}

TestClient& Mesh::add_client(const std::string& name, std::shared_ptr<const KeyPair> keys) {
  return *clients.emplace_back(std::make_unique<TestClient>(name, std::move(keys)));
}

Stranger& Mesh::add_stranger(const std::string& endpoint, const KeyPair& keys,
                             const PublicKey& node_key) {
  return *strangers.emplace_back(std::make_unique<Stranger>(endpoint, keys, node_key));
}

void Mesh::remove(const TestNode& node) {
  std::erase_if(nodes, [&node](const auto& n) { return n.get() == &node; });
}

void Mesh::turn() {
  for (const auto& node : nodes)
    node->turn(clock_now());
  for (const auto& client : clients)
    client->turn(clock_now());
  for (const auto& stranger : strangers)
    stranger->turn();
}

bool Mesh::run_until(const std::function<bool()>& condition) {
  const core::Instant give_up = clock_now() + 20s;
  while (!condition()) {
    if (clock_now() > give_up) return false;
    turn();
    ::usleep(500);  // Lets ZeroMQ's thread have the processor.
  }
  return true;
}

void Mesh::run_for(core::Duration duration) {
  const core::Instant end = clock_now() + duration;
  while (clock_now() < end) {
    turn();
    ::usleep(500);
  }
}

core::LinkId Mesh::greet(TestClient& client, TestNode& node) {
  client.connect(node.endpoint());
  EXPECT_TRUE(run_until([&] { return client.socket().is_up(); }));
  const std::size_t before = node.count<core::ClientRequested>();
  EXPECT_EQ(client.send(core::Open{.request = 1, .name = "c"}), SendResult::sent);
  EXPECT_TRUE(run_until([&] { return node.count<core::ClientRequested>() > before; }));
  return node.all<core::ClientRequested>().back().link;
}

}  // namespace nemcon::transport
