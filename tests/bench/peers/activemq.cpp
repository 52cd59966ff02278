// ActiveMQ over STOMP: persistent messages sent with receipts, consumers whose acknowledgements
// have receipts as well, since a broker that owes no answer does not flush.
#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include "tests/bench/peers/driver.hpp"
#include "tests/bench/peers/line_socket.hpp"

namespace nemcon::bench::peers {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t acknowledged_count_max = 200;

class ActiveMq final : public Connection {
 public:
  explicit ActiveMq(int port) : port_(port), socket_("activemq", port) {
    send("CONNECT\naccept-version:1.2\nhost:localhost\nheart-beat:0,0\n\n");
    socket_.flush();
    const std::string answer = frame();
    if (!answer.starts_with("CONNECTED")) fail("activemq: " + answer);
  }

  void begin_enqueue(const std::string& body) override {
    send("SEND\ndestination:/queue/bench\npersistent:true\nreceipt:put\ncontent-length:" +
         std::to_string(body.size()) + "\n\n" + body);
  }

  std::size_t reap() override {
    socket_.flush();
    do {
      read();
    } while (socket_.has('\0'));
    return std::exchange(receipts_, 0);
  }

  std::size_t consume(std::size_t count_max) override {
    if (!std::exchange(is_subscribed_, true)) subscribe();
    const std::size_t wanted = std::min(count_max, acknowledged_count_max);
    while (received_ < wanted && socket_.wait_for('\0', received_ == 0 ? 50ms : 0ms))
      read();
    if (received_ == 0) return 0;
    // For all up to the newest one. Without a transaction it would flush for each of them.
    send("BEGIN\ntransaction:batch\n\n");
    send("ACK\nid:" + newest_ + "\ntransaction:batch\n\n");
    send("COMMIT\ntransaction:batch\nreceipt:ack\n\n");
    socket_.flush();
    const std::size_t count = std::exchange(received_, 0);
    while (receipts_ == 0)
      read();
    receipts_ = 0;
    return count;
  }

  // Over another connection: nothing is delivered to a producer's.
  void clear() override {
    ActiveMq other(port_);
    while (other.consume(acknowledged_count_max) > 0) {
    }
  }

 private:
  void send(const std::string& text) { socket_.put(text).put({"\0", 1}); }

  void subscribe() {
    send(
        "SUBSCRIBE\nid:0\ndestination:/queue/bench\nack:client\n"
        "activemq.prefetchSize:1000\n\n");
    socket_.flush();
  }

  std::string frame() {
    const std::string text = socket_.take_until('\0');
    // There may be line ends between two frames.
    return text.substr(std::min(text.find_first_not_of("\r\n"), text.size()));
  }

  // A message or a receipt: messages go on to come while a receipt is waited for.
  void read() {
    const std::string text = frame();
    if (text.starts_with("RECEIPT")) {
      receipts_ += 1;
    } else if (text.starts_with("MESSAGE")) {
      const std::string name = "\nack:";
      const std::size_t begin = text.find(name) + name.size();
      newest_ = text.substr(begin, text.find('\n', begin) - begin);
      received_ += 1;
    } else {
      fail("activemq: " + text);
    }
  }

  int port_;
  LineSocket socket_;
  bool is_subscribed_ = false;
  std::size_t receipts_ = 0;
  std::size_t received_ = 0;  // Not acknowledged yet.
  std::string newest_;        // Of those: what an acknowledgement calls it.
};

}  // namespace
}  // namespace nemcon::bench::peers

int main(int argc, char** argv) {
  namespace peers = nemcon::bench::peers;
  return peers::drive(
      argc, argv, "activemq", [](const peers::DriveOptions& options) -> peers::Connect {
        return
            [port = std::stoi(options.address)] { return std::make_unique<peers::ActiveMq>(port); };
      });
}
