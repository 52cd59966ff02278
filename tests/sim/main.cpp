// nemcon-sim: runs seeds and judges them.
//
// Exit: 0 as wished, 1 a violation (or none, when one was expected), 2 wrong usage.
#include <algorithm>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>
#include <unistd.h>

#include "core/mutant.hpp"
#include "tests/sim/run.hpp"
#include "tests/sim/vacuity.hpp"

namespace nemcon::sim {
namespace {

constexpr std::uint32_t usual_size = 100;
constexpr std::size_t whole_story = 100'000;

struct Arguments {
  std::uint64_t first = 1;
  std::uint64_t last = 1;
  std::uint64_t minutes = 0;
  std::uint32_t size = usual_size;
  std::size_t story_line_count = 0;
  bool is_long = false;
  bool expects_violation = false;
  bool reports_marks = false;
  bool is_quiet = false;
  bool is_canary = false;
  bool is_one_seed = false;
  bool lists_mutants = false;
};

// What the abort handler needs: a check inside the product ends the process.
std::uint64_t current_seed = 0;
std::uint64_t transactions_before = 0;
std::size_t current_story_line_count = 0;
bool current_expects_violation = false;
std::string_view current_mutant;
std::string current_workload;  // Options that change what a seed does.

void print_replay(std::uint64_t seed) {
  std::cout << "./dev " << (current_mutant.empty() ? "sim" : "mutants --mutant ") << current_mutant
            << " --seed " << seed << current_workload << std::endl;
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
  print_found(transactions_before + transactions_of_current_run(), "a check of the product");
  print_replay(current_seed);
  std::_Exit(current_expects_violation ? 0 : 1);
}

// Nobody objected: a program that dies of its bug has not seen it, whether one was expected or not.
extern "C" void on_death(int signal) {
  if (current_story_line_count != 0) print_story_of_current_run(std::cout);
  std::cout << "killed by signal " << signal << " in seed " << current_seed << " after "
            << transactions_before + transactions_of_current_run() << " transactions\n";
  print_replay(current_seed);
  std::_Exit(1);
}

void list_mutants() {
  for (const core::MutantInfo& one : core::mutants) {
    std::cout << one.name << ' ' << one.breaks;
    if (!one.program.empty()) std::cout << ' ' << one.program << ' ' << one.test;
    std::cout << '\n';
  }
}

void plant(const std::string& name) {
  const auto* const found = std::ranges::find(core::mutants, name, &core::MutantInfo::name);
  if (found == core::mutants.end()) {
    std::cerr << "nemcon-sim: no mutant " << name << "; --list-mutants names them\n";
    std::exit(2);
  }
  if (!found->program.empty()) {
    std::cerr << "nemcon-sim: that one is below the simulation; " << found->test << " in "
              << found->program << " finds it\n";
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

// "A-B", or one seed.
std::string parse_range(const std::string& text, Arguments& arguments) {
  const char* const end = text.data() + text.size();
  const auto first = std::from_chars(text.data(), end, arguments.first);
  if (first.ec != std::errc{}) return "seeds are A-B, not " + text;
  arguments.last = arguments.first;
  if (first.ptr == end) return {};
  const auto last = std::from_chars(first.ptr + 1, end, arguments.last);
  const bool is_range = *first.ptr == '-' && last.ec == std::errc{} && last.ptr == end;
  if (!is_range || arguments.last < arguments.first) return "seeds are A-B, not " + text;
  return {};
}

void add_options(CLI::App& app, Arguments& arguments) {
  app.add_option_function<std::uint64_t>(
      "--seed",
      [&](std::uint64_t seed) {
        arguments.first = arguments.last = seed;
        arguments.is_one_seed = true;
      },
      "one seed, exactly again, with its story unless --quiet");
  app.add_option("--seeds", "a range A-B")->check([&](const std::string& text) {
    return parse_range(text, arguments);
  });
  app.add_option("--minutes", arguments.minutes, "new seeds, for so long");
  app.add_option("--size", arguments.size, "of the workload, in percent of the usual");
  app.add_flag("--long", arguments.is_long,
               "each seed a run that is longer than outcomes are kept; else one in twenty is");
  app.add_option("--story", arguments.story_line_count,
                 "tell what happened, a column a node: all, or the last so many lines")
      ->expected(0, 1)
      ->default_str("100000");
  app.add_flag("--marks", arguments.reports_marks, "count what happened, fault by fault");
  app.add_flag("--quiet", arguments.is_quiet, "only violations");
  app.add_flag("--expect-violation", arguments.expects_violation,
               "succeed when one is found, and stop there");
  app.add_flag("--canary", arguments.is_canary,
               "tell the judge of one delivery that never was: must fail");
  app.add_option_function<std::string>("--mutant", plant, "plant a bug of core/mutant.hpp");
  app.add_flag("--list-mutants", arguments.lists_mutants,
               "name them, each with its rule and, where it is not for the simulation, its test");
}

class Campaign {
 public:
  explicit Campaign(const Arguments& arguments)
      : arguments_(arguments),
        began_(std::chrono::steady_clock::now()),
        shows_progress_(isatty(STDERR_FILENO) != 0 && !arguments.is_quiet &&
                        arguments.first != arguments.last) {}

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
    first_ = first;
    for (std::uint64_t seed = first; seed <= last && !is_over(); ++seed) {
      if (!run_one(seed)) break;
      show_progress();
    }
    report();
    // The end of what a person sees is how to see it again.
    if (first_failed_ && !arguments_.is_quiet) print_replay(*first_failed_);
    const bool found = failed_count_ != 0;
    return found == arguments_.expects_violation && !is_vacuous() ? 0 : 1;
  }

 private:
  [[nodiscard]] double seconds_passed() const {
    const auto passed = std::chrono::steady_clock::now() - began_;
    return std::chrono::duration<double>(passed).count();
  }

  // Says so.
  [[nodiscard]] bool is_vacuous() const {
    const bool is_usual = arguments_.size == usual_size && !arguments_.is_long;
    if (seed_count_ < telling_seed_count || !is_usual) return false;
    const std::vector<std::string> missing = what_is_missing(seen_);
    for (const std::string& one : missing)
      std::cout << "VACUOUS: " << one << " in " << seed_count_ << " seeds\n";
    return !missing.empty();
  }

  [[nodiscard]] bool is_over() const {
    return arguments_.minutes != 0 &&
           seconds_passed() > static_cast<double>(arguments_.minutes) * 60;
  }

  // On a terminal only, about once a second.
  void show_progress() {
    if (!shows_progress_ || seconds_passed() < next_progress_) return;
    next_progress_ = seconds_passed() + 1;
    std::cerr << '\r' << seed_count_ << " seeds, " << seen_.transaction_count << " transactions, "
              << failed_count_ << " failed " << std::flush;
  }

  // False: stop here.
  bool run_one(std::uint64_t seed) {
    current_seed = seed;
    RunOptions options;
    options.seed = seed;
    options.size = arguments_.size;
    options.is_long = arguments_.is_long;
    options.story_line_count = arguments_.story_line_count;
    options.is_canary = arguments_.is_canary;
    transactions_before = seen_.transaction_count;
    const RunResult result = run_seed(options, std::cout);
    ++seed_count_;
    seen_.transaction_count += result.transaction_count;
    seen_.committed_count += result.committed_count;
    rolled_back_count_ += result.rolled_back_count;
    step_count_ += result.step_count;
    virtual_seconds_ += static_cast<double>(result.virtual_time.count()) / 1e9;
    for (const auto& [name, count] : result.faults)
      seen_.faults[name] += count;
    for (const auto& [name, count] : result.marks)
      seen_.marks[name] += count;
    for (const auto& [name, count] : result.notes)
      notes_[name] += count;
    const bool is_single = arguments_.first == arguments_.last && arguments_.minutes == 0;
    if (is_single) {
      std::cout << "seed " << seed << ": " << result.plan << "\nhash " << std::hex << result.hash
                << std::dec << ", " << result.transaction_count << " transactions\n";
    }
    if (result.violations.empty()) return true;
    if (failed_count_++ == 0) first_failed_ = seed;
    print_violations(result);
    print_found(seen_.transaction_count, result.violations.front());
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
    if (shows_progress_) std::cerr << '\n';
    if (arguments_.reports_marks) {
      for (const auto& [name, count] : seen_.faults)
        std::cout << "  fault " << name << ": " << count << '\n';
      for (const auto& [name, count] : seen_.marks)
        std::cout << "  " << name << ": " << count << '\n';
      for (const auto& [name, count] : notes_) {
        std::cout << "  note \"" << name << "\": " << count << '\n';
      }
    }
    if (arguments_.is_quiet) return;
    const auto fired = std::ranges::count_if(
        seen_.faults, [](const auto& one) { return one.second != 0 && !is_lie(one.first); });
    const auto lies = std::ranges::count_if(
        seen_.faults, [](const auto& one) { return one.second != 0 && is_lie(one.first); });
    const double passed = seconds_passed();
    std::cout << seed_count_ << " seeds (" << first_ << '-' << current_seed << "), "
              << seen_.transaction_count << " transactions (" << seen_.committed_count
              << " committed, " << rolled_back_count_ << " rolled back), " << fired
              << " kinds of fault, " << lies << " kinds of lie, " << step_count_ << " steps, "
              << static_cast<std::uint64_t>(virtual_seconds_) << " virtual seconds, "
              << failed_count_ << " failed; "
              << static_cast<std::uint64_t>(static_cast<double>(seen_.transaction_count) / passed)
              << " transactions/s\n";
  }

  Arguments arguments_;
  std::chrono::steady_clock::time_point began_;
  bool shows_progress_;
  double next_progress_ = 1;
  std::uint64_t first_ = 1;
  std::uint64_t seed_count_ = 0;
  std::uint64_t failed_count_ = 0;
  std::optional<std::uint64_t> first_failed_;
  Happenings seen_;
  std::uint64_t rolled_back_count_ = 0;
  std::uint64_t step_count_ = 0;
  double virtual_seconds_ = 0;
  std::map<std::string, std::uint64_t> notes_;
};

}  // namespace
}  // namespace nemcon::sim

int main(int argument_count, char** argument_values) {
  nemcon::sim::Arguments arguments;
  CLI::App app{
      "A whole mesh in one thread from a seed, with faults; judged by what its clients saw.\n"
      "Exit: 0 as wished, 1 a violation (or none, when one was expected), 2 usage."};
  nemcon::sim::add_options(app, arguments);
  try {
    app.parse(argument_count, argument_values);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  if (arguments.lists_mutants) {
    nemcon::sim::list_mutants();
    return 0;
  }
  const bool wants_story =
      arguments.is_one_seed && !arguments.is_quiet && !arguments.expects_violation;
  if (wants_story && arguments.story_line_count == 0)
    arguments.story_line_count = nemcon::sim::whole_story;
  nemcon::sim::current_story_line_count = arguments.story_line_count;
  if (arguments.size != nemcon::sim::usual_size)
    nemcon::sim::current_workload += " --size " + std::to_string(arguments.size);
  if (arguments.is_long) nemcon::sim::current_workload += " --long";
  if (arguments.is_canary) nemcon::sim::current_workload += " --canary";
  nemcon::sim::current_expects_violation = arguments.expects_violation;
  std::signal(SIGABRT, nemcon::sim::on_abort);
  for (const int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL})
    std::signal(signal, nemcon::sim::on_death);
  return nemcon::sim::Campaign{arguments}.run();
}
