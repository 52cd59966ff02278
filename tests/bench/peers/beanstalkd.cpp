// beanstalkd: put, reserve and delete, over its own line protocol.
#include <algorithm>
#include <chrono>
#include <memory>
#include <string>

#include "tests/bench/peers/driver.hpp"
#include "tests/bench/peers/line_socket.hpp"

namespace nemcon::bench::peers {
namespace {

constexpr std::size_t batch_count_max = 100;

class Beanstalkd final : public Connection {
 public:
  explicit Beanstalkd(int port) : port_(port), socket_("beanstalkd", port) {}

  void begin_enqueue(const std::string& body) override {
    // Priority, seconds of delay, seconds that a consumer may have it.
    socket_.put("put 0 0 600 " + std::to_string(body.size()) + "\r\n").put(body).put("\r\n");
  }

  std::size_t reap() override {
    socket_.flush();
    std::size_t count = 0;
    do {
      const std::string answer = line();
      if (!answer.starts_with("INSERTED ")) fail("beanstalkd: " + answer);
      count += 1;
    } while (socket_.has('\n'));
    return count;
  }

  // The first one is waited for, by a request that stays open when none comes. Others are asked for
  // at once, more of them while all of it is there, and deleted at once.
  std::size_t consume(std::size_t count_max) override {
    if (!is_asking_) socket_.put("reserve\r\n").flush();
    is_asking_ = !socket_.wait_for('\n', std::chrono::milliseconds{50});
    if (is_asking_) return 0;
    std::string deletes = deletion_of(line());
    std::size_t count = 1;
    const std::size_t asked = std::min({count_max, batch_count_max, 2 * last_count_}) - 1;
    for (std::size_t index = 0; index < asked; ++index)
      socket_.put("reserve-with-timeout 0\r\n");
    socket_.flush();
    for (std::size_t index = 0; index < asked; ++index) {
      const std::string answer = line();
      if (answer == "TIMED_OUT") continue;
      deletes += deletion_of(answer);
      count += 1;
    }
    socket_.put(deletes).flush();
    for (std::size_t index = 0; index < count; ++index) {
      const std::string answer = line();
      if (answer != "DELETED") fail("beanstalkd: " + answer);
    }
    last_count_ = count;
    return count;
  }

  // Over another connection, since this one must not be left with an open request.
  void clear() override {
    Beanstalkd other(port_);
    while (other.consume(batch_count_max) > 0) {
    }
  }

 private:
  std::string line() {
    std::string text = socket_.take_until('\n');
    if (text.ends_with('\r')) text.pop_back();
    return text;
  }

  // Takes the body of what the answer announces, and gives the command that acknowledges it.
  std::string deletion_of(const std::string& reserved) {
    const std::string word = "RESERVED ";
    if (!reserved.starts_with(word)) fail("beanstalkd: " + reserved);
    const std::size_t blank = reserved.find(' ', word.size());
    (void)socket_.take(std::stoul(reserved.substr(blank)) + 2);
    return "delete " + reserved.substr(word.size(), blank - word.size()) + "\r\n";
  }

  int port_;
  LineSocket socket_;
  bool is_asking_ = false;
  std::size_t last_count_ = 1;
};

}  // namespace
}  // namespace nemcon::bench::peers

int main(int argc, char** argv) {
  namespace peers = nemcon::bench::peers;
  return peers::drive(argc, argv, "beanstalkd",
                      [](const peers::DriveOptions& options) -> peers::Connect {
                        return [port = std::stoi(options.address)] {
                          return std::make_unique<peers::Beanstalkd>(port);
                        };
                      });
}
