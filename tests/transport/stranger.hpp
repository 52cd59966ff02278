// Stranger: the connecting end of one connection that speaks ZeroMQ, with or without keys, and
// then whatever it likes.
//
// One thread, which gives it its turns.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "transport/codec.hpp"
#include "transport/keys.hpp"
#include "transport/poller.hpp"
#include "transport/socket.hpp"

namespace nemcon::transport {

class Stranger {
 public:
  explicit Stranger(const std::string& endpoint);
  // Who has keys, and tells lies.
  Stranger(const std::string& endpoint, const KeyPair& keys, const PublicKey& node_key);

  void send(std::string_view frame);

  // False where the connection takes no more, or is gone.
  [[nodiscard]] bool try_send(std::string_view frame);

  void greet(const Greeting& greeting);
  void turn();

  // The reasons of all refusals it got.
  std::vector<RefusalReason> refusals;
  int welcome_count = 0;
  std::optional<SocketEnd> end;

 private:
  void begin(const std::string& endpoint, const SocketTuning& tuning);

  Poller poller_;
  std::unique_ptr<DealerSocket> socket_;
};

}  // namespace nemcon::transport
