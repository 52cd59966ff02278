// The commands of `nemcon`. Each takes what the command line said, checked for form only, writes to
// standard output, and returns how the process ends. Errors of the mesh come out as
// nemcon::Error; main() has the words and the exit code for them.
#pragma once

#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <nemcon/nemcon.hpp>

namespace nemcon::cli {

enum class Exit : std::uint8_t {
  done = 0,
  refused = 1,  // Or rolled back.
  usage = 2,
  unknown = 3,  // Outcome not known, or no node reachable.
};

struct Globals {
  std::vector<std::string> nodes;  // Endpoints, or names of the client file. Empty: all of it.
  std::string config_file;         // The client file; empty: none.
  std::string key_file;            // With it a key for each of `nodes`, and no client file.
  std::vector<std::string> node_keys;
  bool insecure = false;
  bool json = false;
  std::chrono::milliseconds timeout{10'000};
};

using Pairs = std::vector<std::pair<std::string, std::string>>;

struct SendArguments {
  std::string queue;
  std::string body;
  bool has_body = false;
  std::string file;  // "-": standard input.
  bool lines = false;
  Pairs headers;
};

struct ReceiveArguments {
  std::string queue;
  std::uint64_t count = 1;
  bool follow = false;
  bool headers = false;
};

struct TransactArguments {
  Pairs sends;  // Address and body, as all of these.
  Pairs calls;
  Pairs checks;
};

struct MeshInitArguments {
  std::vector<std::string> names;
  std::string directory;
  std::string host = "127.0.0.1";
  std::uint32_t base_port = 7411;
  std::vector<std::string> queues;  // "queue@node".
  bool insecure = false;
  bool no_keys = false;
};

struct KeygenArguments {
  std::string file;
  bool show = false;  // Only the public key of a file that is there.
};

struct AuditArguments {
  std::vector<std::string> files;  // The oldest first.
  bool verify = false;
  std::string expect;  // "NUMBER:HASH".
};

struct MembershipArguments {
  std::string file;
  std::string key_file;
  std::string operator_key;
};

// The directory or file that was asked for cannot be used; the text says why and what to do.
class Refusal : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// The command line makes no sense; the text says what would.
class Misuse : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

Exit run_send(const Globals& globals, const SendArguments& arguments);
Exit run_receive(const Globals& globals, const ReceiveArguments& arguments);
Exit run_transact(const Globals& globals, const TransactArguments& arguments);
Exit run_outcome(const Globals& globals, const std::string& id);
Exit run_status(const Globals& globals);
Exit run_queues(const Globals& globals);
Exit run_transactions(const Globals& globals, bool in_doubt_only);
Exit run_transaction(const Globals& globals, const std::string& id);
Exit run_mesh_init(const Globals& globals, const MeshInitArguments& arguments);
Exit run_keygen(const Globals& globals, const KeygenArguments& arguments);
Exit run_membership_keygen(const Globals& globals, const std::string& file);
Exit run_membership_sign(const Globals& globals, const MembershipArguments& arguments);
Exit run_membership_verify(const Globals& globals, const MembershipArguments& arguments);
Exit run_audit(const Globals& globals, const AuditArguments& arguments);
Exit run_reload(const Globals& globals, const std::string& data);
Exit run_completion(const std::string& shell);

// ---- shared by them ---------------------------------------------------------------------------

// Before a secret key is read: whoever may look into this process would find it there.
void keep_memory_private();
[[nodiscard]] Client connect(const Globals& globals);
[[nodiscard]] Exit exit_of(const Outcome& outcome);
[[nodiscard]] std::string outcome_json(const Outcome& outcome);
[[nodiscard]] TransactionId parse_id(const std::string& text);

}  // namespace nemcon::cli
