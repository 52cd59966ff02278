#include "tests/bench/workload.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <deque>
#include <functional>
#include <future>
#include <limits>
#include <mutex>
#include <optional>
#include <thread>

#include <nemcon/client.hpp>

namespace nemcon::bench {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::uint64_t no_end = std::numeric_limits<std::uint64_t>::max();

// Keeps `in_flight` operations under way until the time or the count is over, then waits for the
// rest. The end of one operation begins the next, on the client's callback thread, as a server
// that works off requests would.
class Pipeline {
 public:
  using Done = std::function<void(bool committed)>;
  // Begins one operation and calls its argument when that is over.
  using Start = std::function<void(Done)>;

  Pipeline(const Load& load, Result& result, Start start)
      : load_(load), result_(result), start_(std::move(start)) {}

  void run(std::uint64_t count = no_end) {
    begin_ = Clock::now();
    end_ = begin_ + load_.duration;
    left_ = count;
    for (std::size_t index = 0; index < load_.in_flight; ++index) {
      {
        const std::scoped_lock lock(mutex_);
        if (left_ == 0) break;
        left_ -= 1;
        under_way_ += 1;
      }
      start_one();
    }
    std::unique_lock lock(mutex_);
    over_.wait(lock, [this] { return under_way_ == 0; });
    result_.seconds = std::chrono::duration<double>(Clock::now() - begin_).count();
  }

 private:
  void start_one() {
    const auto began = Clock::now();
    start_([this, began](bool committed) { finish(began, committed); });
  }

  void finish(Clock::time_point began, bool committed) {
    {
      const std::scoped_lock lock(mutex_);
      const auto now = Clock::now();
      result_.latencies.push_back(std::chrono::duration<double>(now - began).count());
      result_.operations += committed ? 1U : 0U;
      result_.refused += committed ? 0U : 1U;
      if (now >= end_ || left_ == 0) {
        under_way_ -= 1;
        // Under the lock: whoever waits destroys the condition next.
        if (under_way_ == 0) over_.notify_all();
        return;
      }
      left_ -= 1;
    }
    start_one();
  }

  const Load& load_;
  Result& result_;
  Start start_;
  Clock::time_point begin_;
  Clock::time_point end_;
  std::mutex mutex_;
  std::condition_variable over_;
  std::size_t under_way_ = 0;
  std::uint64_t left_ = no_end;  // That may still be begun.
};

ClientOptions options_of(const Load& load) {
  ClientOptions options;
  options.nodes = {load.endpoint};
  options.in_flight_max = load.in_flight + 1;
  options.key_file = load.key_file;
  if (!load.node_key.empty()) options.node_keys = {load.node_key};
  if (load.deadline) options.deadline = *load.deadline;
  return options;
}

}  // namespace

void enqueue(const Load& load, Result& result) {
  const std::string body(load.body_bytes, 'x');
  std::optional<Client> client(options_of(load));
  Pipeline pipeline(load, result, [&](const Pipeline::Done& done) {
    client->send_async(load.queue, Message(body),
                       [done](const Outcome& outcome) { done(outcome.committed()); });
  });
  pipeline.run();
  client.reset();  // The last callback has returned then.
}

void commit(const Load& load, const std::vector<std::string>& queues, Result& result) {
  const std::string body(load.body_bytes, 'x');
  std::optional<Client> client(options_of(load));
  Pipeline pipeline(load, result, [&](const Pipeline::Done& done) {
    Transaction transaction = client->begin();
    for (const std::string& queue : queues)
      transaction.send(queue, Message(body));
    transaction.commit_async([done](const Outcome& outcome) { done(outcome.committed()); });
  });
  pipeline.run();
  client.reset();
}

bool fill(const Load& load, std::uint64_t count) {
  constexpr std::uint64_t messages_in_one = 200;  // A node takes 250 parts of one transaction.
  const std::string body(load.body_bytes, 'x');
  const std::uint64_t in_one = std::clamp<std::uint64_t>(
      (128U << 10U) / std::max<std::size_t>(load.body_bytes, 1), 1, messages_in_one);
  Load slow = load;
  slow.duration = std::chrono::hours{1};
  slow.in_flight = 16;
  Result result;
  ClientOptions options = options_of(slow);
  options.deadline = std::chrono::minutes{5};
  std::optional<Client> client(options);
  Pipeline pipeline(slow, result, [&](const Pipeline::Done& done) {
    Transaction transaction = client->begin();
    for (std::uint64_t index = 0; index < in_one; ++index)
      transaction.send(load.queue, Message(body));
    transaction.commit_async([done](const Outcome& outcome) {
      if (!outcome.committed())
        std::fprintf(stderr, "nemcon-bench: not taken: %s %s\n", to_text(outcome.reason),
                     outcome.text.c_str());
      done(outcome.committed());
    });
  });
  pipeline.run((count + in_one - 1) / in_one);
  client.reset();
  return result.refused == 0;
}

namespace {

// Counts what the node has answered.
class Acknowledgements {
 public:
  void add(std::future<bool> acknowledgement) {
    under_way_.push_back(std::move(acknowledgement));
    while (!under_way_.empty() &&
           under_way_.front().wait_for(std::chrono::seconds{0}) == std::future_status::ready) {
      take();
    }
  }

  void wait_for_all() {
    while (!under_way_.empty())
      take();
  }

  [[nodiscard]] std::uint64_t done_count() const { return done_count_; }

  [[nodiscard]] std::uint64_t failed_count() const { return failed_count_; }

  // When the latest answer was taken note of.
  [[nodiscard]] Clock::time_point last() const { return last_; }

 private:
  void take() {
    ++(under_way_.front().get() ? done_count_ : failed_count_);
    under_way_.pop_front();
    last_ = Clock::now();
  }

  std::deque<std::future<bool>> under_way_;
  std::uint64_t done_count_ = 0;
  std::uint64_t failed_count_ = 0;
  Clock::time_point last_ = Clock::now();
};

}  // namespace

void enqueue_consume_ack(const Load& load, Result& result) {
  Client receiver(options_of(load));
  ConsumeOptions consume;
  consume.credit = static_cast<std::uint32_t>(std::max<std::size_t>(2 * load.in_flight, 64));
  Consumer consumer = receiver.consume(load.queue, consume);
  std::atomic<bool> is_over{false};
  std::atomic<std::uint64_t> sent{0};
  std::uint64_t taken = 0;
  Acknowledgements acknowledgements;
  const auto begin = Clock::now();
  const auto end = begin + load.duration;
  std::thread taker([&] {
    // What is still in the queue when the time is over is the backlog's, if there was one.
    while (Clock::now() < end || !is_over || taken < sent) {
      std::optional<Delivery> delivery = consumer.receive(std::chrono::milliseconds{50});
      if (!delivery) continue;
      acknowledgements.add(delivery->ack_async());
      taken += 1;
    }
    acknowledgements.wait_for_all();
  });
  Result sends;
  enqueue(load, sends);
  sent = sends.operations;
  is_over = true;
  taker.join();
  result.operations = acknowledgements.done_count();
  result.refused = sends.refused + acknowledgements.failed_count();
  result.latencies = std::move(sends.latencies);
  result.seconds = std::chrono::duration<double>(acknowledgements.last() - begin).count();
  result.more["enqueued_per_second"] = static_cast<double>(sends.operations) / sends.seconds;
}

}  // namespace nemcon::bench
