// nemcon-sim: runs seeds and judges them.
//
//   nemcon-sim --seed N [--story]            one seed, exactly again
//   nemcon-sim --seeds A-B                   a range
//   nemcon-sim --minutes M                   from a start that the clock gives, for so long
//   --expect-violation                       succeeds when one was found, and stops there
//   --canary                                 the judge is told of one delivery that never was
//   --mutant NAME, --list-mutants            in a build with NEMCON_MUTANTS: one of core/mutant.hpp
//
// Exit: 0 as wished, 1 a violation (or none, when one was expected), 2 wrong usage.
#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <unistd.h>

#include "core/mutant.hpp"
#include "tests/sim/run.hpp"

namespace nemcon::sim {
namespace {

struct Arguments {
  std::uint64_t first = 1;
  std::uint64_t last = 1;
  std::uint64_t minutes = 0;
  std::uint32_t size = 100;
  std::size_t story_line_count = 0;
  bool expects_violation = false;
  bool reports_marks = false;
  bool is_quiet = false;
  bool is_canary = false;
};

// What the abort handler needs: a check inside the product ends the process.
std::uint64_t current_seed = 0;
std::uint64_t transactions_before = 0;
std::size_t current_story_line_count = 0;
bool current_expects_violation = false;
std::string_view current_mutant;

void print_replay(std::uint64_t seed) {
  std::cout << "./dev " << (current_mutant.empty() ? "sim" : "mutants --mutant ") << current_mutant
            << " --seed " << seed << std::endl;
}

// The line that `./dev mutants` reads.
void print_found(std::uint64_t transactions, std::string_view what) {
  if (!current_expects_violation) return;
  std::cout << "found by seed " << current_seed << " after " << transactions
            << " transactions: " << what << std::endl;
}

extern "C" void on_abort(int) {
  if (current_story_line_count != 0) print_story_of_current_run(std::cout);
  std::cout << "seed " << current_seed << ": a check of the product failed (see above)\n";
  print_found(transactions_before, "a check of the product");
  print_replay(current_seed);
  std::_Exit(current_expects_violation ? 0 : 1);
}

void list_mutants() {
  for (const core::MutantInfo& one : core::mutants)
    std::cout << one.name << ' ' << one.breaks << '\n';
}

void plant(const std::string& name) {
  const auto* const found = std::ranges::find(core::mutants, name, &core::MutantInfo::name);
  if (found == core::mutants.end()) {
    std::cerr << "nemcon-sim: no mutant " << name << "; --list-mutants names them\n";
    std::exit(2);
  }
  current_mutant = found->name;
#ifdef NEMCON_MUTANTS
  core::plant(found->mutant);
#else
  std::cerr << "nemcon-sim: this build has no mutants; `./dev mutants` makes one that has\n";
  std::exit(2);
#endif
}

[[noreturn]] void exit_with_usage() {
  std::cerr << "usage: nemcon-sim (--seed N | --seeds A-B | --minutes M) [--story [LINES]]\n"
               "                  [--size PERCENT] [--expect-violation] [--marks] [--quiet]\n"
               "                  [--canary] [--mutant NAME]\n"
               "       nemcon-sim --list-mutants\n";
  std::exit(2);
}

std::uint64_t parse_number(const char* text) {
  char* end = nullptr;
  const std::uint64_t number = std::strtoull(text, &end, 10);
  if (end == text || *end != '\0') exit_with_usage();
  return number;
}

void parse_range(const std::string& text, Arguments& arguments) {
  const std::size_t dash = text.find('-');
  if (dash == std::string::npos) exit_with_usage();
  arguments.first = parse_number(text.substr(0, dash).c_str());
  arguments.last = parse_number(text.substr(dash + 1).c_str());
}

Arguments parse(int count, char** values) {
  Arguments arguments;
  const auto next = [&](int& index) {
    if (++index >= count) exit_with_usage();
    return values[index];
  };
  if (count < 2) exit_with_usage();
  for (int index = 1; index < count; ++index) {
    const std::string option = values[index];
    if (option == "--seed") {
      arguments.first = arguments.last = parse_number(next(index));
    } else if (option == "--seeds") {
      parse_range(next(index), arguments);
    } else if (option == "--minutes") {
      arguments.minutes = parse_number(next(index));
    } else if (option == "--size") {
      arguments.size = static_cast<std::uint32_t>(parse_number(next(index)));
    } else if (option == "--story") {
      arguments.story_line_count = 100'000;
      const bool has_count = index + 1 < count && std::isdigit(*values[index + 1]) != 0;
      if (has_count) arguments.story_line_count = parse_number(next(index));
    } else if (option == "--expect-violation") {
      arguments.expects_violation = true;
    } else if (option == "--marks") {
      arguments.reports_marks = true;
    } else if (option == "--quiet") {
      arguments.is_quiet = true;
    } else if (option == "--canary") {
      arguments.is_canary = true;
    } else if (option == "--mutant") {
      plant(next(index));
    } else if (option == "--list-mutants") {
      list_mutants();
      std::exit(0);
    } else {
      exit_with_usage();
    }
  }
  return arguments;
}

class Campaign {
 public:
  explicit Campaign(const Arguments& arguments)
      : arguments_(arguments), began_(std::chrono::steady_clock::now()) {}

  int run() {
    std::uint64_t first = arguments_.first;
    std::uint64_t last = arguments_.last;
    if (arguments_.minutes != 0) {
      // Different seeds each time; which ones is printed.
      first = static_cast<std::uint64_t>(std::chrono::system_clock::now().time_since_epoch() /
                                         std::chrono::milliseconds{1}) *
              1000;
      last = std::numeric_limits<std::uint64_t>::max();
    }
    for (std::uint64_t seed = first; seed <= last && !is_over(); ++seed) {
      if (!run_one(seed)) break;
    }
    report();
    const bool found = failed_count_ != 0;
    return found == arguments_.expects_violation ? 0 : 1;
  }

 private:
  [[nodiscard]] double seconds_passed() const {
    const auto passed = std::chrono::steady_clock::now() - began_;
    return std::chrono::duration<double>(passed).count();
  }

  [[nodiscard]] bool is_over() const {
    return arguments_.minutes != 0 &&
           seconds_passed() > static_cast<double>(arguments_.minutes) * 60;
  }

  // False: stop here.
  bool run_one(std::uint64_t seed) {
    current_seed = seed;
    RunOptions options;
    options.seed = seed;
    options.size = arguments_.size;
    options.story_line_count = arguments_.story_line_count;
    options.is_canary = arguments_.is_canary;
    transactions_before = transaction_count_;
    const RunResult result = run_seed(options, std::cout);
    ++seed_count_;
    transaction_count_ += result.transaction_count;
    committed_count_ += result.committed_count;
    rolled_back_count_ += result.rolled_back_count;
    step_count_ += result.step_count;
    virtual_seconds_ += static_cast<double>(result.virtual_time.count()) / 1e9;
    for (const auto& [name, count] : result.marks)
      marks_[name] += count;
    for (const auto& [name, count] : result.notes)
      notes_[name] += count;
    const bool is_single = arguments_.first == arguments_.last && arguments_.minutes == 0;
    if (is_single) {
      std::cout << "seed " << seed << ": " << result.plan << "\nhash " << std::hex << result.hash
                << std::dec << ", " << result.transaction_count << " transactions\n";
    }
    if (result.violations.empty()) return true;
    ++failed_count_;
    print_violations(result);
    print_found(transaction_count_, result.violations.front());
    return !arguments_.expects_violation && failed_count_ < 20;
  }

  void print_violations(const RunResult& result) const {
    std::cout << "seed " << result.seed << ": " << result.plan << '\n';
    std::size_t shown = 0;
    for (const std::string& violation : result.violations) {
      if (++shown > 10) break;
      std::cout << "  VIOLATION " << violation << '\n';
    }
    print_replay(result.seed);
  }

  void report() const {
    if (arguments_.reports_marks) {
      for (const auto& [name, count] : marks_)
        std::cout << "  " << name << ": " << count << '\n';
      for (const auto& [name, count] : notes_) {
        std::cout << "  note \"" << name << "\": " << count << '\n';
      }
    }
    if (arguments_.is_quiet) return;
    const double passed = seconds_passed();
    std::cout << seed_count_ << " seeds, " << transaction_count_ << " transactions ("
              << committed_count_ << " committed, " << rolled_back_count_ << " rolled back), "
              << step_count_ << " steps, " << static_cast<std::uint64_t>(virtual_seconds_)
              << " virtual seconds, " << failed_count_ << " failed; "
              << static_cast<std::uint64_t>(static_cast<double>(transaction_count_) / passed)
              << " transactions/s\n";
  }

  Arguments arguments_;
  std::chrono::steady_clock::time_point began_;
  std::uint64_t seed_count_ = 0;
  std::uint64_t failed_count_ = 0;
  std::uint64_t transaction_count_ = 0;
  std::uint64_t committed_count_ = 0;
  std::uint64_t rolled_back_count_ = 0;
  std::uint64_t step_count_ = 0;
  double virtual_seconds_ = 0;
  std::map<std::string, std::uint64_t> marks_;
  std::map<std::string, std::uint64_t> notes_;
};

}  // namespace
}  // namespace nemcon::sim

int main(int argument_count, char** argument_values) {
  const auto arguments = nemcon::sim::parse(argument_count, argument_values);
  nemcon::sim::current_story_line_count = arguments.story_line_count;
  nemcon::sim::current_expects_violation = arguments.expects_violation;
  std::signal(SIGABRT, nemcon::sim::on_abort);
  std::signal(SIGSEGV, nemcon::sim::on_abort);
  return nemcon::sim::Campaign{arguments}.run();
}
