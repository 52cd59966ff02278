// The whole of a node's durable state, opened: directory, store, journal, and what they held.
//
// Called once on the starting thread. `restored` goes to the engine; the journal then belongs
// to the journal thread and the store to the store thread. Close both before the directory.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "core/ids.hpp"
#include "core/options.hpp"
#include "log/data_directory.hpp"
#include "log/error.hpp"
#include "log/journal.hpp"
#include "log/store.hpp"

namespace nemcon::log {

struct LogOptions {
  std::string directory;
  std::string node_name;
  std::uint64_t segment_bytes = JournalOptions{}.segment_bytes;
  std::uint32_t segment_count = JournalOptions{}.segment_count;
  std::uint32_t segment_count_max = JournalOptions{}.segment_count_max;
  std::uint64_t map_bytes = StoreOptions{}.map_bytes;
  std::uint64_t map_bytes_max = StoreOptions{}.map_bytes_max;
  std::uint64_t ballast_bytes = StoreOptions{}.ballast_bytes;
  bool moved = false;               // See DirectoryOptions.
  FileOperations* files = nullptr;  // Must outlive what is opened; null: the kernel's.
};

struct Opened {
  std::unique_ptr<DataDirectory> directory;  // First, so that the lock goes last.
  Identity identity;
  core::Restored restored;
  core::Lsn last;  // Of the newest durable record; the next write is one more.
  std::unique_ptr<Journal> journal;
  std::unique_ptr<Store> store;
};

// Creates the data directory when there is none. An Error is one line for a person: which
// file, what is wrong with it, what can be done.
[[nodiscard]] Result<Opened> open_log(const LogOptions& options);

}  // namespace nemcon::log
