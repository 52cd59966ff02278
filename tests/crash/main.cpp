// nemcon-crash: crashes of the real journal and store. Each part ends with a line; exit 0 when
// nothing was lost and the controls failed, 1 when not, 2 wrong usage.
#include <cstdio>
#include <string>

#include <CLI/CLI.hpp>

#include "tests/crash/flips.hpp"
#include "tests/crash/kills.hpp"
#include "tests/crash/power_cuts.hpp"
#include "tests/crash/states.hpp"

namespace nemcon::crash {
namespace {

struct Settings {
  std::uint64_t seed = 1;
  std::uint64_t states = 500'000;
  std::uint64_t cuts = 200;
  std::uint64_t flips_one_in = 16;
  std::size_t records = 300;
  std::size_t kill_records = 120;
};

// With fewer states nobody may have gone on from one, and the journal of a shorter script is never
// full.
constexpr std::uint64_t states_that_tell = 1'000;
constexpr std::size_t records_that_tell = 300;

class Campaign {
 public:
  explicit Campaign(const Settings& settings) : settings_(settings) {}

  int run() {
    states();
    control();
    kills();
    flips();
    for (const char* const file_system : {"ext4", "xfs"})
      cuts(file_system);
    std::printf("crash: %s\n", failed_ ? "FAILED" : "passed");
    return failed_ ? 1 : 0;
  }

 private:
  void tell(const char* what, const Verdict& verdict, bool good) {
    failed_ = failed_ || !good;
    std::printf("%-28s %8llu, %llu bad%s\n", what, static_cast<unsigned long long>(verdict.count),
                static_cast<unsigned long long>(verdict.bad_count), good ? "" : "  <== FAILED");
    std::fflush(stdout);
  }

  void states() {
    Verdict all;
    for (std::uint64_t seed = settings_.seed; all.count < settings_.states; ++seed) {
      const Script script(seed, settings_.records);
      const Verdict one =
          enumerate_states(script, {.seed = seed, .state_count_max = settings_.states - all.count});
      if (one.bad_count != 0) {
        std::printf("./dev crash --seed %llu --states %llu\n",
                    static_cast<unsigned long long>(seed),
                    static_cast<unsigned long long>(one.count));
      }
      all.count += one.count;
      all.bad_count += one.bad_count;
      all.recycled_count += one.recycled_count;
      all.again_count += one.again_count;
    }
    tell("states after a power cut", all, all.bad_count == 0);
    tell_seen("states after a second cut", all.again_count);
    // In a journal that was never full a torn batch overwrites nothing.
    tell_seen("segments used again", all.recycled_count);
  }

  // What must have happened, or the states have shown nothing: if there were enough of them.
  void tell_seen(const char* what, std::uint64_t count) {
    const bool is_enough =
        settings_.states >= states_that_tell && settings_.records >= records_that_tell;
    if (count > 0 || is_enough) {
      tell(what, {.count = count}, count > 0);
    } else {
      std::printf("%-28s %8d, too few to tell\n", what, 0);
    }
  }

  // Without flushes some of the same states must be bad: else nothing was looked at.
  void control() {
    const Script script(settings_.seed, settings_.records);
    const Verdict verdict = enumerate_states(
        script, {.seed = settings_.seed, .state_count_max = 2'000, .flushes = Flushes::ignored});
    tell("control: flushes ignored", verdict, verdict.bad_count > 0);
  }

  void kills() {
    const Script script(settings_.seed, settings_.kill_records);
    const Verdict killed = kill_at_each_call(script);
    tell("kills at a system call", killed, killed.bad_count == 0);
    const Verdict failing = fail_each_call(script);
    tell("system calls that fail", failing, failing.bad_count == 0);
    const Script growing = script.growing();
    const Verdict young = kill_at_each_call(growing);
    tell("the same from the first start", young, young.bad_count == 0);
    const Verdict twice = kill_in_each_start(growing);
    tell("killed again in the start", twice, twice.bad_count == 0 && twice.count > 0);
    const Verdict refused = fail_each_call(growing);
    tell("calls that fail from there on", refused, refused.bad_count == 0);
  }

  void flips() {
    const Script script(settings_.seed, settings_.kill_records);
    const FlipVerdict verdict = flip_bits(script, settings_.seed, settings_.flips_one_in);
    const std::uint64_t bad = verdict.wrong + verdict.hung + verdict.outside;
    tell("flipped bits", {.count = verdict.count, .bad_count = bad}, bad == 0);
    std::printf(
        "  %llu harmless, %llu refused, %llu as if torn, %llu seen by the scrub\n"
        "  the process ended: %llu by a check, %llu by a signal in LMDB, %llu by one outside of "
        "it\n",
        static_cast<unsigned long long>(verdict.harmless),
        static_cast<unsigned long long>(verdict.refused),
        static_cast<unsigned long long>(verdict.shorter),
        static_cast<unsigned long long>(verdict.scrubbed),
        static_cast<unsigned long long>(verdict.checked),
        static_cast<unsigned long long>(verdict.signalled),
        static_cast<unsigned long long>(verdict.outside));
    for (const auto& [what, count] : verdict.signals)
      std::printf("    %llu %s\n", static_cast<unsigned long long>(count), what.c_str());
    const Verdict control = flip_before_checksums(script, settings_.seed);
    tell("control: before the checksums", control, control.bad_count > 0);
  }

  void cuts(const std::string& file_system) {
    if (settings_.cuts == 0) return;
    const Script script(settings_.seed, settings_.records);
    CutOptions cuts{
        .file_system = file_system, .cut_count = (settings_.cuts + 1) / 2, .seed = settings_.seed};
    const CutVerdict result = cut_power(script, cuts);
    if (!result.skipped.empty()) {
      std::printf("power cuts on %s: skipped, %s\n", file_system.c_str(), result.skipped.c_str());
      return;
    }
    tell(("power cuts on " + file_system).c_str(), result.verdict, result.verdict.bad_count == 0);
    std::printf("  %llu in the first start of a node, %llu of which left it half-made\n",
                static_cast<unsigned long long>(result.first_start_count),
                static_cast<unsigned long long>(result.half_made_count));
    cuts.flushes = Flushes::ignored;
    const Verdict control = cut_power(script, cuts).verdict;
    tell("control: flushes ignored", control, control.bad_count > 0);
  }

  const Settings& settings_;
  bool failed_ = false;
};

}  // namespace
}  // namespace nemcon::crash

int main(int argc, char** argv) {
  CLI::App app{
      "Crashes of the real journal and store: every state that a power cut can leave,\n"
      "every system call killed or failing, every bit flipped, real power cuts.\n"
      "Exit: 0 nothing lost, 1 something lost or a control passed, 2 usage."};
  nemcon::crash::Settings settings;
  app.add_option("--seed", settings.seed, "of the records, and of what is drawn")
      ->capture_default_str();
  app.add_option("--states", settings.states, "states after a power cut")->capture_default_str();
  app.add_option("--cuts", settings.cuts, "real power cuts; they need root")->capture_default_str();
  app.add_option("--flips-one-in", settings.flips_one_in, "1 flips every bit")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  app.add_option("--records", settings.records, "length of a script")->capture_default_str();
  app.add_option("--kill-records", settings.kill_records,
                 "length of the one that is killed everywhere")
      ->capture_default_str();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  return nemcon::crash::Campaign{settings}.run();
}
