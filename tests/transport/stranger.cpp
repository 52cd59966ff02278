#include "tests/transport/stranger.hpp"

#include <chrono>
#include <stdexcept>
#include <utility>

#include "core/check.hpp"

namespace nemcon::transport {

using namespace std::chrono_literals;

namespace {

SocketTuning stranger_tuning() {
  return {.heartbeat_interval = 200ms,
          .heartbeat_timeout = 3s,
          .handshake_patience = 2s,
          .frame_bytes_max = 1U << 25U};
}

}  // namespace

Stranger::Stranger(const std::string& endpoint) {
  begin(endpoint, stranger_tuning());
}

Stranger::Stranger(const std::string& endpoint, const KeyPair& keys, const PublicKey& node_key) {
  SocketTuning tuning = stranger_tuning();
  tuning.own_keys = &keys;
  tuning.server_key = node_key;
  begin(endpoint, tuning);
}

void Stranger::begin(const std::string& endpoint, const SocketTuning& tuning) {
  auto socket = DealerSocket::connect(process_context(), poller_, tuning, endpoint);
  if (!socket) throw std::runtime_error(socket.error().detail);
  socket_ = std::move(socket).value();
}

bool Stranger::try_send(std::string_view frame) {
  return socket_->try_send(frame) == Handed::taken;
}

void Stranger::send(std::string_view frame) {
  NEMCON_CHECK(try_send(frame));
}

void Stranger::greet(const Greeting& greeting) {
  FrameBuffer out;
  encode(out, greeting);
  send(out.view());
}

void Stranger::turn() {
  while (const auto frame = socket_->try_receive()) {
    const auto refused = decode_refused(frame->view);
    if (refused) refusals.push_back(refused->reason);
    if (decode_welcome(frame->view)) ++welcome_count;
  }
  end = socket_->find_end();
}

}  // namespace nemcon::transport
