// Runs in a situation that has to be made first: a deep queue, transactions in doubt, a full store,
// nothing to do.
#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include <nemcon/client.hpp>

#include "tests/bench/meter.hpp"
#include "tests/bench/runs.hpp"
#include "tests/bench/started.hpp"
#include "tests/bench/workload.hpp"

namespace nemcon::bench {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds look_again{10};

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

bool complain(const std::string& what) {
  std::fprintf(stderr, "nemcon-bench: %s\n", what.c_str());
  return false;
}

// Asks until it is so; false after the tests' patience.
template <class Condition>
bool wait_until(const Condition& condition) {
  const auto end = Clock::now() + tests::patience;
  while (!condition()) {
    if (Clock::now() >= end) return false;
    std::this_thread::sleep_for(look_again);
  }
  return true;
}

std::uint64_t count_in_doubt(Client& client) {
  const MeshStatus status = client.status();
  const auto found = status.counts.find("transactions_in_doubt");
  return found == status.counts.end() ? 0 : found->second;
}

// Transactions over nodes two and three while three does not answer: two has voted, nobody can
// decide. False when fewer than `count` came about.
bool make_doubt(Started& started, std::uint64_t count) {
  tests::Daemon& three = started.mesh().daemon("three");
  three.signal(SIGSTOP);
  Client watcher({.nodes = {started.mesh().endpoint("two")}});
  {
    Client client({.nodes = {started.mesh().endpoint("one")}, .in_flight_max = count + 1});
    for (std::uint64_t index = 0; index < count; ++index) {
      Transaction transaction = client.begin();
      transaction.send("inbox@one", Message("x"))
          .send("inbox@two", Message("x"))
          .send("inbox@three", Message("x"));
      transaction.commit_async([](const Outcome&) {});
    }
    Client initiator({.nodes = {started.mesh().endpoint("one")}});
    (void)wait_until(
        [&] { return count_in_doubt(watcher) >= count && count_in_doubt(initiator) >= count; });
  }  // Who waits for the outcome does not matter any more.
  three.kill();
  return count_in_doubt(watcher) >= count;
}

std::uint64_t bytes_below(const std::string& directory) {
  std::uint64_t total = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory)) {
    if (entry.is_regular_file()) total += entry.file_size();
  }
  return total;
}

// Of all threads, in seconds: finer than the ticks of /proc/PID/stat.
double cpu_seconds_of(pid_t process) {
  double total = 0;
  const std::string tasks = "/proc/" + std::to_string(process) + "/task";
  for (const auto& entry : std::filesystem::directory_iterator(tasks)) {
    std::ifstream file(entry.path() / "schedstat");
    double nanoseconds = 0;
    if (file >> nanoseconds) total += 1e-9 * nanoseconds;
  }
  return total;
}

double resident_mib_of(pid_t process) {
  std::ifstream file("/proc/" + std::to_string(process) + "/status");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("VmRSS:")) return std::stod(line.substr(6)) / 1024;
  }
  return 0;
}

}  // namespace

bool run_backlog(const RunSettings& settings) {
  Started started(settings, {"one"});
  if (!started) return false;
  bool is_sound = true;
  const auto both = [&](const std::string& queue) {
    const Load load = started.load(queue);
    is_sound &= started.measure("consume-waiting",
                                [&](Result& result) { enqueue_consume_ack(load, result); });
    is_sound &= started.measure("enqueue-waiting", [&](Result& result) { enqueue(load, result); });
  };
  started.more["waiting"] = 0;
  both("inbox");
  const auto begin = Clock::now();
  if (!fill(started.load("deep"), settings.count)) {
    return complain("not all of the backlog was taken");
  }
  started.more["waiting"] = static_cast<double>(settings.count);
  started.more["fill_seconds"] = seconds_since(begin);
  both("deep");
  return is_sound;
}

bool run_in_doubt(const RunSettings& settings) {
  Started started(settings, {"one", "two", "three"});
  if (!started) return false;
  if (!make_doubt(started, settings.count)) {
    return complain("the transactions in doubt did not come about\n" +
                    started.mesh().diagnostics());
  }
  started.more["in_doubt"] = static_cast<double>(settings.count);
  const bool is_sound = started.measure("commit-in-doubt", [&](Result& result) {
    commit(started.load(""), {"inbox@one", "inbox@two"}, result);
  });
  Client client({.nodes = {started.mesh().endpoint("two")}});
  if (count_in_doubt(client) < settings.count) {
    return complain("some transactions were in doubt no longer at the end of the run");
  }
  return is_sound;
}

bool run_restart(const RunSettings& settings) {
  Started started(settings, {"one"});
  if (!started) return false;
  const Load load = started.load("deep");
  if (!fill(load, settings.count / settings.body_bytes)) {
    return complain("not all messages were taken");
  }
  // Killed while it works, so that journal and store have what a crash leaves.
  std::thread killer([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds{500});
    started.mesh().daemon("one").kill();
  });
  Result lost;
  Load last = load;
  last.duration = std::chrono::seconds{1};
  last.deadline = std::chrono::seconds{1};
  enqueue(last, lost);
  killer.join();
  if (lost.operations == 0 || lost.refused == 0) {
    return complain("the node was not killed while it worked");
  }

  return started.measure("restart", [&](Result& result) {
    result.more["data_mib"] =
        static_cast<double>(bytes_below(started.mesh().data_directory("one"))) / (1U << 20U);
    const auto begin = Clock::now();
    tests::Daemon& daemon = started.mesh().start("one", {});
    const bool is_ready = daemon.wait_until_ready();
    result.more["ready_seconds"] = seconds_since(begin);
    Client client({.nodes = {daemon.endpoint()}});
    const bool is_serving = is_ready && client.send("inbox", Message("x")).committed();
    result.more["serving_seconds"] = seconds_since(begin);
    result.seconds = seconds_since(begin);
    result.operations = is_serving ? 1 : 0;
    result.refused = is_serving ? 0 : 1;
  });
}

bool run_idle(const RunSettings& settings) {
  std::vector<std::string> nodes;
  for (std::size_t index = 0; index < settings.nodes; ++index)
    nodes.push_back("n" + std::to_string(index));
  Started started(settings, nodes);
  if (!started) return false;
  started.more["nodes"] = static_cast<double>(settings.nodes);
  // What a start leaves to be done is not idleness. Links beyond those that stay (max_idle_links)
  // rest after ten seconds, and not all at once.
  constexpr std::size_t idle_links_max = 16;
  std::this_thread::sleep_for(std::chrono::seconds{settings.nodes > idle_links_max ? 30 : 2});
  return started.measure("idle", [&](Result& result) {
    std::vector<double> before;
    for (const pid_t process : started.processes())
      before.push_back(cpu_seconds_of(process));
    const auto begin = Clock::now();
    std::this_thread::sleep_for(settings.duration);
    result.seconds = seconds_since(begin);
    double cpu = 0;
    double resident = 0;
    std::size_t index = 0;
    for (const pid_t process : started.processes()) {
      cpu = std::max(cpu, cpu_seconds_of(process) - before.at(index++));
      resident = std::max(resident, resident_mib_of(process));
    }
    result.more["idle_cpu_percent"] = 100 * cpu / result.seconds;
    result.more["idle_resident_mib"] = resident;
  });
}

}  // namespace nemcon::bench
