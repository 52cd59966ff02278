#include "tests/crash/kills.hpp"

#include <csignal>
#include <cstdio>
#include <initializer_list>

#include "core/check.hpp"
#include "log/log.hpp"
#include "tests/crash/disk_tap.hpp"
#include "tests/crash/place.hpp"

namespace nemcon::crash {

namespace {

// What the child's exit code says; a failed assertion would be a signal.
constexpr int went_through = 0;
constexpr int gave_up = 3;

struct Blow {
  Fate fate = Fate::carry_out;
  const char* name = "";
};

// Whoever goes on after this promises what the disk may not have.
bool is_final(const tap::TappedCall& call, Fate fate) {
  const bool fails =
      fate == Fate::fail_io || fate == Fate::fail_no_room || fate == Fate::fail_after;
  // The ballast promises nothing: without it deleting waits for room.
  if (!fails || call.path.ends_with("/ballast")) return false;
  // A batch has had its room from when the segment was made.
  const bool is_of_batch =
      call.path.find("/segment-") != std::string::npos && !call.path.ends_with(".new");
  switch (call.deed) {
    case Deed::flush:
      return is_of_batch || fate != Fate::fail_no_room;
    case Deed::write:
      return is_of_batch;
    case Deed::synced_write:
      return true;  // LMDB's last step.
    case Deed::rename:
    case Deed::begun:
    case Deed::acked:
      break;
  }
  return false;
}

class Trials {
 public:
  explicit Trials(const Script& script) : script_(script), empty_(place_.read()) {
    const int ended = trial(0, Fate::carry_out);
    NEMCON_CHECK(ended == went_through, ended);
    call_count_ = progress_->calls;
  }

  [[nodiscard]] std::uint64_t call_count() const { return call_count_; }

  void run(std::uint64_t call, const Blow& blow) {
    verdict_.count += 1;
    const int ended = trial(call, blow.fate);
    const bool kills = blow.fate == Fate::die_before || blow.fate == Fate::die_after;
    const bool expected = kills ? ended == -SIGKILL : ended == went_through || ended == gave_up;
    std::string wrong;
    if (!expected) wrong = "the process ended by " + std::to_string(ended);
    if (ended == went_through && progress_->must_end) wrong = "it went on after that";
    if (wrong.empty()) wrong = start_again(place_.directory(), script_, *progress_);
    if (wrong.empty()) return;
    verdict_.bad_count += 1;
    std::printf("  call %llu, %s: %s\n", static_cast<unsigned long long>(call), blow.name,
                wrong.c_str());
  }

  // After it was killed before that call: killed in the start as well, before each of its calls.
  void run_again(std::uint64_t call) {
    for (std::uint64_t second = 1;; ++second) {
      NEMCON_CHECK(trial(call, Fate::die_before) == -SIGKILL, call);
      const int ended = start(second);
      if (ended == went_through) return;  // It has no more calls.
      verdict_.count += 1;
      std::string wrong;
      if (ended != -SIGKILL) wrong = "the start ended by " + std::to_string(ended);
      if (wrong.empty()) wrong = start_again(place_.directory(), script_, *progress_);
      if (wrong.empty()) continue;
      verdict_.bad_count += 1;
      std::printf("  call %llu, then call %llu of the start: %s\n",
                  static_cast<unsigned long long>(call), static_cast<unsigned long long>(second),
                  wrong.c_str());
      if (ended != -SIGKILL) return;
    }
  }

  [[nodiscard]] const Verdict& verdict() const { return verdict_; }

 private:
  int start(std::uint64_t wanted) const {
    return run_child([&] {
      tap::begin(place_.directory());
      tap::decide([&](const tap::TappedCall& call) {
        return call.number == wanted ? Fate::die_before : Fate::carry_out;
      });
      return log::open_log(small_log(place_.directory(), script_.grows())) ? went_through : gave_up;
    });
  }

  int trial(std::uint64_t wanted, Fate fate) {
    if (script_.grows()) {
      place_.clear();
    } else {
      place_.put(empty_);
    }
    progress_->begun = 0;
    progress_->acked = 0;
    progress_->must_end = false;
    return run_child([&] {
      tap::begin(place_.directory());
      tap::decide([&](const tap::TappedCall& call) {
        if (call.number != wanted) return Fate::carry_out;
        progress_->must_end = is_final(call, fate);
        return fate;
      });
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

Verdict try_at_each_call(const Script& script, std::initializer_list<Blow> blows) {
  Trials trials(script);
  for (std::uint64_t call = 1; call <= trials.call_count(); ++call) {
    for (const Blow& blow : blows)
      trials.run(call, blow);
  }
  return trials.verdict();
}

}  // namespace

Verdict kill_at_each_call(const Script& script) {
  return try_at_each_call(
      script, {{Fate::die_before, "killed before it"}, {Fate::die_after, "killed after it"}});
}

Verdict kill_in_each_start(const Script& script) {
  Trials trials(script);
  for (std::uint64_t call = 1; call <= trials.call_count(); ++call)
    trials.run_again(call);
  return trials.verdict();
}

Verdict fail_each_call(const Script& script) {
  return try_at_each_call(script, {{Fate::fail_io, "input/output error"},
                                   {Fate::fail_no_room, "no room"},
                                   {Fate::fail_after, "input/output error, yet carried out"}});
}

}  // namespace nemcon::crash
