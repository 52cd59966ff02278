// nemcon receive.
#include <atomic>
#include <deque>
#include <future>
#include <iostream>

#include "client/cli/commands.hpp"
#include "client/cli/interrupt.hpp"
#include "client/cli/json.hpp"

namespace nemcon::cli {

namespace {

// Acks on their way. More than these are never outstanding.
constexpr std::uint32_t acks_max = 256;

void print(const Globals& globals, const ReceiveArguments& arguments, const Delivery& delivery) {
  if (globals.json) {
    std::cout << Json{}
                     .text("queue", delivery.queue())
                     .text("message_id", delivery.message_id())
                     .text("producer", delivery.producer())
                     .number("delivery_count", delivery.delivery_count())
                     .number("at_ms", delivery.at().value >> 16U)
                     .message(delivery.message())
                     .str()
              << "\n";
  } else {
    if (arguments.headers) {
      for (const auto& [name, value] : delivery.headers()) {
        std::cout << name << ": " << value << "\n";
      }
      std::cout << "\n";
    }
    std::cout << delivery.body() << "\n";
  }
  std::cout.flush();
}

// Acks after printing; counts those that came too late.
class Acks {
 public:
  void add(std::future<bool> ack) {
    acks_.push_back(std::move(ack));
    if (acks_.size() > acks_max) take();
  }

  std::uint64_t take_all() {
    while (!acks_.empty())
      take();
    return lost_;
  }

 private:
  void take() {
    if (!acks_.front().get()) ++lost_;
    acks_.pop_front();
  }

  std::deque<std::future<bool>> acks_;
  std::uint64_t lost_ = 0;
};

}  // namespace

Exit run_receive(const Globals& globals, const ReceiveArguments& arguments) {
  Interrupt interrupt;
  Client client = connect(globals);
  // Not one more than is printed: it would have been delivered without having been seen.
  Consumer consumer = client.consume(
      arguments.queue, {.credit = acks_max, .count_max = arguments.follow ? 0 : arguments.count});
  std::atomic<bool> is_interrupted = false;
  interrupt.call([&] {
    is_interrupted = true;
    consumer.stop();
  });
  Acks acks;
  std::uint64_t received = 0;
  while (arguments.follow || received < arguments.count) {
    std::optional<Delivery> delivery =
        arguments.follow ? consumer.receive() : consumer.receive(globals.timeout);
    if (!delivery) break;
    print(globals, arguments, *delivery);
    if (!std::cout) throw Refusal("cannot write to standard output; nothing more was taken");
    acks.add(delivery->ack_async());
    ++received;
  }
  const std::uint64_t lost = acks.take_all();
  if (lost > 0) {
    throw Refusal(std::to_string(lost) +
                  " messages were printed but could not be acked in time; they will come again");
  }
  if (arguments.follow || is_interrupted || received == arguments.count) return Exit::done;
  if (received == 0) (void)client.connected_node();  // Says so when no node is there at all.
  throw Refusal(std::to_string(received) + " of " + std::to_string(arguments.count) +
                " messages came to " + arguments.queue + " in " +
                std::to_string(globals.timeout.count()) +
                " ms; wait longer with --timeout, or for ever with --follow");
}

}  // namespace nemcon::cli
