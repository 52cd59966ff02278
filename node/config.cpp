#include "node/config.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "node/config_section.hpp"
#include "node/endpoint.hpp"
#include "node/names.hpp"

namespace nemcon::node {

namespace {

using namespace std::chrono_literals;

// A configuration of a thousand peers has about 200 KiB; more is some other file.
constexpr std::size_t file_bytes_max = 4U << 20U;
constexpr std::string_view dead_suffix = ".dead";
// Of one peer or client: two suffice to replace one.
constexpr std::size_t public_keys_max = 8;

constexpr DurationRange lease_range = {10ms, 24h};
constexpr DurationRange deadline_range = {10ms, 1h};
constexpr CountRange deliveries_range = {1, 1'000'000};
constexpr CountRange messages_range = {1, 1'000'000'000'000};
constexpr CountRange queue_bytes_range = {1ULL << 10U, 1ULL << 50U};
constexpr CountRange message_bytes_range = {1ULL << 10U, 64ULL << 20U};
constexpr CountRange transaction_bytes_range = {1ULL << 10U, 256ULL << 20U};
// A descriptor counts branches in 8 bits and gives a node up to two of them.
constexpr CountRange branches_range = {1, 120};
constexpr CountRange clients_range = {1, 1'000'000};
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

// Names that are taken, and the line that took them.
class Taken {
 public:
  // Reports `name` when it was taken before.
  void take(Section& section, std::string_view key, const std::string& name) {
    take(section, key, {name, section.place(key)});
  }

  void take(Section& section, std::string_view key, const PlacedText& name) {
    const auto [first, is_new] = lines_.emplace(name.text, name.place.line);
    if (is_new) return;
    section.error_at(
        name.place, key,
        '"' + name.text + "\" is already taken in line " + std::to_string(first->second));
  }

 private:
  std::map<std::string, std::uint32_t> lines_;
};

class FileReader {
 public:
  FileReader(const toml::table& root, std::string_view file)
      : problems_(file), root_(root, "", problems_), root_table_(root) {}

  CheckedConfig read(std::string_view host_name);

 private:
  const toml::table* find_table(std::string_view name);
  std::vector<const toml::table*> find_tables(std::string_view name);

  void read_security();
  void read_node(std::string_view host_name);
  void read_listen(Section& section);
  void read_peer(Section& section);
  void read_client(Section& section);
  void read_allow(Section& section, std::vector<std::string>& allow);
  void read_vouches(Section& section, std::vector<std::string>& vouches);
  void read_public_keys(Section& section, std::vector<transport::PublicKey>& keys);
  void read_queue(Section& section);
  void read_transactions();
  void read_witnesses(Section& section);
  void read_coordinator(Section& section);
  void read_limits();
  void check_local(Section& section, std::string_view key, const PlacedText& endpoint,
                   EndpointUse use);

  Problems problems_;
  Section root_;
  const toml::table& root_table_;
  Config config_;
  Taken peer_names_;
  Taken client_names_;
  Taken public_keys_;
  Taken queue_names_;
  Taken endpoints_;
};

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
  root_.know(name);
  const toml::node* const node = root_table_.get(name);
  if (node == nullptr) return {};
  std::vector<const toml::table*> tables;
  if (const toml::array* const array = node->as_array()) {
    for (const toml::node& element : *array) {
      if (element.is_table()) tables.push_back(element.as_table());
    }
    if (tables.size() == array->size()) return tables;
  }
  root_.error(name, "must be a list of tables; write each as [[" + std::string(name) + "]]");
  return {};
}

CheckedConfig FileReader::read(std::string_view host_name) {
  // Before anything with an address in it.
  read_security();
  read_node(host_name);
  for (const toml::table* const table : find_tables("peer")) {
    Section section(*table, "peer", problems_);
    read_peer(section);
    section.finish();
  }
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
  read_transactions();
  read_limits();
  root_.refuse_unsupported("http");
  root_.finish();
  return {config_, problems_.errors(), problems_.warnings()};
}

void FileReader::read_security() {
  const toml::table* const table = find_table("security");
  if (table == nullptr) return;
  Section section(*table, "security", problems_);
  section.read_flag("insecure", config_.insecure);
  if (section.read_text("secret_key_file", config_.secret_key_file)) {
    if (config_.secret_key_file.empty() ||
        config_.secret_key_file.find('\0') != std::string::npos) {
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
  section.finish();
}

void FileReader::read_node(std::string_view host_name) {
  config_.name = default_config(host_name).name;
  const toml::table* const table = find_table("node");
  if (table == nullptr) return;
  Section section(*table, "node", problems_);
  read_name(section, config_.name);
  if (section.read_text("data", config_.data) &&
      (config_.data.empty() || config_.data.find('\0') != std::string::npos)) {
    section.error("data", "is no path; allowed: the path of a directory");
  }
  read_listen(section);
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
  section.require("name");
  if (read_name(section, peer.name)) {
    peer_names_.take(section, "name", peer.name);
    if (peer.name == config_.name) {
      section.error("name", '"' + peer.name + "\" is the name of this node");
    }
  }
  section.require("endpoint");
  if (section.read_text("endpoint", peer.endpoint)) {
    check_local(section, "endpoint", {peer.endpoint, section.place("endpoint")},
                EndpointUse::connect);
    endpoints_.take(section, "endpoint", peer.endpoint);
    if (std::find(config_.listen.begin(), config_.listen.end(), peer.endpoint) !=
        config_.listen.end()) {
      section.error("endpoint", '"' + peer.endpoint + "\" is where this node itself listens");
    }
  }
  read_public_keys(section, peer.public_keys);
  read_vouches(section, peer.vouches);
  config_.peers.push_back(std::move(peer));
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
  section.finish();
}

CheckedConfig refused(std::string_view file, const std::string& why) {
  CheckedConfig checked;
  checked.errors.push_back(std::string(file) + ": " + why);
  return checked;
}

}  // namespace

Config default_config(std::string_view host_name) {
  Config config;
  for (const char c : host_name.substr(0, name_bytes_max)) {
    config.name += is_name_byte(c) ? c : '-';
  }
  if (!is_name(config.name)) config.name = "node";
  core::QueueOptions inbox;
  inbox.name = "inbox";
  config.queues.push_back(std::move(inbox));
  return config;
}

namespace {

// The parser of Debian 12 has undefined behaviour on some characters that are not ASCII. In
// comments they are replaced; elsewhere the line of the first is the result, and strings have
// \uXXXX for them.
std::optional<std::uint32_t> try_make_ascii(std::string& text) {
  // In a string over several lines a # begins no comment.
  const bool has_long_strings =
      text.find("\"\"\"") != std::string::npos || text.find("'''") != std::string::npos;
  std::uint32_t line = 1;
  char quote = 0;  // Of the string, or # in a comment.
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char letter = text[at];
    if (letter == '\n') {
      ++line;
      quote = 0;
    } else if (static_cast<unsigned char>(letter) >= 0x80) {
      if (quote != '#' || has_long_strings) return line;
      text[at] = '?';
    } else if (quote == 0 && (letter == '"' || letter == '\'' || letter == '#')) {
      quote = letter;
    } else if (quote == '"' && letter == '\\' && at + 1 < text.size() && text[at + 1] == '"') {
      ++at;
    } else if (quote != '#' && letter == quote) {
      quote = 0;
    }
  }
  return std::nullopt;
}

std::optional<toml::parse_result> try_parse(std::string_view text) {
  try {
    return toml::parse(text);
  } catch (const ParserFault&) {
    return std::nullopt;
  }
}

// The first line with which the parser does not get on.
std::uint32_t find_faulty_line(std::string_view text) {
  std::uint32_t line = 1;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '\n') continue;
    if (!try_parse(text.substr(0, at))) return line;
    ++line;
  }
  return line;
}

CheckedConfig not_toml(std::string_view file, const Place& place, const std::string& why) {
  Problems problems(file);
  problems.error(place, "is not TOML: " + why);
  CheckedConfig checked;
  checked.errors = problems.errors();
  return checked;
}

}  // namespace

CheckedConfig parse_config(std::string_view text, std::string_view file,
                           std::string_view host_name) {
  std::string ascii{text};
  if (const std::optional<std::uint32_t> line = try_make_ascii(ascii)) {
    return not_toml(
        file, {.line = *line, .column = 1},
        "outside of comments only ASCII characters are allowed; a string may have them as "
        "\\uXXXX");
  }
  const std::optional<toml::parse_result> parsed = try_parse(ascii);
  if (!parsed) {
    return not_toml(file, {.line = find_faulty_line(ascii), .column = 1},
                    "a key or the name of a table begins with what no name may begin with");
  }
  if (!*parsed) {
    return not_toml(file, place_of(parsed->error().source()),
                    std::string(parsed->error().description()));
  }
  return FileReader(parsed->table(), file).read(host_name);
}

CheckedConfig read_config(const std::string& file, std::string_view host_name) {
  errno = 0;
  std::ifstream stream(file, std::ios::binary);
  std::string text;
  char part[4096];
  while (stream && text.size() <= file_bytes_max) {
    stream.read(part, sizeof part);
    text.append(part, static_cast<std::size_t>(stream.gcount()));
  }
  if (text.size() > file_bytes_max) return refused(file, "is too large for a configuration");
  // A directory opens, and fails at the first read.
  if (!stream.eof()) return refused(file, std::string("cannot be read: ") + std::strerror(errno));
  CheckedConfig checked = parse_config(text, file, host_name);
  std::string& key_file = checked.config.secret_key_file;
  if (!key_file.empty() && !key_file.starts_with('/')) {
    key_file = (std::filesystem::path(file).parent_path() / key_file).string();
  }
  return checked;
}

core::Options engine_options(const Config& config) {
  core::Options options;
  options.name = config.name;
  std::uint32_t index = 0;
  for (const PeerConfig& peer : config.peers) {
    options.peers.push_back({core::PeerIndex{index++}, peer.name});
    options.permissions.vouches.push_back({.peer = peer.name, .clients = peer.vouches});
  }
  options.permissions.secured = !config.secret_key_file.empty();
  for (const ClientConfig& client : config.clients) {
    options.permissions.clients.push_back({.name = client.name, .allow = client.allow});
  }
  options.queues = config.queues;
  options.witnesses = config.witnesses;
  options.coordinator = config.coordinator;
  options.limits = config.limits;
  // New work waits when this is full; one transaction must always fit, with room beside it.
  options.limits.overlay_bytes_max =
      std::max(options.limits.overlay_bytes_max, 2 * options.limits.transaction_bytes_max);
  core::Timing& timing = options.timing;
  timing.deadline_max = config.deadline;
  timing.deadline = std::min(timing.deadline, config.deadline);
  timing.service_deadline = std::min(timing.service_deadline, config.deadline);
  return options;
}

}  // namespace nemcon::node
