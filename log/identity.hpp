// The identity file: who this data directory belongs to, as text that a person can read.
//
//   node = warehouse
//   id = 0f3a...            32 hexadecimal digits
//   incarnation = 91c4...   16
//   key = 77ab...           32; secret, of the checksums
//   store = 1835011 1769773412.123456789
//   checksum = 5d20...      16; of all lines above, under the key
//
// The store is recognised by inode number and time of birth, which a copy or a restored file
// does not have, and a reboot does not change; the device number would change.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/ids.hpp"
#include "log/checksum.hpp"
#include "log/error.hpp"

namespace nemcon::log {

// The id of a node of this name. `salt` is random, of the data directory, and the id's low half;
// the high half is a hash of both, so that a peer with another name cannot claim the id.
[[nodiscard]] core::NodeId node_id_of(const std::string& node_name, std::uint64_t salt);

struct Identity {
  std::string node_name;
  core::NodeId node;  // node_id_of(node_name, a random number).
  core::Incarnation incarnation;
  ChecksumKey key;
};

// What tells a file from every copy of it.
struct FileMark {
  std::uint64_t inode = 0;
  std::int64_t born_s = 0;  // 0 where the file system does not know.
  std::uint32_t born_ns = 0;

  friend bool operator==(const FileMark&, const FileMark&) = default;
};

[[nodiscard]] Result<FileMark> mark_of(const std::string& path);

struct StoredIdentity {
  Identity identity;
  FileMark store;
};

[[nodiscard]] std::string to_text(const StoredIdentity& stored);

[[nodiscard]] Result<StoredIdentity> parse_identity(std::string_view text);

}  // namespace nemcon::log
