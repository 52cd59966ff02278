// Stranger: a plain TCP connection to a node, of somebody who has no key and says what bytes it
// likes; and the bytes with which ZeroMQ begins.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>

namespace nemcon::tests {

// Connects without waiting, and then does as it is told.
class Stranger {
 public:
  // To "tcp://127.0.0.1:PORT", from 127.0.0.`last`.
  explicit Stranger(const std::string& endpoint, std::uint32_t last = 1);
  ~Stranger();
  Stranger(const Stranger&) = delete;
  Stranger& operator=(const Stranger&) = delete;

  // How much was taken: nothing where it is held off.
  std::size_t send(const std::string& bytes) const;

  // The same without waiting.
  std::size_t try_send(std::string_view bytes) const;

  // Waits until the other side has said so much more. False when it does not come.
  [[nodiscard]] bool hear(std::size_t byte_count) const;

  // The connection will end with a reset: what the other side has not read by then is lost.
  void reset_when_closed() const;

  // Or on the way, for a moment: what the other side had no room for does not wait for the kernel.
  [[nodiscard]] bool is_connected() const;

  // Something that it sent has arrived: where an address is held off the kernel may answer and then
  // drop what follows.
  [[nodiscard]] bool has_arrived() const;

  // By the other side, that is; takes what it says before.
  [[nodiscard]] bool is_closed() const;

 private:
  int socket_;
  std::chrono::steady_clock::time_point begun_at_ = std::chrono::steady_clock::now();
};

// The first 64 bytes of a connection, as RFC 23 has them.
[[nodiscard]] std::string zmtp_greeting(const std::string& mechanism);

// The head of a frame of that many bytes, which ZeroMQ takes for a part of its handshake.
[[nodiscard]] std::string command_head(std::uint64_t byte_count);

// As CURVE begins: a HELLO of the right size and name, without what it should hold.
[[nodiscard]] std::string curve_hello_head();

// What no peer would send, by turns (0, 1, ...) any bytes at once, after a greeting, in a
// handshake.
[[nodiscard]] std::string garbage(std::size_t turn, std::mt19937_64& random);

}  // namespace nemcon::tests
