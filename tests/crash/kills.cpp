#include "tests/crash/kills.hpp"

#include <csignal>
#include <cstdio>

#include "core/check.hpp"
#include "tests/crash/disk_tap.hpp"

namespace nemcon::crash {

namespace {

// What the child's exit code says; a failed assertion would be a signal.
constexpr int went_through = 0;
constexpr int gave_up = 3;

class Trials {
 public:
  explicit Trials(const Script& script) : script_(script), empty_(place_.read()) {
    const int ended = trial(0, Fate::carry_out);
    NEMCON_CHECK(ended == went_through, ended);
    call_count_ = progress_->calls;
  }

  [[nodiscard]] std::uint64_t call_count() const { return call_count_; }

  void run(std::uint64_t call, Fate fate, const char* name, bool may_survive) {
    verdict_.count += 1;
    const int ended = trial(call, fate);
    const bool expected =
        may_survive ? ended == went_through || ended == gave_up : ended == -SIGKILL;
    std::string wrong;
    if (!expected) wrong = "the process ended by " + std::to_string(ended);
    if (wrong.empty()) {
      wrong = judge(look(place_.directory(), script_), script_, core::Lsn{progress_->acked},
                    core::Lsn{progress_->begun});
    }
    if (wrong.empty()) wrong = go_on(place_.directory(), script_);
    if (wrong.empty()) return;
    verdict_.bad_count += 1;
    std::printf("  call %llu, %s: %s\n", static_cast<unsigned long long>(call), name,
                wrong.c_str());
  }

  [[nodiscard]] const Verdict& verdict() const { return verdict_; }

 private:
  int trial(std::uint64_t wanted, Fate fate) {
    place_.put(empty_);
    progress_->begun = 0;
    progress_->acked = 0;
    return run_child([&] {
      tap::begin(place_.directory());
      tap::decide(
          [&](std::size_t call, Deed /*deed*/) { return call == wanted ? fate : Fate::carry_out; });
      return write_script(place_.directory(), script_, *progress_) == Ending::whole ? went_through
                                                                                    : gave_up;
    });
  }

  const Script& script_;
  Place place_;
  Bytes empty_;
  SharedProgress progress_ = share_progress();
  std::uint64_t call_count_ = 0;
  Verdict verdict_;
};

}  // namespace

Verdict kill_at_each_call(const Script& script) {
  Trials trials(script);
  for (std::uint64_t call = 1; call <= trials.call_count(); ++call) {
    trials.run(call, Fate::die_before, "killed before it", false);
    trials.run(call, Fate::die_after, "killed after it", false);
  }
  return trials.verdict();
}

Verdict fail_each_call(const Script& script) {
  Trials trials(script);
  for (std::uint64_t call = 1; call <= trials.call_count(); ++call) {
    trials.run(call, Fate::fail_io, "input/output error", true);
    trials.run(call, Fate::fail_no_room, "no room", true);
  }
  return trials.verdict();
}

}  // namespace nemcon::crash
