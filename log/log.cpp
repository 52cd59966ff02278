#include "log/log.hpp"

#include <utility>

namespace nemcon::log {

namespace {

JournalOptions journal_options(const LogOptions& options, const DataDirectory& directory) {
  return {.directory = directory.journal_directory(),
          .key = directory.identity().key,
          .segment_bytes = options.segment_bytes,
          .segment_count = options.segment_count,
          .segment_count_max = options.segment_count_max,
          .files = options.files};
}

StoreOptions store_options(const LogOptions& options, const DataDirectory& directory) {
  return {.directory = directory.store_directory(),
          .key = directory.identity().key,
          .access = Access::read_write,
          .map_bytes = options.map_bytes,
          .map_bytes_max = options.map_bytes_max,
          .ballast_bytes = options.ballast_bytes,
          .ballast_path = directory.ballast_path()};
}

// Store and journal first, the identity that vouches for them last. A crash in between leaves a
// directory without a format, which the next start begins anew.
Status create(const LogOptions& options, DataDirectory& directory) {
  const Status stored = Store::create(store_options(options, directory), core::Lsn{});
  if (!stored) return stored.error();
  const Status journaled = Journal::create(journal_options(options, directory), core::Lsn{});
  if (!journaled) return journaled.error();
  return directory.complete();
}

}  // namespace

Result<Opened> open_log(const LogOptions& options) {
  auto directory = DataDirectory::open({.path = options.directory,
                                        .node_name = options.node_name,
                                        .creation = Creation::allowed,
                                        .moved = options.moved,
                                        .files = options.files});
  if (!directory) return directory.error();
  Opened opened;
  opened.directory = std::move(directory).value();
  if (opened.directory->is_new()) {
    const Status created = create(options, *opened.directory);
    if (!created) return created.error();
  }
  opened.identity = opened.directory->identity();

  auto store = Store::open(store_options(options, *opened.directory));
  if (!store) return store.error();
  opened.store = std::move(store).value();
  auto loaded = opened.store->load();
  if (!loaded) return loaded.error();
  Store::Loaded state = std::move(loaded).value();
  opened.restored.rows = std::move(state.rows);
  opened.restored.checkpoint = state.upto;

  auto journal = Journal::open(journal_options(options, *opened.directory));
  if (!journal) return journal.error();
  opened.journal = std::move(journal).value();
  const auto collect = [&opened](core::Lsn /*lsn*/, core::Record&& record) -> Status {
    opened.restored.records.push_back(std::move(record));
    return core::Nothing{};
  };
  const auto last = opened.journal->replay(opened.restored.checkpoint, collect);
  if (!last) return last.error();
  opened.last = *last;
  return opened;
}

}  // namespace nemcon::log
