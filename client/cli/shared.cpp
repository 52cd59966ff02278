// What several commands have in common.
#include <utility>

#include <sys/prctl.h>
#include <sys/resource.h>

#include "client/cli/client_file.hpp"
#include "client/cli/commands.hpp"
#include "client/cli/json.hpp"
#include "client/cli/words.hpp"
#include "transport/endpoint.hpp"

namespace nemcon::cli {

namespace {

constexpr const char* default_node = "tcp://127.0.0.1:7411";

void add(ClientOptions& options, const KnownNode& node) {
  // A node whose key is being replaced is tried under each.
  for (const std::string& key : node.public_keys) {
    options.nodes.push_back(node.endpoint);
    options.node_keys.push_back(key);
  }
  if (node.public_keys.empty()) options.nodes.push_back(node.endpoint);
}

void add_named(ClientOptions& options, const Globals& globals, const ClientFile& file) {
  for (const std::string& wanted : globals.nodes) {
    std::string names;
    bool found = false;
    for (const KnownNode& node : file.nodes) {
      names += (names.empty() ? "" : ", ") + node.name;
      if (node.name != wanted && node.endpoint != wanted) continue;
      add(options, node);
      found = true;
    }
    if (!found) {
      throw Misuse("--node " + wanted + ": is no node of " + globals.config_file +
                   "; allowed: " + names + ", or their endpoints");
    }
  }
}

ClientOptions reach(const Globals& globals) {
  ClientOptions options{.nodes = {}, .deadline = globals.timeout};
  if (globals.config_file.empty() || !globals.key_file.empty()) {
    options.nodes = globals.nodes.empty() ? std::vector<std::string>{default_node} : globals.nodes;
    options.key_file = globals.key_file;
    options.node_keys = globals.node_keys;
    options.insecure = globals.insecure;
    return options;
  }
  const ClientFile file = read_client_file(globals.config_file);
  options.key_file = file.secret_key_file;
  options.insecure = file.insecure || globals.insecure;
  if (!globals.nodes.empty()) {
    add_named(options, globals, file);
    return options;
  }
  for (const KnownNode& node : file.nodes)
    add(options, node);
  return options;
}

}  // namespace

void keep_memory_private() {
  const rlimit none{.rlim_cur = 0, .rlim_max = 0};
  ::setrlimit(RLIMIT_CORE, &none);
  ::prctl(PR_SET_DUMPABLE, 0);
}

Client connect(const Globals& globals) {
  ClientOptions options = reach(globals);
  if (options.key_file.empty() != options.node_keys.empty() ||
      (!options.node_keys.empty() && options.node_keys.size() != options.nodes.size())) {
    throw Misuse(
        "--key and --node-key belong together: with --key FILE give one --node-key for "
        "each --node, in the same order");
  }
  if (!options.key_file.empty()) keep_memory_private();
  const std::string* const remote = transport::find_remote(options.nodes);
  if (remote != nullptr && options.key_file.empty() && !options.insecure) {
    throw Misuse(*remote +
                 " leaves this machine, and without keys everything is plain text: give --key and "
                 "--node-key or a client file that has them, or say --insecure (in a client file: "
                 "insecure = true in [client])");
  }
  return Client(std::move(options));
}

Exit exit_of(const Outcome& outcome) {
  switch (outcome.state) {
    case State::committed:
      return Exit::done;
    case State::rolled_back:
      return Exit::refused;
    case State::unknown:
      return Exit::unknown;
  }
  return Exit::unknown;
}

std::string outcome_json(const Outcome& outcome) {
  Json json;
  json.text("state", to_name(outcome.state)).text("id", outcome.id.text());
  if (outcome.committed()) json.number("at_ms", outcome.at.value >> 16U);
  if (outcome.reason != Reason::none) json.text("reason", to_name(outcome.reason));
  json.text_if("text", outcome.text).text_if("by", outcome.by);
  if (!outcome.replies.empty()) {
    std::vector<std::string> replies;
    for (const Message& reply : outcome.replies)
      replies.push_back(Json{}.message(reply).str());
    json.list("replies", replies);
  }
  return json.str();
}

TransactionId parse_id(const std::string& text) {
  const std::optional<TransactionId> id = TransactionId::parse(text);
  if (!id) {
    throw Misuse("\"" + text +
                 "\" is no transaction id; they look like "
                 "00000000000000000000000000000001-00000000000000000000000000000002-7-1");
  }
  return *id;
}

}  // namespace nemcon::cli
