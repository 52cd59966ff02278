// nemcon-chaos: real processes under real faults, judged by what clients, consumers and services
// saw. Every round is a mesh of its own, drawn from a seed.
//
// Exit: 0 every promise was kept, 1 a violation, 2 wrong usage.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "tests/chaos/liar.hpp"
#include "tests/chaos/round.hpp"

namespace nemcon::chaos {
namespace {

constexpr std::size_t nodes_max = 5;

std::atomic<bool> interrupted = false;
static_assert(std::atomic<bool>::is_always_lock_free);

extern "C" void on_signal(int number) {
  interrupted = true;
  std::signal(number, SIG_DFL);  // The second one ends it at once.
}

// Seconds. Far more than it takes on a slow machine.
constexpr std::uint64_t usual_patience = 90;

constexpr long long in_doubt_p99_max_ms = 2'000;

struct Settings {
  std::optional<std::uint64_t> seed;
  std::uint64_t minutes = 0;
  std::uint64_t rounds = 0;
  std::uint64_t seconds = 0;
  std::uint64_t patience = usual_patience;
  std::uint64_t kept_from = 0;
  std::size_t nodes = 0;
  std::string mode;
  std::string other_nemcond;
  bool is_canary = false;
  bool is_json = false;
  bool on_loopback = false;
  std::string liar_place;  // Of a liar, which is a process of its own.
};

struct Times {
  std::vector<Milliseconds> all;

  // In milliseconds; 0 when there are none.
  [[nodiscard]] long long at(double part) {
    if (all.empty()) return 0;
    std::sort(all.begin(), all.end());
    const long index = std::lround(part * static_cast<double>(all.size() - 1));
    return all[static_cast<std::size_t>(index)].count();
  }

  [[nodiscard]] std::string text() {
    if (all.empty()) return "nothing in doubt after healing";
    return std::to_string(all.size()) + " in doubt after healing: p50 " + std::to_string(at(0.5)) +
           " ms, p99 " + std::to_string(at(0.99)) + " ms, max " + std::to_string(at(1)) + " ms";
  }

  [[nodiscard]] std::string json() {
    return "\"in_doubt\":" + std::to_string(all.size()) +
           ",\"in_doubt_p50_ms\":" + std::to_string(at(0.5)) +
           ",\"in_doubt_p99_ms\":" + std::to_string(at(0.99)) +
           ",\"in_doubt_max_ms\":" + std::to_string(at(1));
  }
};

std::string text_of(const Counts& counts) {
  return std::to_string(counts.transactions) + " transactions (" +
         std::to_string(counts.committed) + " committed, " + std::to_string(counts.rolled_back) +
         " rolled back, " + std::to_string(counts.denied) + " denied, " +
         std::to_string(counts.unknown) + " unknown), " + std::to_string(counts.deliveries) +
         " deliveries";
}

std::string json_of(const Counts& counts) {
  return "\"transactions\":" + std::to_string(counts.transactions) +
         ",\"committed\":" + std::to_string(counts.committed) +
         ",\"rolled_back\":" + std::to_string(counts.rolled_back) +
         ",\"denied\":" + std::to_string(counts.denied) +
         ",\"unknown\":" + std::to_string(counts.unknown) +
         ",\"deliveries\":" + std::to_string(counts.deliveries) +
         ",\"late_deliveries\":" + std::to_string(counts.late_deliveries);
}

std::string text_of(const FaultCounts& faults) {
  std::string text;
  for (const auto& [name, count] : faults)
    text += (text.empty() ? "" : ", ") + name + " " + std::to_string(count);
  return text.empty() ? "none" : text;
}

std::string json_of(const FaultCounts& faults) {
  std::string text;
  for (const auto& [name, count] : faults)
    text += (text.empty() ? "\"" : ",\"") + name + "\":" + std::to_string(count);
  return "\"faults\":{" + text + "}";
}

class Campaign {
 public:
  explicit Campaign(const Settings& settings)
      : settings_(settings), began_(std::chrono::steady_clock::now()) {}

  int run() {
    prepare();
    const std::uint64_t first = first_seed();
    for (std::uint64_t index = 0; !is_over(index); ++index)
      run_one(first + index);
    report();
    const bool shows_something = round_count_ != 0 && !is_vacuous();
    return failed_count_ == 0 && shows_something && !is_slow() && !interrupted ? 0 : 1;
  }

 private:
  // Nothing to be judged by, in one round or in all. Says so.
  [[nodiscard]] bool is_vacuous() const {
    constexpr std::size_t telling_round_count = 30;
    bool is = counts_.committed == 0;
    if (is) say("VACUOUS: nothing was committed");
    if (round_count_ < telling_round_count || network_ == nullptr) return is;
    for (const char* const fault : expected_faults()) {
      const auto found = faults_.find(fault);
      if (found != faults_.end() && found->second != 0) continue;
      say(std::string{"VACUOUS: no fault \""} + fault + "\" in " + std::to_string(round_count_) +
          " rounds");
      is = true;
    }
    return is;
  }

  // What this machine lacks was said in the beginning.
  [[nodiscard]] std::vector<const char*> expected_faults() const {
    std::vector<const char*> faults = {"client kill", "clock", "clock off by an hour",
                                       "disk full",   "kill",  "pause"};
    if (network_->can_filter())
      faults.insert(faults.end(), {"cut", "flapping", "isolation", "loss", "one-way cut"});
    if (network_->can_slow()) faults.push_back("delay");
    if (network_->can_reset()) faults.push_back("reset");
    // It needs one witness.
    if (settings_.mode != "X") faults.push_back("lie");
    return faults;
  }

  // Judged where there are enough to tell. Says so.
  [[nodiscard]] bool is_slow() {
    constexpr std::size_t telling_count = 200;
    if (in_doubt_.all.size() < telling_count || in_doubt_.at(0.99) <= in_doubt_p99_max_ms)
      return false;
    say("SLOW: p99 of the time in doubt after healing is more than " +
        std::to_string(in_doubt_p99_max_ms) + " ms");
    return true;
  }

  void say(const std::string& line) const {
    // With --json standard output is for programs.
    std::FILE* const out = settings_.is_json ? stderr : stdout;
    std::fprintf(out, "%s\n", line.c_str());
    std::fflush(out);
  }

  void say_json(const std::string& members) const {
    if (!settings_.is_json) return;
    std::printf("{%s}\n", members.c_str());
    std::fflush(stdout);
  }

  void prepare() {
    remove_stale_directories();
    if (settings_.on_loopback || !enter_own_namespaces()) {
      say("on loopback, no namespaces of its own: no cuts, loss, delay, resets, full disks");
      return;
    }
    network_ = std::make_unique<Network>(nodes_max);
    for (const std::string& missing : network_->missing())
      say("not on this machine: " + missing);
  }

  // Others each time; which ones is printed.
  [[nodiscard]] std::uint64_t first_seed() const {
    if (settings_.seed) return *settings_.seed;
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::seconds>(now).count());
  }

  [[nodiscard]] bool is_over(std::uint64_t index) const {
    if (interrupted) return true;
    if (settings_.minutes == 0) return index >= std::max<std::uint64_t>(settings_.rounds, 1);
    const bool enough = settings_.rounds != 0 && index >= settings_.rounds;
    const auto passed = std::chrono::steady_clock::now() - began_;
    return enough || passed >= std::chrono::minutes{settings_.minutes};
  }

  void run_one(std::uint64_t seed) {
    Wishes wishes{.nodes = settings_.nodes, .mode = settings_.mode};
    wishes.trouble = std::chrono::seconds{settings_.seconds};
    // Nodes run elsewhere.
    if (!settings_.other_nemcond.empty())
      wishes.other_nemcond = std::filesystem::absolute(settings_.other_nemcond);
    const Plan plan = draw_plan(seed, wishes);
    const RoundOptions options{.patience = std::chrono::seconds{settings_.patience},
                               .kept_from = Milliseconds{settings_.kept_from},
                               .is_canary = settings_.is_canary,
                               .interrupted = &interrupted};
    const RoundResult result = run_round(plan, network_.get(), options);
    if (result.was_interrupted) return;
    ++round_count_;
    counts_.add(result.counts);
    for (const auto& [name, count] : result.faults)
      faults_[name] += count;
    Times times{result.in_doubt};
    in_doubt_.all.insert(in_doubt_.all.end(), result.in_doubt.begin(), result.in_doubt.end());
    const bool passed = result.violations.empty();
    say("seed " + std::to_string(seed) + ": " + plan.text() + ": " + text_of(result.counts) +
        "; faults: " + text_of(result.faults) + "; " + times.text() + "; quiet after " +
        std::to_string(result.settled.count()) + " ms, " + std::to_string(result.lingering_count) +
        " lingering: " + (passed ? "passed" : "FAILED"));
    say_json("\"seed\":" + std::to_string(seed) + ",\"mode\":\"" + plan.mode +
             "\",\"nodes\":" + std::to_string(plan.nodes.size()) + "," + json_of(result.counts) +
             "," + json_of(result.faults) + "," + times.json() +
             ",\"quiet_ms\":" + std::to_string(result.settled.count()) +
             ",\"lingering\":" + std::to_string(result.lingering_count) +
             ",\"violations\":" + std::to_string(result.violations.size()));
    if (times.at(1) > in_doubt_p99_max_ms) {
      say("  slow: " + result.slowest);
      if (passed && !result.directory.empty()) say("  kept: " + result.directory);
    }
    if (!passed) fail(seed, result);
  }

  void fail(std::uint64_t seed, const RoundResult& result) {
    constexpr std::size_t shown_max = 20;
    ++failed_count_;
    for (std::size_t index = 0; index < result.violations.size(); ++index) {
      if (index == shown_max) {
        say("  and " + std::to_string(result.violations.size() - shown_max) + " more");
        break;
      }
      say("  " + result.violations[index]);
    }
    if (!result.directory.empty()) say("  logs, data and history: " + result.directory);
    say("  " + repeat_of(seed));
  }

  [[nodiscard]] std::string repeat_of(std::uint64_t seed) const {
    std::string text = "./dev chaos --seed " + std::to_string(seed);
    if (settings_.nodes != 0) text += " --nodes " + std::to_string(settings_.nodes);
    if (!settings_.mode.empty()) text += " --mode " + settings_.mode;
    if (settings_.seconds != 0) text += " --seconds " + std::to_string(settings_.seconds);
    if (!settings_.other_nemcond.empty()) text += " --other-nemcond " + settings_.other_nemcond;
    if (settings_.is_canary) text += " --canary";
    if (settings_.on_loopback) text += " --loopback";
    if (settings_.patience != usual_patience)
      text += " --patience " + std::to_string(settings_.patience);
    return text;
  }

  void report() {
    say("faults: " + text_of(faults_));
    say(in_doubt_.text());
    say("chaos: " + std::to_string(round_count_) + " rounds, " + text_of(counts_) + ", " +
        std::to_string(failed_count_) + " failed" + (interrupted ? " (interrupted)" : ""));
    say_json("\"rounds\":" + std::to_string(round_count_) +
             ",\"failed\":" + std::to_string(failed_count_) + "," + json_of(counts_) + "," +
             json_of(faults_) + "," + in_doubt_.json());
  }

  Settings settings_;
  std::chrono::steady_clock::time_point began_;
  std::unique_ptr<Network> network_;
  std::uint64_t round_count_ = 0;
  std::uint64_t failed_count_ = 0;
  Counts counts_;
  FaultCounts faults_;
  Times in_doubt_;
};

}  // namespace
}  // namespace nemcon::chaos

int main(int argc, char** argv) {
  nemcon::chaos::Settings settings;
  CLI::App app{
      "Real nodes, clients and services under faults: kills, pauses, cuts, loss, delay, resets, "
      "wrong\n"
      "clocks, full disks. Each round is a new mesh. One round unless told otherwise.\n"
      "Exit: 0 every promise was kept, 1 a violation or an interruption, 2 usage."};
  app.add_option("--seed", settings.seed, "of the first round; the next ones follow");
  app.add_option("--rounds", settings.rounds, "how many rounds");
  app.add_option("--minutes", settings.minutes, "begin rounds for so long");
  app.add_option("--seconds", settings.seconds, "faults of a round go on for so long (0: drawn)");
  app.add_option("--patience", settings.patience,
                 "all must be quiet so many seconds after healing (90)");
  app.add_option("--keep-slow", settings.kept_from,
                 "keep the files of rounds with one in doubt for more milliseconds after healing");
  app.add_option("--nodes", settings.nodes, "3 or 5 (drawn)")->check(CLI::IsMember({3, 5}));
  app.add_option("--mode", settings.mode, "S, X or C (drawn)")
      ->check(CLI::IsMember({"S", "X", "C"}));
  app.add_option("--other-nemcond", settings.other_nemcond,
                 "one node of each round runs this program, of another revision")
      ->check(CLI::ExistingFile);
  app.add_flag("--loopback", settings.on_loopback, "no namespaces, and no faults that need them");
  app.add_flag("--canary", settings.is_canary,
               "tell the judge of one delivery that never was: must fail");
  app.add_flag("--json", settings.is_json, "a line of JSON a round, and one for all");
  app.add_option("--as-liar", settings.liar_place)->group("");
  try {
    app.parse(argc, argv);
    if (!settings.liar_place.empty()) return nemcon::chaos::Liar::run(settings.liar_place);
    std::signal(SIGINT, nemcon::chaos::on_signal);
    std::signal(SIGTERM, nemcon::chaos::on_signal);
    return nemcon::chaos::Campaign{settings}.run();
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "chaos: %s\n", error.what());
    return 1;
  }
}
