#include "tests/crash/states.hpp"

#include <cstdio>
#include <functional>
#include <set>
#include <string>
#include <unordered_set>

#include "core/check.hpp"
#include "log/journal_format.hpp"
#include "tests/crash/disk_tap.hpp"
#include "tests/crash/write_cache.hpp"
#include "tests/log/random.hpp"

namespace nemcon::crash {

namespace {

// One start in so many goes on to write, and is started again; one of those in so many is cut while
// it writes.
constexpr std::uint64_t going_on_in = 16;
constexpr std::uint64_t cut_again_in = 4;
constexpr std::size_t subset_count_again = 2;

// What must be there, and what may be.
struct Promised {
  core::Lsn acked;
  core::Lsn begun;
};

class Enumeration {
 public:
  Enumeration(const Script& script, const StatesOptions& options, Progress& progress)
      : script_(script), options_(options), progress_(progress), random_(options.seed) {}

  // How many states there were, and how many bad ones, stands in the progress.
  void run() {
    const Bytes before = place_.read();
    tap::begin(place_.directory());
    Progress writing;
    const Ending ending = write_script(place_.directory(), script_, writing);
    const Tape tape = tap::end();
    NEMCON_CHECK(ending == Ending::whole, options_.seed);
    go_through(tape, before, {}, options_.subset_count,
               [&](const Bytes& state, const Promised& promised, const std::string& what) {
                 look_at(state, promised, what);
                 return options_.state_count_max == 0 || progress_.place < options_.state_count_max;
               });
    count_recycled(tape);
  }

 private:
  // `look` is given what a cut at each moment could leave, and whether to go on is its answer.
  template <class Look>
  void go_through(const Tape& tape, const Bytes& before, Promised promised,
                  std::size_t subset_count, Look look) {
    WriteCache cache(before);
    const auto look_at_some = [&](const Bytes& state, const char* part) {
      return look(state, promised,
                  std::string(part) + " of " + std::to_string(cache.pending_count()) +
                      " pending writes is there");
    };
    const auto look_at_all = [&] {
      if (!look_at_some(cache.nothing_more(), "nothing")) return false;
      if (!look_at_some(cache.everything(), "everything")) return false;
      for (std::size_t subset = 0; subset < subset_count; ++subset) {
        if (!look_at_some(cache.some(random_), "a part")) return false;
      }
      return true;
    };
    for (const Event& event : tape.events) {
      const bool is_write = event.deed == Deed::write || event.deed == Deed::synced_write;
      if (event.deed == Deed::begun) promised.begun = core::Lsn{event.number};
      if (event.deed == Deed::acked) promised.acked = core::Lsn{event.number};
      if (is_write) {
        cache.write(tape.files[event.file], event);
        if (!look_at_all()) return;
      }
      if (options_.flushes == Flushes::ignored) continue;
      if (event.deed == Deed::synced_write) cache.flush(tape.files[event.file], &event);
      if (event.deed == Deed::flush) cache.flush(tape.files[event.file], nullptr);
    }
  }

  void look_at(const Bytes& state, const Promised& promised, const std::string& what) {
    // One that was looked at already says nothing new.
    if (!seen_.insert(identity_of(state, promised)).second) return;
    progress_.place += 1;
    place_.put(state);
    std::string wrong =
        judge(look(place_.directory(), script_), script_, promised.acked, promised.begun);
    if (wrong.empty() && progress_.place % going_on_in == 0) wrong = go_on_and_cut(state, promised);
    if (wrong.empty()) return;
    progress_.bad += 1;
    if (options_.flushes == Flushes::ignored || progress_.bad > 5) return;
    std::printf("  state %llu (%s): %s\n", static_cast<unsigned long long>(progress_.place),
                what.c_str(), wrong.c_str());
  }

  // Goes on from there, and at times looks at what a second cut at each moment of that could leave.
  // Empty, or what is wrong.
  std::string go_on_and_cut(const Bytes& state, const Promised& promised) {
    tap::begin(place_.directory());
    std::string wrong = go_on(place_.directory(), script_);
    const Tape tape = tap::end();
    if (!wrong.empty() || ++went_on_count_ % cut_again_in != 0) return wrong;
    go_through(tape, state, promised, subset_count_again,
               [&](const Bytes& left, const Promised& then, const std::string& what) {
                 progress_.again += 1;
                 place_.put(left);
                 wrong = judge(look(place_.directory(), script_), script_, then.acked, then.begun);
                 if (!wrong.empty()) wrong = "after it went on, cut again (" + what + "): " + wrong;
                 return wrong.empty();
               });
    return wrong;
  }

  void count_recycled(const Tape& tape) {
    std::set<std::uint32_t> begun;
    for (const Event& event : tape.events) {
      const bool is_begin = event.deed == Deed::write && event.offset == log::first_batch_offset &&
                            tape.files[event.file].find("/segment-") != std::string::npos;
      if (is_begin && !begun.insert(event.file).second) progress_.recycled += 1;
    }
  }

  // What is on the disk, and what must be there.
  [[nodiscard]] static std::size_t identity_of(const Bytes& state, const Promised& promised) {
    std::size_t identity = 0;
    const auto mix = [&identity](std::size_t more) { identity = identity * 31 + more; };
    mix(promised.acked.value());
    mix(promised.begun.value());
    for (const auto& [path, content] : state)
      mix(std::hash<std::string>{}(content));
    return identity;
  }

  const Script& script_;
  const StatesOptions& options_;
  Progress& progress_;
  log::test::Random random_;
  Place place_;
  std::unordered_set<std::size_t> seen_;
  std::uint64_t went_on_count_ = 0;
};

}  // namespace

Verdict enumerate_states(const Script& script, const StatesOptions& options) {
  const SharedProgress progress = share_progress();
  const int ended = run_child([&] {
    Enumeration enumeration(script, options, *progress);
    enumeration.run();
    std::fflush(stdout);
    return 0;
  });
  Verdict verdict{.count = progress->place,
                  .bad_count = progress->bad,
                  .recycled_count = progress->recycled,
                  .again_count = progress->again};
  if (ended != 0) {
    // Without flushes LMDB finds pages that were never there: that counts as found.
    verdict.bad_count += 1;
    if (options.flushes == Flushes::honoured) {
      std::printf("  state %llu ended the process: %d\n",
                  static_cast<unsigned long long>(progress->place), ended);
    }
  }
  return verdict;
}

}  // namespace nemcon::crash
