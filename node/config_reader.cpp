#include "node/config_reader.hpp"

#include <algorithm>

#include "node/config_toml.hpp"
#include "node/names.hpp"
#include "transport/members_file.hpp"

namespace nemcon::node {

namespace {

using namespace std::chrono_literals;

constexpr std::string_view dead_suffix = ".dead";
// Of one peer or client: two suffice to replace one.
constexpr std::size_t public_keys_max = 8;

constexpr DurationRange lease_range = {10ms, 24h};
constexpr DurationRange deadline_range = {10ms, 1h};
constexpr DurationRange scrub_range = {1min, 720h};
constexpr CountRange deliveries_range = {1, 1'000'000};
constexpr CountRange messages_range = {1, 1'000'000'000'000};
constexpr CountRange queue_bytes_range = {1ULL << 10U, 1ULL << 50U};
constexpr CountRange message_bytes_range = {1ULL << 10U, 64ULL << 20U};
constexpr CountRange transaction_bytes_range = {1ULL << 10U, 256ULL << 20U};
// A descriptor counts branches in 8 bits and gives a node up to two of them.
constexpr CountRange branches_range = {1, 120};
constexpr CountRange clients_range = {1, 1'000'000};
constexpr CountRange connects_range = {1, 1'000'000};
constexpr CountRange idle_links_range = {0, 1'000'000};
constexpr CountRange rate_range = {1, 1'000'000};
constexpr CountRange in_flight_range = {1, 1'000'000};
constexpr CountRange bytes_per_second_range = {1ULL << 10U, 1ULL << 40U};
// A descriptor counts nodes in 8 bits; a larger set only costs messages.
constexpr std::uint64_t witnesses_max = 99;

bool read_name(Section& section, std::string& name) {
  std::string text;
  if (!section.read_text("name", text)) return false;
  if (!is_name(text)) {
    section.error("name", '"' + text + "\" is no name; allowed: 1 to " +
                              std::to_string(name_bytes_max) +
                              " of the letters a-z, A-Z, digits, '.', '_', '-', the first a "
                              "letter, digit or '_'");
    return false;
  }
  name = text;
  return true;
}

bool is_path(const std::string& text) {
  return !text.empty() && text.find('\0') == std::string::npos;
}

}  // namespace

// [name], at most once.
const toml::table* FileReader::find_table(std::string_view name) {
  root_.know(name);
  const toml::node* const node = root_table_.get(name);
  if (node == nullptr) return nullptr;
  if (!node->is_table()) {
    root_.error(name, "must be one table; write it as [" + std::string(name) + "]");
  }
  return node->as_table();
}

// [[name]], any number of times.
std::vector<const toml::table*> FileReader::find_tables(std::string_view name) {
  std::vector<const toml::table*> tables;
  root_.read_tables(name, tables);
  return tables;
}

CheckedConfig FileReader::read(std::string_view host_name) {
  // Before anything with an address in it.
  read_security();
  read_node(host_name);
  const bool knows_nodes = read_peers();
  for (const toml::table* const table : find_tables("client")) {
    Section section(*table, "client", problems_);
    read_client(section);
    section.finish();
  }
  for (const toml::table* const table : find_tables("queue")) {
    Section section(*table, "queue", problems_);
    read_queue(section);
    section.finish();
  }
  if (knows_nodes) {
    read_transactions();
  } else {
    root_.know("transactions");
  }
  read_limits();
  root_.refuse_unsupported("http");
  root_.finish();
  CheckedConfig checked{.config = config_,
                        .errors = problems_.errors(),
                        .warnings = problems_.warnings(),
                        .member_errors = member_errors_};
  checked.errors.insert(checked.errors.end(), member_errors_.begin(), member_errors_.end());
  return checked;
}

// True when it is known which nodes there are.
bool FileReader::read_peers() {
  const std::vector<const toml::table*> tables = find_tables("peer");
  if (!config_.members.file.empty()) {
    if (!tables.empty()) {
      root_.error("peer",
                  "cannot be combined with `security.membership_file`, which has the nodes of the "
                  "mesh; take one of them out");
    }
    return operator_key_ && read_members();
  }
  for (const toml::table* const table : tables) {
    Section section(*table, "peer", problems_);
    read_peer(section);
    section.finish();
  }
  return true;
}

void FileReader::read_security() {
  const toml::table* const table = find_table("security");
  if (table == nullptr) return;
  Section section(*table, "security", problems_);
  section.read_flag("insecure", config_.insecure);
  read_secret_key_file(section);
  read_operator(section);
  section.finish();
}

void FileReader::read_secret_key_file(Section& section) {
  if (!section.read_text("secret_key_file", config_.secret_key_file)) return;
  if (!is_path(config_.secret_key_file)) {
    section.error("secret_key_file",
                  "is no path; allowed: the path of a file that nemcon keygen "
                  "wrote");
  }
  if (config_.insecure) {
    section.error("insecure",
                  "cannot be combined with `secret_key_file`, with which no link is "
                  "plain text; take one of them out");
  }
}

// Both or neither, and only with keys: without them a peer is who it says.
void FileReader::read_operator(Section& section) {
  MembersConfig& members = config_.members;
  const bool has_file = section.read_text("membership_file", members.file);
  if (has_file && !is_path(members.file)) {
    section.error("membership_file",
                  "is no path; allowed: the path of a file that nemcon membership sign wrote");
  }
  if (section.read_text("operator_key", members.operator_key)) {
    const auto key = transport::parse_operator_key(members.operator_key);
    if (key) {
      operator_key_ = *key;
    } else {
      section.error("operator_key", '"' + members.operator_key + "\" is " + key.error().detail);
    }
  }
  if (section.has("membership_file")) {
    section.require("operator_key");
    section.require("secret_key_file");
  }
  if (section.has("operator_key")) section.require("membership_file");
}

void FileReader::read_node(std::string_view host_name) {
  config_.name = default_config(host_name).name;
  const toml::table* const table = find_table("node");
  if (table == nullptr) return;
  Section section(*table, "node", problems_);
  read_name(section, config_.name);
  if (section.read_text("data", config_.data) && !is_path(config_.data)) {
    section.error("data", "is no path; allowed: the path of a directory");
  }
  read_listen(section);
  section.read_duration("scrub_interval", scrub_range, config_.scrub_interval);
  section.finish();
}

void FileReader::read_listen(Section& section) {
  std::vector<PlacedText> endpoints;
  if (!section.read_texts("listen", endpoints)) return;
  config_.listen.clear();
  for (const PlacedText& endpoint : endpoints) {
    check_local(section, "listen", endpoint, EndpointUse::listen);
    if (std::find(config_.listen.begin(), config_.listen.end(), endpoint.text) !=
        config_.listen.end()) {
      section.error_at(endpoint.place, "listen", '"' + endpoint.text + "\" is there twice");
    }
    config_.listen.push_back(endpoint.text);
  }
}

// Reports what is no endpoint, and plain text that would leave this machine unasked.
void FileReader::check_local(Section& section, std::string_view key, const PlacedText& endpoint,
                             EndpointUse use) {
  const auto checked = check_endpoint(endpoint.text, use);
  if (const auto* const wrong = std::get_if<std::string>(&checked)) {
    section.error_at(endpoint.place, key, *wrong);
    return;
  }
  if (std::get<EndpointFacts>(checked).local || !config_.secret_key_file.empty()) return;
  if (config_.insecure) {
    section.warning_at(endpoint.place, key,
                       '"' + endpoint.text +
                           "\" is INSECURE: links are plain text and anybody who reaches it is "
                           "trusted");
    return;
  }
  section.error_at(endpoint.place, key,
                   '"' + endpoint.text +
                       "\" leaves this machine, and without keys links are plain text; allowed: a "
                       "loopback address, an ipc path, or anything with `secret_key_file` (see "
                       "nemcon keygen) or `insecure = true` in [security]");
}

void FileReader::read_peer(Section& section) {
  PeerConfig peer;
  bool is_own = false;
  section.require("name");
  if (read_name(section, peer.name)) {
    peer_names_.take(section, "name", peer.name);
    is_own = peer.name == config_.name;
    if (is_own && config_.members.file.empty()) {
      section.error("name", '"' + peer.name + "\" is the name of this node");
    }
  }
  section.require("endpoint");
  if (section.read_text("endpoint", peer.endpoint)) {
    check_local(section, "endpoint", {peer.endpoint, section.place("endpoint")},
                EndpointUse::connect);
    endpoints_.take(section, "endpoint", peer.endpoint);
    if (!is_own && std::find(config_.listen.begin(), config_.listen.end(), peer.endpoint) !=
                       config_.listen.end()) {
      section.error("endpoint", '"' + peer.endpoint + "\" is where this node itself listens");
    }
  }
  read_public_keys(section, peer.public_keys);
  read_vouches(section, peer.vouches);
  config_.peers.push_back(std::move(peer));
}

// The nodes of the mesh out of the membership file. False when they are not known: nothing is read
// out of a file that the operator has not signed as it is.
bool FileReader::read_members() {
  MembersConfig& members = config_.members;
  const core::Result<FoundFile> found = find_file_(members.file);
  if (!found) {
    member_errors_ = {found.error().detail};
    return false;
  }
  members.file = found->path;
  Problems problems(members.file);
  const bool is_read = open_members(found->text, problems);
  for (const std::string& error : problems.errors())
    member_errors_.push_back(error);
  return is_read;
}

bool FileReader::open_members(const std::string& text, Problems& problems) {
  MembersConfig& members = config_.members;
  const auto opened = transport::open_members(text, *operator_key_);
  if (!opened) {
    member_errors_ = {members.file + ": " + opened.error().detail};
    return false;
  }
  members.serial = opened->serial;
  members.digest = opened->digest;
  const std::optional<toml::table> root = try_read_toml(opened->content, problems);
  if (!root) return false;
  Section section(*root, "", problems);
  section.know("serial");
  std::vector<const toml::table*> tables;
  if (!section.read_tables("peer", tables)) return false;
  for (const toml::table* const table : tables) {
    Section peer(*table, "peer", problems);
    read_member(peer);
    peer.finish();
  }
  section.finish();
  if (members.own_keys.empty() && problems.errors().empty()) {
    member_errors_ = {members.file + ": has no [[peer]] \"" + config_.name +
                      "\", so that this node is none of the mesh; have the operator add it, or "
                      "look at `node.name`"};
  }
  return problems.errors().empty() && member_errors_.empty();
}

// Every node has the same file, so that one of the peers in it is this node.
void FileReader::read_member(Section& section) {
  read_peer(section);
  PeerConfig& member = config_.peers.back();
  if (member.name != config_.name) return;
  config_.members.own_keys = member.public_keys;
  config_.peers.pop_back();
}

void FileReader::read_client(Section& section) {
  ClientConfig client;
  section.require("name");
  std::string text;
  const bool is_everybody = section.read_text("name", text) && text == "*";
  if (is_everybody) client.name = text;
  if (is_everybody || (!text.empty() && read_name(section, client.name))) {
    client_names_.take(section, "name", client.name);
  }
  if (is_everybody && section.has("public_key")) {
    section.error("public_key", "is one client's; \"*\" stands for all that have a name");
  }
  if (config_.secret_key_file.empty()) section.require("public_key");
  // Without one it connects to peers, which say who it is.
  if (section.has("public_key")) read_public_keys(section, client.public_keys);
  read_allow(section, client.allow);
  read_quota(section, client.quota);
  config_.clients.push_back(std::move(client));
}

// One key, or several that are all valid: so that one can be replaced without a pause.
void FileReader::read_public_keys(Section& section, std::vector<transport::PublicKey>& keys) {
  const bool has_own = !config_.secret_key_file.empty();
  if (has_own) section.require("public_key");
  std::vector<PlacedText> texts;
  if (!section.read_texts("public_key", texts)) return;
  if (!has_own) {
    section.error("public_key", "is of no use without a `secret_key_file` in [security]");
    return;
  }
  if (texts.size() > public_keys_max) {
    section.error("public_key", "holds " + std::to_string(texts.size()) + " keys; allowed: 1 to " +
                                    std::to_string(public_keys_max));
    return;
  }
  for (const PlacedText& text : texts) {
    const core::Result<transport::PublicKey> key = transport::parse_public_key(text.text);
    if (!key) {
      section.error_at(text.place, "public_key", '"' + text.text + "\" is " + key.error().detail);
      continue;
    }
    public_keys_.take(section, "public_key", text);
    keys.push_back(*key);
  }
}

// It counts what a client submits here: of one that only other nodes know, nothing.
void FileReader::read_quota(Section& section, core::QuotaOptions& quota) {
  section.read_count("max_rate", rate_range, quota.rate_max);
  section.read_count("max_in_flight", in_flight_range, quota.in_flight_max);
  section.read_bytes("max_bytes_per_second", bytes_per_second_range, quota.bytes_per_second_max);
  for (const char* const key : {"max_rate", "max_in_flight", "max_bytes_per_second"}) {
    if (!section.has(key) || section.has("public_key")) continue;
    section.error(key,
                  "is of no use without a `public_key`: it counts what a client submits at this "
                  "node; write it at the nodes that the client connects to");
  }
}

void FileReader::read_vouches(Section& section, std::vector<std::string>& vouches) {
  std::vector<PlacedText> texts;
  if (!section.read_texts("vouches", texts)) return;
  for (const PlacedText& text : texts) {
    if (!is_name_pattern(text.text)) {
      section.error_at(text.place, "vouches",
                       '"' + text.text +
                           "\" is no name of clients; allowed: the letters of a name, and * for "
                           "any letters");
      continue;
    }
    vouches.push_back(text.text);
  }
}

void FileReader::read_allow(Section& section, std::vector<std::string>& allow) {
  std::vector<PlacedText> texts;
  if (!section.read_texts("allow", texts)) return;
  for (const PlacedText& text : texts) {
    if (!is_permission(text.text)) {
      section.error_at(
          text.place, "allow",
          '"' + text.text +
              "\" is no permission; allowed: \"VERB NAME@NODE\" or \"VERB NAME\" with a "
              "VERB of send, consume, serve, call, browse, admin, and * in NAME and "
              "NODE for any letters");
      continue;
    }
    allow.push_back(text.text);
  }
}

void FileReader::read_queue(Section& section) {
  core::QueueOptions queue;
  section.require("name");
  if (read_name(section, queue.name)) {
    queue_names_.take(section, "name", queue.name);
    if (queue.name.ends_with(dead_suffix)) {
      section.error("name", '"' + queue.name +
                                "\" ends in .dead, which is for the dead-letter "
                                "queue that every queue has by itself");
    }
  }
  std::size_t choice = 0;
  if (section.read_choice("ordering", {"producer", "mesh", "none"}, choice)) {
    queue.ordering = static_cast<core::Ordering>(choice);
  }
  section.read_duration("lease", lease_range, queue.lease);
  std::uint64_t deliveries = queue.max_deliveries;
  section.read_count("max_deliveries", deliveries_range, deliveries);
  queue.max_deliveries = static_cast<std::uint32_t>(deliveries);
  section.read_count("max_messages", messages_range, queue.max_messages);
  section.read_bytes("max_bytes", queue_bytes_range, queue.max_bytes);
  if (section.read_choice("when_full", {"refuse", "wait"}, choice)) {
    queue.when_full = static_cast<core::WhenFull>(choice);
  }
  config_.queues.push_back(std::move(queue));
}

void FileReader::read_transactions() {
  // Any 3 nodes can lose one and go on; fewer have no majority without all of them.
  const std::size_t node_count = config_.peers.size() + 1;
  config_.witnesses = node_count >= 3 ? 3 : 1;
  const toml::table* const table = find_table("transactions");
  if (table == nullptr) return;
  Section section(*table, "transactions", problems_);
  read_witnesses(section);
  read_coordinator(section);
  section.read_duration("deadline", deadline_range, config_.deadline);
  section.finish();
}

void FileReader::read_witnesses(Section& section) {
  std::uint64_t witnesses = config_.witnesses;
  if (!section.read_count("witnesses", {1, witnesses_max}, witnesses)) return;
  const std::size_t node_count = config_.peers.size() + 1;
  if (witnesses % 2 == 0) {
    section.error("witnesses", std::to_string(witnesses) +
                                   " is even; allowed: 1, 3, 5, ... up to the number of "
                                   "nodes");
  } else if (witnesses > node_count) {
    section.error("witnesses", std::to_string(witnesses) +
                                   " is more than the nodes that are "
                                   "configured; allowed: 1 to " +
                                   std::to_string(node_count) + " (this node and every [[peer]])");
  }
  config_.witnesses = static_cast<std::uint32_t>(witnesses);
}

void FileReader::read_coordinator(Section& section) {
  if (!section.read_text("coordinator", config_.coordinator)) return;
  std::vector<std::string> names = {config_.name};
  for (const PeerConfig& peer : config_.peers)
    names.push_back(peer.name);
  if (std::find(names.begin(), names.end(), config_.coordinator) == names.end()) {
    std::string allowed;
    for (const std::string& name : names) {
      if (!allowed.empty()) allowed += ", ";
      allowed += '"' + name + '"';
    }
    section.error("coordinator", '"' + config_.coordinator +
                                     "\" is no node of this configuration; allowed: " + allowed);
  }
  if (section.has("witnesses")) {
    section.error("witnesses",
                  "cannot be combined with `coordinator`, which is the one witness of every vote");
  }
  config_.witnesses = 1;
}

void FileReader::read_limits() {
  const toml::table* const table = find_table("limits");
  if (table == nullptr) return;
  Section section(*table, "limits", problems_);
  core::Limits& limits = config_.limits;
  section.read_bytes("max_message_bytes", message_bytes_range, limits.message_bytes_max);
  section.read_bytes("max_transaction_bytes", transaction_bytes_range,
                     limits.transaction_bytes_max);
  if (limits.transaction_bytes_max < limits.message_bytes_max) {
    const bool here = section.has("max_transaction_bytes");
    section.error(here ? "max_transaction_bytes" : "max_message_bytes",
                  "a transaction (`max_transaction_bytes`) must have room for one message "
                  "(`max_message_bytes`)");
  }
  std::uint64_t branches = limits.branches_max;
  section.read_count("max_transaction_branches", branches_range, branches);
  limits.branches_max = static_cast<std::uint32_t>(branches);
  std::uint64_t clients = limits.clients_max;
  section.read_count("max_clients", clients_range, clients);
  limits.clients_max = static_cast<std::uint32_t>(clients);
  std::uint64_t connects = config_.connect_rate_max;
  section.read_count("max_connects_per_second", connects_range, connects);
  config_.connect_rate_max = static_cast<std::uint32_t>(connects);
  std::uint64_t idle_links = config_.idle_links_max;
  section.read_count("max_idle_links", idle_links_range, idle_links);
  config_.idle_links_max = static_cast<std::uint32_t>(idle_links);
  section.finish();
}

}  // namespace nemcon::node
