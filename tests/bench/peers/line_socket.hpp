// LineSocket: a connection to a server on this machine whose answers end with a byte, for peers
// whose protocol is text and needs no library. Sends what was put in once flush() is called, so
// that many commands go out at once; receives through a buffer.
//
// One thread at a time. A connection that ends, and an answer that does not come within half a
// minute, end the process by fail().
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

namespace nemcon::bench::peers {

class LineSocket {
 public:
  // `peer` is the name for error texts.
  LineSocket(std::string peer, int port);
  ~LineSocket();
  LineSocket(const LineSocket&) = delete;
  LineSocket& operator=(const LineSocket&) = delete;

  LineSocket& put(std::string_view text) {
    out_ += text;
    return *this;
  }

  void flush();

  // The next bytes up to `end`, which is taken as well and left out. Waits for them.
  [[nodiscard]] std::string take_until(char end);

  // The next `count` bytes. Waits for them.
  [[nodiscard]] std::string take(std::size_t count);

  // Whether take_until(end) would not wait.
  [[nodiscard]] bool has(char end) const { return in_.find(end, taken_) != std::string::npos; }

  // The same, after having waited for such a byte.
  [[nodiscard]] bool wait_for(char end, std::chrono::milliseconds patience);

 private:
  // Whether something has come.
  bool receive(std::chrono::milliseconds patience);
  void receive();
  std::string cut(std::size_t count);

  std::string peer_;
  int socket_;
  std::string out_;
  std::string in_;
  std::size_t taken_ = 0;  // Bytes of `in_` that were handed out.
};

}  // namespace nemcon::bench::peers
