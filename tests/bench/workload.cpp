#include "tests/bench/workload.hpp"

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

#include <nemcon/client.hpp>

namespace nemcon::bench {

namespace {

using Clock = std::chrono::steady_clock;

// Keeps `in_flight` operations under way until the time is over, then waits for the rest.
class Pipeline {
 public:
  Pipeline(const Load& load, Result& result) : load_(load), result_(result) {}

  // `start` begins one operation and calls its argument when that is over.
  void run(const std::function<void(std::function<void(bool)>)>& start) {
    const auto begin = Clock::now();
    const auto end = begin + load_.duration;
    while (Clock::now() < end) {
      {
        std::unique_lock lock(mutex_);
        room_.wait(lock, [this] { return under_way_ < load_.in_flight; });
        under_way_ += 1;
      }
      const auto began = Clock::now();
      start([this, began](bool committed) { finish(began, committed); });
    }
    std::unique_lock lock(mutex_);
    room_.wait(lock, [this] { return under_way_ == 0; });
    result_.seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  }

 private:
  void finish(Clock::time_point began, bool committed) {
    const std::scoped_lock lock(mutex_);
    result_.latencies.push_back(std::chrono::duration<double>(Clock::now() - began).count());
    result_.operations += committed ? 1U : 0U;
    result_.refused += committed ? 0U : 1U;
    under_way_ -= 1;
    room_.notify_all();
  }

  const Load& load_;
  Result& result_;
  std::mutex mutex_;
  std::condition_variable room_;
  std::size_t under_way_ = 0;
};

bool is_committed(const Outcome& outcome) {
  return outcome.committed();
}

ClientOptions options_of(const Load& load) {
  ClientOptions options;
  options.nodes = {load.endpoint};
  options.in_flight_max = load.in_flight;
  return options;
}

}  // namespace

void enqueue(const Load& load, Result& result) {
  Client client(options_of(load));
  const std::string body(load.body_bytes, 'x');
  Pipeline(load, result).run([&](const std::function<void(bool)>& done) {
    client.send_async("inbox", Message(body),
                      [done](const Outcome& outcome) { done(is_committed(outcome)); });
  });
}

void commit(const Load& load, const std::vector<std::string>& queues, Result& result) {
  Client client(options_of(load));
  const std::string body(load.body_bytes, 'x');
  Pipeline(load, result).run([&](const std::function<void(bool)>& done) {
    Transaction transaction = client.begin();
    for (const std::string& queue : queues)
      transaction.send(queue, Message(body));
    transaction.commit_async([done](const Outcome& outcome) { done(is_committed(outcome)); });
  });
}

void enqueue_consume_ack(const Load& load, Result& result) {
  Client receiver(options_of(load));
  ConsumeOptions consume;
  consume.credit = static_cast<std::uint32_t>(std::max<std::size_t>(2 * load.in_flight, 64));
  Consumer consumer = receiver.consume("inbox", consume);
  std::atomic<std::uint64_t> sent{0};
  std::atomic<bool> all_sent{false};
  std::uint64_t acknowledged = 0;
  const auto begin = Clock::now();
  std::thread taker([&] {
    while (!all_sent || acknowledged < sent) {
      std::optional<Delivery> delivery = consumer.receive(std::chrono::milliseconds{50});
      if (!delivery) continue;
      (void)delivery->ack_async();
      acknowledged += 1;
    }
  });
  enqueue(load, result);
  sent = result.operations;
  all_sent = true;
  taker.join();
  (void)receiver.drain(std::chrono::seconds{10});
  result.seconds = std::chrono::duration<double>(Clock::now() - begin).count();
}

}  // namespace nemcon::bench
