#include "deploy/demo/drive.hpp"

#include <csignal>
#include <fstream>
#include <iomanip>
#include <iostream>
#include <map>
#include <optional>
#include <sstream>
#include <thread>
#include <utility>

#include <unistd.h>

#include "deploy/demo/outcomes.hpp"

namespace nemcon::demo {

namespace {

using std::chrono::milliseconds;

constexpr milliseconds poll_interval{10};

volatile std::sig_atomic_t interrupted = 0;

void on_interruption(int /*signal*/) {
  interrupted = 1;
}

void pause() {
  if (interrupted != 0) throw Interrupted{};
  std::this_thread::sleep_for(poll_interval);
}

// "progress DONE TOTAL COMMITTED ROLLED-BACK REPEATED", as demo-orders prints it.
struct ProgressLine {
  std::size_t done = 0;
  std::size_t total = 0;
  std::size_t committed = 0;
  std::size_t rolled_back = 0;
  std::size_t repeated = 0;
};

ProgressLine parse_progress(const std::string& line) {
  std::istringstream in{line};
  std::string word;
  ProgressLine progress;
  in >> word >> progress.done >> progress.total >> progress.committed >> progress.rolled_back >>
      progress.repeated;
  return progress;
}

// "sold out: Chai" counts with every other "sold out".
std::string kind_of(const std::string& reason) {
  const std::size_t first = reason.find(": ");
  if (first == std::string::npos) return reason;
  return reason.substr(0, reason.find(": ", first + 2));
}

}  // namespace

void catch_interruptions() {
  std::signal(SIGINT, on_interruption);
  std::signal(SIGTERM, on_interruption);
  std::signal(SIGPIPE, SIG_IGN);
}

Drive::Drive(const DriveOptions& options) : options_(options), cast_(options.setting) {
  if (options.kills_each == 0) return;
  for (KillRound& round :
       plan_kills(options.setting.seed, killable.size(), options.kills_each, options.order_count)) {
    rounds_.push_back(std::move(round));
  }
}

void Drive::run() {
  std::cout << "starting three nodes and two services in " << options_.setting.directory
            << std::endl;
  cast_.start_all();
  feed();
  audit();
  cast_.stop_all();
  print_summary();
}

void Drive::feed() {
  const auto begin = Clock::now();
  cast_.start("orders");
  std::optional<std::string> end;
  while (!end) {
    end = cast_.find_end("orders");
    const std::string line = cast_.last_line("orders", "progress ");
    begin_round(parse_progress(line).done);
    allow();
    kill_and_restart();
    cast_.check_running();
    show_progress(line, end ? Show::now : Show::when_due);
    if (!end) pause();
  }
  fed_ = Clock::now() - begin;
  if (*end != exited_well) {
    throw std::runtime_error("demo-orders ended with " + *end + ": " + cast_.last_error("orders"));
  }
  if (!rounds_.empty() || !is_quiet()) {
    throw std::logic_error("the orders ended before the last kill");
  }
}

bool Drive::is_quiet() const {
  return kills_.empty() && restarts_.empty();
}

// A round begins when its orders are done and everybody is back.
void Drive::begin_round(std::size_t done) {
  if (rounds_.empty() || !is_quiet() || done < rounds_.front().until) return;
  for (const Kill& kill : rounds_.front().kills)
    kills_.push_back({Clock::now() + kill.delay, kill.pause, kill.victim});
  rounds_.pop_front();
}

// Lets orders through up to the next round, so that its kills fall into the orders after those. The
// last order waits until everybody is back.
void Drive::allow() {
  std::size_t count = options_.order_count;
  if (!rounds_.empty()) {
    count = rounds_.front().until;
  } else if (!is_quiet()) {
    --count;
  }
  if (count == allowed_) return;
  allowed_ = count;
  cast_.tell("orders", std::to_string(count));
}

void Drive::kill_and_restart() {
  const auto now = Clock::now();
  const auto is_due = [now](const Due& due) { return due.at <= now; };
  for (const Due& due : kills_) {
    if (!is_due(due)) continue;
    cast_.kill(killable[due.victim]);
    ++kill_counts_[due.victim];
    restarts_.push_back({now + due.pause, {}, due.victim});
  }
  std::erase_if(kills_, is_due);
  for (const Due& due : restarts_) {
    if (is_due(due)) cast_.start(killable[due.victim]);
  }
  std::erase_if(restarts_, is_due);
}

void Drive::show_progress(const std::string& line, Show show) {
  const bool is_terminal = isatty(STDOUT_FILENO) != 0;
  const auto interval = is_terminal ? milliseconds{100} : milliseconds{2000};
  const auto now = Clock::now();
  if (show == Show::when_due && now - shown_ < interval) return;
  shown_ = now;
  const ProgressLine progress = parse_progress(line);
  std::ostringstream text;
  text << "orders " << progress.done << "/" << options_.order_count << "  committed "
       << progress.committed << "  rolled back " << progress.rolled_back << "  repeated "
       << progress.repeated;
  for (const Due& due : restarts_)
    text << "  down: " << killable[due.victim];
  if (!is_terminal) {
    std::cout << text.str() << std::endl;
    return;
  }
  std::cout << "\r\x1b[K" << text.str() << (show == Show::now ? "\n" : "") << std::flush;
}

void Drive::audit() {
  std::cout << "waiting until all is settled, then reading queues and databases" << std::endl;
  cast_.start("audit");
  std::optional<std::string> end;
  while (!end) {
    end = cast_.find_end("audit");
    cast_.check_running();
    if (!end) pause();
  }
  std::ifstream found{cast_.file("audit.out"), std::ios::binary};
  std::cout << found.rdbuf() << std::flush;
  if (*end == exited_well) return;
  throw std::runtime_error("the audit ended with " + *end + ": " + cast_.last_error("audit"));
}

void Drive::print_summary() const {
  std::size_t committed = 0;
  std::size_t repeated = 0;
  std::map<std::string, std::size_t> rolled_back;
  for (const OrderOutcome& outcome : read_outcomes(cast_.file("outcomes.csv"))) {
    repeated += static_cast<std::size_t>(outcome.attempts - 1);
    if (outcome.state == OrderState::committed) ++committed;
    if (outcome.state == OrderState::rolled_back) ++rolled_back[kind_of(outcome.reason)];
  }
  const double seconds = fed_.count();
  const auto print = [](const std::string& name, const std::string& value) {
    std::cout << "  " << std::left << std::setw(28) << name << value << "\n";
  };
  print("orders", std::to_string(options_.order_count));
  print("committed", std::to_string(committed));
  for (const auto& [reason, count] : rolled_back)
    print("rolled back", std::to_string(count) + "  " + reason);
  print("attempts that were repeated", std::to_string(repeated));
  std::ostringstream rate;
  rate << std::fixed << std::setprecision(1) << seconds << " s, "
       << static_cast<double>(options_.order_count) / seconds << " orders/s";
  print("fed in", rate.str());
  for (std::size_t i = 0; i < killable.size() && options_.kills_each > 0; ++i)
    print("killed " + std::string{killable[i]}, std::to_string(kill_counts_[i]));
  std::cout << std::flush;
}

}  // namespace nemcon::demo
