#include "tests/bench/peers/driver.hpp"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <thread>
#include <utility>

#include <CLI/CLI.hpp>

#include "tests/bench/meter.hpp"

namespace nemcon::bench::peers {

namespace {

using Clock = std::chrono::steady_clock;

// With a consumer the queue is kept short, as it is where consumers keep up.
constexpr std::uint64_t ahead_max = 20'000;
constexpr std::size_t consume_count_max = 500;

class Drive {
 public:
  Drive(const DriveOptions& options, const Connect& connect) : options_(options) {
    for (std::size_t index = 0; index < options_.connections; ++index)
      producers_.push_back(connect());
    for (std::size_t index = 0; options_.run == "consume" && index < options_.consumers; ++index)
      consumers_.push_back(connect());
    producers_.front()->clear();
  }

  void run(Result& result) {
    begin_ = Clock::now();
    end_ = begin_ + options_.duration;
    last_ = begin_.time_since_epoch().count();
    std::vector<std::vector<double>> latencies(producers_.size());
    std::vector<std::thread> producing;
    std::vector<std::thread> consuming;
    for (std::size_t index = 0; index < producers_.size(); ++index)
      producing.emplace_back([&, index] { produce(*producers_[index], latencies[index]); });
    for (const auto& consumer : consumers_)
      consuming.emplace_back([&] { consume(*consumer); });
    for (std::thread& thread : producing)
      thread.join();
    auto ended = Clock::now();
    all_produced_ = true;
    for (std::thread& thread : consuming)
      thread.join();
    result.operations = produced_;
    if (!consumers_.empty()) {
      result.operations = consumed_;
      ended = Clock::time_point{Clock::duration{last_.load()}};
    }
    result.seconds = std::chrono::duration<double>(ended - begin_).count();
    for (const std::vector<double>& some : latencies)
      result.latencies.insert(result.latencies.end(), some.begin(), some.end());
  }

 private:
  void produce(Connection& connection, std::vector<double>& latencies) {
    const std::string body(options_.body_bytes, 'x');
    const bool is_commit = options_.run == "commit";
    std::deque<Clock::time_point> under_way;
    for (bool is_open = true; is_open || !under_way.empty();) {
      is_open = Clock::now() < end_;
      if (is_open && !consumers_.empty() && produced_ > consumed_ + ahead_max) {
        std::this_thread::sleep_for(std::chrono::microseconds{200});
        if (under_way.empty()) continue;
      } else {
        while (is_open && under_way.size() < options_.in_flight) {
          under_way.push_back(Clock::now());
          is_commit ? connection.begin_commit(body) : connection.begin_enqueue(body);
        }
      }
      if (under_way.empty()) continue;
      std::size_t done = std::min(connection.reap(), under_way.size());
      const auto now = Clock::now();
      produced_ += done;
      for (; done > 0; --done) {
        latencies.push_back(std::chrono::duration<double>(now - under_way.front()).count());
        under_way.pop_front();
      }
    }
  }

  void consume(Connection& connection) {
    int idle_rounds = 0;
    while (!all_produced_ || (consumed_ < produced_ && idle_rounds < 40)) {
      const std::size_t count = connection.consume(consume_count_max);
      idle_rounds = count == 0 ? idle_rounds + 1 : 0;
      if (count == 0) continue;
      consumed_ += count;
      last_ = Clock::now().time_since_epoch().count();
    }
  }

  const DriveOptions& options_;
  std::vector<std::unique_ptr<Connection>> producers_;
  std::vector<std::unique_ptr<Connection>> consumers_;
  Clock::time_point begin_;
  Clock::time_point end_;
  std::atomic<std::uint64_t> produced_{0};
  std::atomic<std::uint64_t> consumed_{0};
  std::atomic<Clock::rep> last_{0};  // When the last one was consumed.
  std::atomic<bool> all_produced_{false};
};

}  // namespace

void Connection::begin_commit(const std::string&) {
  fail("there is no transaction over two queues here");
}

void fail(const std::string& what) {
  std::fprintf(stderr, "load: %s\n", what.c_str());
  std::exit(1);
}

int drive(int argc, char** argv, const std::string& system,
          const std::function<Connect(const DriveOptions&)>& peer) {
  DriveOptions options;
  double seconds = 3;
  CLI::App app{"Load for " + system +
               ", the same as on ours; one line of JSON. Exit: 0 done, 1 failed, 2 usage."};
  app.add_option("run", options.run, "enqueue, consume (with enqueue and ack) or commit")
      ->required()
      ->check(CLI::IsMember({"enqueue", "consume", "commit"}));
  app.add_option("--connections", options.connections, "of producers")->check(CLI::Range(1, 1000));
  app.add_option("--in-flight", options.in_flight, "operations under way of each");
  app.add_option("--consumers", options.consumers, "for consume")->check(CLI::Range(1, 1000));
  app.add_option("--body-bytes", options.body_bytes, "size of a body");
  app.add_option("--seconds", seconds, "length of the run");
  app.add_option("--processes", options.processes, "of the servers: CPU and memory")
      ->delimiter(',');
  app.add_option("--directory", options.directory, "where the flush probe writes");
  app.add_option("--settings", options.settings, "in words, for the line");
  app.add_option("--address", options.address, "where the server is")->required();
  app.add_option("--queue-type", options.queue_type, "where there are several");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  options.duration = std::chrono::milliseconds{static_cast<long>(seconds * 1000)};

  Drive load(options, peer(options));
  Result result;
  result.system = system;
  result.name = options.run;
  result.settings = options.settings;
  result.in_flight = options.connections * options.in_flight;
  result.body_bytes = options.body_bytes;
  result.more["connections"] = static_cast<double>(options.connections);
  result.flush_seconds = flush_probe(options.directory);
  result.before = cost_of(options.processes);
  load.run(result);
  result.after = cost_of(options.processes);
  std::printf("%s\n", to_json(std::move(result)).c_str());
  return 0;
}

}  // namespace nemcon::bench::peers
