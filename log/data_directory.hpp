// DataDirectory: one node's place on disk, and the proof that it is this node's and nobody
// else has it open.
//
//   DIR/             mode 0700
//     lock           flock'ed while the node runs; holds its process id
//     identity       node name, NodeId, Incarnation, checksum key, the store file's identity
//     format         "nemcon data directory, format 1"; written last when created
//     journal/       segments (journal.hpp)
//     store/         LMDB (store.hpp)
//     ballast        given up when the disk is full
//
// Refused, with a reason that says what to do, and with nothing on disk changed: a directory
// in use, of another node, of a newer format, of somebody else, on a network file system, or
// whose store is a copy. Starting thread only; the lock lives as long as the object.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "core/ids.hpp"
#include "log/checksum.hpp"
#include "log/error.hpp"
#include "log/file.hpp"

namespace nemcon::log {

struct Identity {
  std::string node_name;
  core::NodeId node;
  core::Incarnation incarnation;
  ChecksumKey key;
};

enum class Creation : std::uint8_t { allowed, forbidden };

struct DirectoryOptions {
  std::string path;
  std::string node_name;  // Empty: whoever's it is (offline tools).
  Creation creation = Creation::allowed;
  bool allow_network_file_system = false;
  FileOperations* files = nullptr;  // Must outlive the directory; null: the kernel's.
};

class DataDirectory {
 public:
  [[nodiscard]] static Result<std::unique_ptr<DataDirectory>> open(const DirectoryOptions& options);

  virtual ~DataDirectory() = default;
  DataDirectory(const DataDirectory&) = delete;
  DataDirectory& operator=(const DataDirectory&) = delete;

  [[nodiscard]] virtual const Identity& identity() const = 0;

  // True until complete(): journal and store have yet to be created.
  [[nodiscard]] virtual bool is_new() const = 0;

  // Writes identity and format: from now on this is a data directory. Before it, a crash
  // leaves something that the next start begins anew.
  [[nodiscard]] virtual Status complete() = 0;

  [[nodiscard]] virtual std::string journal_directory() const = 0;
  [[nodiscard]] virtual std::string store_directory() const = 0;
  [[nodiscard]] virtual std::string ballast_path() const = 0;

 protected:
  DataDirectory() = default;
};

}  // namespace nemcon::log
