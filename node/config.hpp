// Config: what one TOML file says about one node, checked and with every default filled in.
//
// Promise: a Config without problems can be run: names are not dangling, numbers are in range,
// nothing in the file was ignored. Every problem names file, line, column and key, says what is
// wrong and what is allowed; all of them are listed, in the order of the file. No exception
// leaves this header. Pure functions of their arguments except read_config().
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/options.hpp"
#include "transport/keys.hpp"

namespace nemcon::node {

struct PeerConfig {
  std::string name;
  std::string endpoint;  // "tcp://host:port" or "ipc://path".
  // Each may be used. Two while one is being replaced; none where there are no keys at all.
  std::vector<transport::PublicKey> public_keys;
  // The clients that it may speak for, with `*`. None: all.
  std::vector<std::string> vouches;
};

// Somebody who may do something here, at this node or by way of a peer.
struct ClientConfig {
  std::string name;                               // "*": everybody who has one.
  std::vector<transport::PublicKey> public_keys;  // None: it connects to peers only.
  // "VERB PATTERN" each, as written: "send *@*", "consume stock". Of this form, not yet matched.
  std::vector<std::string> allow;
  core::QuotaOptions quota;
};

// Which nodes there are, by a file that an operator has signed (transport/members_file.hpp).
struct MembersConfig {
  std::string file;          // Empty: [[peer]] says it. Else as secret_key_file below.
  std::string operator_key;  // 64 hexadecimal digits.
  std::uint64_t serial = 0;
  std::string digest;  // Of what was signed.
  // Of this node, as the others have them.
  std::vector<transport::PublicKey> own_keys;
};

struct Config {
  std::string name;
  std::string data = "./nemcon-data";  // Relative to the current directory of the process.
  bool data_moved = false;             // No key of the file: --data-moved.
  core::Duration scrub_interval = std::chrono::hours{24};  // Between two walks through the store.
  std::vector<std::string> listen = {"tcp://127.0.0.1:7411"};
  // Where it is given, every link is encrypted and both ends of it are known by their keys.
  // Relative to the directory of the configuration file, resolved by read_config().
  std::string secret_key_file;
  MembersConfig members;
  bool insecure = false;          // Links that leave this machine may be plain text.
  std::vector<PeerConfig> peers;  // Of [[peer]], or of the membership file.
  std::vector<ClientConfig> clients;
  std::vector<core::QueueOptions> queues;
  std::uint32_t witnesses = 1;  // 2F + 1.
  std::string coordinator;      // Mode C when not empty.
  core::Duration deadline = std::chrono::seconds{10};
  core::Limits limits;
  std::uint32_t connect_rate_max = 30;  // Connections a second that one address may make.
  std::uint32_t idle_links_max = 16;    // To peers, with nothing to send; further ones rest.
};

struct CheckedConfig {
  Config config;                      // To be used only when there are no errors.
  std::vector<std::string> errors;    // "FILE:LINE:COLUMN: key `queue.lease`: ...".
  std::vector<std::string> warnings;  // The same form.
  // Those of the errors that are the membership file's: it is not what the operator signed, or
  // not what a node can use.
  std::vector<std::string> member_errors;
};

// What a node does without a file: named after the host, on loopback, alone, with one queue
// `inbox` to try things with.
[[nodiscard]] Config default_config(std::string_view host_name);

// `file` is only quoted in problems. `host_name` gives the name where [node] has none. A membership
// file is not looked for: one that is named is an error.
[[nodiscard]] CheckedConfig parse_config(std::string_view text, std::string_view file,
                                         std::string_view host_name);

// Blocks on the file, and on the membership file that it names. A file that cannot be read is an
// error like any other.
[[nodiscard]] CheckedConfig read_config(const std::string& file, std::string_view host_name);

// The whole configuration as a TOML file that means the same, with what it means in comments.
[[nodiscard]] std::string to_text(const Config& config);

// A short sentence on how transactions are decided: mode S, X or C and what it survives.
[[nodiscard]] std::string describe_mode(const Config& config);

// What the engine wants to know of it. Identity, seeds and hashing are left to the caller.
[[nodiscard]] core::Options engine_options(const Config& config);

}  // namespace nemcon::node
