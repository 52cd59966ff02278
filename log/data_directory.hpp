// DataDirectory: one node's place on disk, and the proof that it is this node's and nobody
// else has it open.
//
//   DIR/             mode 0700
//     lock           flock'ed while the node runs; holds its process id
//     identity       node name, NodeId, Incarnation, checksum key, the store file's identity
//     format         "nemcon data directory, format 1"
//     journal/       segments (journal.hpp)
//     store/         LMDB (store.hpp)
//     ballast        given up when the disk is full
//
// Refused, with a reason that says what to do, and with nothing on disk changed: a directory
// in use, of another node, of a newer format, of somebody else, on a network file system, or
// whose store is a copy and not said to be moved. Starting thread only; the lock lives as long as
// the object.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "core/ids.hpp"
#include "log/error.hpp"
#include "log/file.hpp"
#include "log/identity.hpp"

namespace nemcon::log {

enum class Creation : std::uint8_t { allowed, forbidden };

struct DirectoryOptions {
  std::string path;
  std::string node_name;  // Empty: whoever's it is (offline tools).
  Creation creation = Creation::allowed;
  bool moved = false;               // Its owner says that no other copy of it will ever be used.
  FileOperations* files = nullptr;  // Must outlive the directory; null: the kernel's.
};

class DataDirectory {
 public:
  [[nodiscard]] static Result<std::unique_ptr<DataDirectory>> open(const DirectoryOptions& options);

  ~DataDirectory();
  DataDirectory(const DataDirectory&) = delete;
  DataDirectory& operator=(const DataDirectory&) = delete;

  [[nodiscard]] const Identity& identity() const { return identity_; }

  // True until complete(): journal and store have yet to be created.
  [[nodiscard]] bool is_new() const { return is_new_; }

  // Writes the identity: from now on this is a data directory. Before it, a crash leaves
  // something that the next start begins anew.
  [[nodiscard]] Status complete();

  [[nodiscard]] std::string journal_directory() const { return options_.path + "/journal"; }

  [[nodiscard]] std::string store_directory() const { return options_.path + "/store"; }

  [[nodiscard]] std::string ballast_path() const { return options_.path + "/ballast"; }

 private:
  explicit DataDirectory(const DirectoryOptions& options);

  [[nodiscard]] Status open_existing();
  [[nodiscard]] Status begin_new();
  [[nodiscard]] Status flush_upwards();
  [[nodiscard]] Status refuse_format() const;
  [[nodiscard]] Status write_format();
  [[nodiscard]] Status write_identity();
  [[nodiscard]] Status read_identity();
  [[nodiscard]] Status lock();
  [[nodiscard]] Status write_file(const std::string& name, const std::string& text);
  [[nodiscard]] Result<std::string> read_file(const std::string& name) const;

  DirectoryOptions options_;
  KernelFiles kernel_;
  FileOperations& files_;
  Identity identity_;
  bool is_new_ = false;
  bool is_elsewhere_ = false;  // The store is another file than the one it was created as.
  int lock_ = -1;
};

}  // namespace nemcon::log
