#include "tests/crash/states.hpp"

#include <algorithm>
#include <cstdio>
#include <functional>
#include <set>
#include <unordered_set>
#include <utility>
#include <vector>

#include "core/check.hpp"
#include "log/journal_format.hpp"
#include "tests/crash/disk_tap.hpp"
#include "tests/log/random.hpp"

namespace nemcon::crash {

namespace {

constexpr std::size_t sector_bytes = 512;
// One start in so many goes on to write, and is started again.
constexpr std::uint64_t going_on_in = 16;

void write_over(std::string& content, std::uint64_t offset, std::string_view bytes) {
  if (content.size() < offset + bytes.size()) content.resize(offset + bytes.size());
  std::ranges::copy(bytes, content.begin() + static_cast<std::ptrdiff_t>(offset));
}

class Enumeration {
 public:
  Enumeration(const Script& script, const StatesOptions& options, Progress& progress)
      : script_(script), options_(options), progress_(progress), random_(options.seed) {}

  // How many states there were, and how many bad ones, stands in the progress.
  void run() {
    durable_ = place_.read();
    tap::begin(place_.directory());
    Progress writing;
    const Ending ending = write_script(place_.directory(), script_, writing);
    const Tape tape = tap::end();
    NEMCON_CHECK(ending == Ending::whole, options_.seed);
    for (const Event& event : tape.events) {
      if (options_.state_count_max != 0 && progress_.place >= options_.state_count_max) break;
      take(event, tape.files);
    }
  }

 private:
  struct Pending {
    std::string path;
    const Event* event;
  };

  void take(const Event& event, const std::vector<std::string>& files) {
    switch (event.deed) {
      case Deed::begun:
        begun_ = core::Lsn{event.number};
        return;
      case Deed::acked:
        acked_ = core::Lsn{event.number};
        return;
      case Deed::write:
      case Deed::synced_write:
        pending_.push_back({files[event.file], &event});
        if (is_begin_of_segment(files[event.file], event) &&
            !begun_segments_.insert(event.file).second)
          progress_.recycled += 1;
        look_at_all();
        if (event.deed == Deed::synced_write) flush(files[event.file], &event);
        return;
      case Deed::flush:
        flush(files[event.file], nullptr);
        return;
      case Deed::rename:
        return;
    }
  }

  static bool is_begin_of_segment(const std::string& path, const Event& event) {
    return event.offset == log::first_batch_offset && path.find("/segment-") != std::string::npos;
  }

  // All that is pending of the file, or that one write only.
  void flush(const std::string& path, const Event* only) {
    if (options_.flushes == Flushes::ignored) return;
    for (const Pending& one : pending_) {
      if (one.path == path && (only == nullptr || one.event == only)) {
        write_over(durable_[path], one.event->offset, one.event->bytes);
      }
    }
    std::erase_if(pending_, [&](const Pending& one) {
      return one.path == path && (only == nullptr || one.event == only);
    });
  }

  void look_at_all() {
    look_at(durable_, "nothing");
    Bytes whole = durable_;
    for (const Pending& one : pending_)
      write_over(whole[one.path], one.event->offset, one.event->bytes);
    look_at(whole, "everything");
    for (std::size_t subset = 0; subset < options_.subset_count; ++subset)
      look_at(some_of_it(), "a part");
  }

  Bytes some_of_it() {
    Bytes state = durable_;
    for (const Pending& one : pending_) {
      const std::uint64_t how = random_.below(3);
      if (how == 0) continue;
      const std::string_view bytes = one.event->bytes;
      // Smaller than a sector, and in one: whole or not at all.
      for (std::size_t from = 0; from < bytes.size();) {
        const std::size_t place = one.event->offset + from;
        const std::size_t count =
            std::min(bytes.size() - from, sector_bytes - place % sector_bytes);
        if (how == 1 || random_.one_in(2)) {
          write_over(state[one.path], place, bytes.substr(from, count));
        }
        from += count;
      }
    }
    return state;
  }

  void look_at(const Bytes& state, const char* what) {
    // One that was looked at already says nothing new.
    if (!seen_.insert(identity_of(state)).second) return;
    progress_.place += 1;
    place_.put(state);
    std::string wrong = judge(look(place_.directory(), script_), script_, acked_, begun_);
    if (wrong.empty() && progress_.place % going_on_in == 0)
      wrong = go_on(place_.directory(), script_);
    if (wrong.empty()) return;
    progress_.bad += 1;
    if (options_.flushes == Flushes::ignored || progress_.bad > 5) return;
    std::printf("  state %llu (%s of %zu pending writes is there): %s\n",
                static_cast<unsigned long long>(progress_.place), what, pending_.size(),
                wrong.c_str());
  }

  // What is on the disk, and what must be there.
  [[nodiscard]] std::size_t identity_of(const Bytes& state) const {
    std::size_t identity = 0;
    const auto mix = [&identity](std::size_t more) { identity = identity * 31 + more; };
    mix(acked_.value());
    mix(begun_.value());
    for (const auto& [path, content] : state)
      mix(std::hash<std::string>{}(content));
    return identity;
  }

  const Script& script_;
  const StatesOptions& options_;
  Progress& progress_;
  log::test::Random random_;
  Place place_;
  Bytes durable_;
  std::vector<Pending> pending_;
  std::set<std::uint32_t> begun_segments_;  // Files.
  std::unordered_set<std::size_t> seen_;
  core::Lsn begun_;
  core::Lsn acked_;
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
  Verdict verdict{
      .count = progress->place, .bad_count = progress->bad, .recycled_count = progress->recycled};
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
