#include "tests/crash/place.hpp"

#include <algorithm>
#include <filesystem>
#include <utility>

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/check.hpp"
#include "core/state.hpp"
#include "log/store.hpp"
#include "tests/crash/disk_tap.hpp"

namespace nemcon::crash {

namespace {

constexpr const char* node_name = "crash";

sim::StoreImage read_store(const log::Opened& opened, const core::State& state,
                           std::string& wrong) {
  sim::StoreImage image;
  core::Checkpoint stored;
  stored.puts = opened.restored.rows;
  for (const auto& [id, queue] : state.queues()) {
    if (!wrong.empty()) break;
    const core::Status visited =
        opened.store->for_each_message(queue->row().name, [&](core::MessageRow&& row) {
          stored.puts.emplace_back(std::move(row));
          return true;
        });
    // A queue that no checkpoint has seen yet is unknown to the store.
    const bool is_stored = std::ranges::any_of(
        opened.restored.rows, [wanted = queue->row().queue](const core::Row& row) {
          const auto* known = std::get_if<core::QueueRow>(&row);
          return known != nullptr && known->queue == wanted;
        });
    if (!visited && is_stored) wrong = visited.error().detail;
  }
  image.apply(stored);
  return image;
}

// As a node does from its start on.
bool complains_when_scrubbed(log::Store& store) {
  constexpr std::size_t rows_at_once = 100;
  for (;;) {
    const auto some = store.scrub(rows_at_once);
    if (!some) return true;
    if (some->is_end) return false;
  }
}

// LMDB's own pages have no checksum of ours, so of the messages some may be missing, or be there
// again. All else is summed up when it is loaded, and has to be as it was.
bool holds_foreign(const sim::StoreImage& image, core::Lsn last, const Script& script) {
  if (last > script.last()) return true;
  const Picture rest = picture_of(image, sim::StoreImage::Messages::without);
  if (rest != script.pictures_of_rest()[last.value()]) return true;
  return std::ranges::any_of(image.messages,
                             [&](const auto& each) { return !script.was_written(each.second); });
}

// As the engine does at its start.
void restore(core::State& state, const core::Restored& restored) {
  for (const core::Row& row : restored.rows)
    state.load(row);
  core::Lsn lsn = restored.checkpoint;
  for (const core::Record& record : restored.records) {
    lsn = core::Lsn{lsn.value() + 1};
    state.apply(record, lsn);
  }
}

}  // namespace

// So small that a script goes through it several times: what a torn batch overwrites is an old one.
log::LogOptions small_log(const std::string& directory, bool grows) {
  constexpr std::uint64_t segment_bytes = 32ULL << 10U;
  return {.directory = directory,
          .node_name = node_name,
          .segment_bytes = segment_bytes,
          .segment_count = grows ? 2U : 5U,
          .segment_count_max = 5,
          .map_bytes = 8ULL << 20U,
          .map_bytes_max = 8ULL << 20U,
          .ballast_bytes = grows ? 64ULL << 10U : 0};
}

Place::Place()
    : memory_(log::test::TemporaryDirectory::Where::memory), directory_(memory_.inner("node")) {
  const auto opened = log::open_log(small_log(directory_, false));
  NEMCON_CHECK(static_cast<bool>(opened), opened ? "" : opened.error().detail);
}

void Place::clear() const {
  std::filesystem::remove_all(directory_);
}

Bytes Place::read() const {
  Bytes bytes;
  for (const auto& entry : std::filesystem::recursive_directory_iterator{directory_}) {
    const std::string path = entry.path().string();
    if (entry.is_regular_file() && !is_lock_file(path)) bytes[path] = log::test::read_file(path);
  }
  return bytes;
}

void Place::put(const Bytes& bytes) const {
  for (const auto& [path, content] : bytes) {
    const int file = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
    NEMCON_CHECK(file >= 0, path);
    // Past the tap: this is the disk's doing, not the product's.
    const long written = ::syscall(SYS_pwrite64, file, content.data(), content.size(), 0L);
    NEMCON_CHECK(std::cmp_equal(written, content.size()), path);
    NEMCON_CHECK(::ftruncate(file, static_cast<off_t>(content.size())) == 0, path);
    ::close(file);
  }
}

Found look(const std::string& directory, const Script& script) {
  Found found;
  const auto opened = log::open_log(small_log(directory, script.grows()));
  if (!opened) {
    found.refusal = opened.error().detail;
    return found;
  }
  core::State state(script.options());
  restore(state, opened->restored);
  found.last = opened->last;
  sim::StoreImage image = read_store(*opened, state, found.refusal);
  image.apply(state.collect(opened->last));
  found.picture = picture_of(image, sim::StoreImage::Messages::with);
  if (is_as_written(found, script)) return found;
  found.is_foreign = holds_foreign(image, found.last, script);
  if (found.refusal.empty()) found.scrub_complains = complains_when_scrubbed(*opened->store);
  return found;
}

bool is_as_written(const Found& found, const Script& script) {
  return found.last <= script.last() && found.picture == script.pictures()[found.last.value()];
}

std::string go_on(const std::string& directory, const Script& script) {
  constexpr std::size_t further_max = 5;
  core::Lsn last;
  {
    const auto opened = log::open_log(small_log(directory, script.grows()));
    if (!opened) return "refused at the second start: " + opened.error().detail;
    core::State state(script.options());
    restore(state, opened->restored);
    last = opened->last;
    std::vector<core::Write> batch;
    for (const Step& step : script.steps()) {
      for (const core::Write& write : step.batch) {
        if (write.lsn <= last || batch.size() == further_max) continue;
        state.apply(write.record, write.lsn);
        batch.push_back(write);
      }
    }
    if (batch.empty()) return {};
    last = batch.back().lsn;
    tap::mark(Deed::begun, last.value());
    if (!opened->journal->append(batch)) return "cannot append any more";
    tap::mark(Deed::acked, last.value());
    const auto applied = opened->store->apply(state.collect(last));
    if (!applied || *applied != log::Applied::done) return "cannot write a checkpoint any more";
  }
  return judge(look(directory, script), script, last, last);
}

std::string judge(const Found& found, const Script& script, core::Lsn acked, core::Lsn begun) {
  if (!found.refusal.empty()) return "refused: " + found.refusal;
  const std::string last = std::to_string(found.last.value());
  if (found.last < acked) {
    return "record " + std::to_string(acked.value()) + " was acknowledged, the last one is " + last;
  }
  if (found.last > begun) return "record " + last + " was never begun";
  if (!is_as_written(found, script)) return "not the state after record " + last;
  return {};
}

}  // namespace nemcon::crash
