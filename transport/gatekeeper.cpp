#include "transport/gatekeeper.hpp"

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <map>
#include <mutex>
#include <optional>
#include <string_view>
#include <thread>

#include <zmq.h>

#include "core/check.hpp"
#include "core/mutant.hpp"
#include "transport/poller.hpp"
#include "transport/socket.hpp"

namespace nemcon::transport {

namespace {

constexpr const char* zap_endpoint = "inproc://zeromq.zap.01";
constexpr std::size_t refusals_told_max = 16;

// What RFC 27 has in a request; what comes behind is of the mechanism.
enum Part : std::uint8_t { version, request, domain, address, identity, mechanism, credentials };

constexpr std::size_t parts_max = 16;

using Parts = std::vector<std::string>;

// Nothing when the context ends.
std::optional<Parts> receive(void* socket) {
  Parts parts;
  for (bool more = true; more;) {
    zmq_msg_t message;
    zmq_msg_init(&message);
    const int size = zmq_msg_recv(&message, socket, 0);
    if (size < 0) {
      const int error = zmq_errno();
      zmq_msg_close(&message);
      if (error == EINTR) continue;
      NEMCON_CHECK(error == ETERM, zmq_strerror(error));
      return std::nullopt;
    }
    if (parts.size() < parts_max) {
      parts.emplace_back(static_cast<const char*>(zmq_msg_data(&message)),
                         static_cast<std::size_t>(size));
    }
    more = zmq_msg_more(&message) != 0;
    zmq_msg_close(&message);
  }
  return parts;
}

void send(void* socket, std::string_view part, int flags) {
  while (zmq_send(socket, part.data(), part.size(), flags) < 0) {
    NEMCON_CHECK(zmq_errno() == EINTR, zmq_strerror(zmq_errno()));
  }
}

// Signals are for the threads of the process that wait for them.
void block_signals() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

}  // namespace

class Gatekeeper::Impl {
 public:
  // False: the place is taken.
  bool start() {
    socket_ = zmq_socket(process_context().handle(), ZMQ_REP);
    NEMCON_CHECK(socket_ != nullptr, zmq_strerror(zmq_errno()));
    if (zmq_bind(socket_, zap_endpoint) != 0) {
      zmq_close(socket_);
      return false;
    }
    std::thread([this] { run(); }).detach();
    return true;
  }

  void admit(const std::string& name, std::set<PublicKey> keys) {
    const std::lock_guard lock(mutex_);
    domains_[name].keys = std::move(keys);
  }

  void close(const std::string& name) {
    const std::lock_guard lock(mutex_);
    domains_.erase(name);
  }

  Refusals take_refusals(const std::string& name) {
    const std::lock_guard lock(mutex_);
    const auto found = domains_.find(name);
    return found == domains_.end() ? Refusals{} : std::exchange(found->second.refusals, {});
  }

 private:
  struct Domain {
    std::set<PublicKey> keys;
    Refusals refusals;
  };

  void run() {
    block_signals();
    while (const std::optional<Parts> parts = receive(socket_)) {
      const std::optional<std::string> user_id = let_in(*parts);
      send(socket_, "1.0", ZMQ_SNDMORE);
      send(socket_, parts->size() > request ? (*parts)[request] : "", ZMQ_SNDMORE);
      send(socket_, user_id ? "200" : "400", ZMQ_SNDMORE);
      send(socket_, user_id ? "OK" : "unknown key", ZMQ_SNDMORE);
      send(socket_, user_id.value_or(""), ZMQ_SNDMORE);
      send(socket_, "", 0);
    }
    zmq_close(socket_);
  }

  // The name under which messages of that connection come: the key itself.
  std::optional<std::string> let_in(const Parts& parts) {
    if (parts.size() != credentials + 1 || parts[version] != "1.0" || parts[mechanism] != "CURVE" ||
        parts[credentials].size() != key_bytes) {
      return std::nullopt;
    }
    PublicKey key;
    std::memcpy(key.bytes.data(), parts[credentials].data(), key_bytes);
    const std::lock_guard lock(mutex_);
    const auto found = domains_.find(parts[domain]);
    if (found == domains_.end()) return std::nullopt;
    const bool is_known = found->second.keys.contains(key);
    if (is_known || core::planted(core::Mutant::unknown_key_let_in)) return to_text(key);
    Refusals& refusals = found->second.refusals;
    ++refusals.count;
    if (refusals.first.size() < refusals_told_max) {
      refusals.first.push_back({.key = to_text(key), .address = parts[address]});
    }
    return std::nullopt;
  }

  void* socket_ = nullptr;
  std::mutex mutex_;
  std::map<std::string, Domain> domains_;  // Guarded by mutex_.
};

core::Result<Gatekeeper*> Gatekeeper::of_process() {
  static std::mutex mutex;
  static Gatekeeper* gatekeeper = nullptr;
  const std::lock_guard lock(mutex);
  if (gatekeeper != nullptr) return gatekeeper;
  auto impl = std::make_unique<Impl>();
  if (!impl->start()) {
    return core::Error{core::Errc::local_refused,
                       "something else in this process decides already whom ZeroMQ lets in"};
  }
  gatekeeper = new Gatekeeper(*impl.release());
  return gatekeeper;
}

void Gatekeeper::admit(const std::string& domain, std::set<PublicKey> keys) {
  impl_.admit(domain, std::move(keys));
}

void Gatekeeper::close(const std::string& domain) {
  impl_.close(domain);
}

Gatekeeper::Refusals Gatekeeper::take_refusals(const std::string& domain) {
  return impl_.take_refusals(domain);
}

namespace {

// Where a wildcard can be reached.
std::string reachable(std::string endpoint) {
  for (const std::string_view any : {"tcp://0.0.0.0:", "tcp://*:"}) {
    if (endpoint.starts_with(any)) return endpoint.replace(0, any.size(), "tcp://127.0.0.1:");
  }
  constexpr std::string_view any6 = "tcp://[::]:";
  if (endpoint.starts_with(any6)) return endpoint.replace(0, any6.size(), "tcp://[::1]:");
  return endpoint;
}

}  // namespace

core::Status prove_refusal(Context& context, const std::string& endpoint,
                           const PublicKey& server_key) {
  using Clock = std::chrono::steady_clock;
  constexpr auto patience = std::chrono::seconds{10};
  const KeyPair nobody = make_key_pair();
  Poller poller;
  const SocketTuning tuning{.heartbeat_interval = patience,
                            .heartbeat_timeout = patience,
                            .handshake_patience = patience,
                            .frame_bytes_max = 4096,
                            .own_keys = &nobody,
                            .server_key = server_key};
  auto socket = DealerSocket::connect(context, poller, tuning, reachable(endpoint));
  if (!socket) return socket.error();
  const Clock::time_point give_up = Clock::now() + patience;
  const char* why = "it was not refused";
  while (Clock::now() < give_up) {
    if (const auto end = (*socket)->find_end()) {
      if (end->kind == SocketEnd::Kind::key_refused) return core::Nothing{};
      why = end->why;
      break;
    }
    poller.wait(std::chrono::milliseconds{100}, {});
  }
  return core::Error{core::Errc::local_refused, "the test with an unknown key at " + endpoint +
                                                    " failed: " + why +
                                                    "; whom this node would let in is not certain"};
}

}  // namespace nemcon::transport
