// The other direction of config.cpp: a Config as text.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <sstream>
#include <string>
#include <string_view>

#include "node/config.hpp"
#include "node/units.hpp"

namespace nemcon::node {

namespace {

// Takes one character off the front. Strings of a TOML file are valid UTF-8.
std::uint32_t take_character(std::string_view& text) {
  const auto byte = [&](std::size_t at) {
    return at < text.size() ? static_cast<unsigned char>(text[at]) : 0U;
  };
  const std::uint32_t first = byte(0);
  const std::size_t more = first < 0x80 ? 0 : first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
  std::uint32_t character = more == 0 ? first : first & (0x3fU >> more);
  for (std::size_t at = 1; at <= more; ++at)
    character = character << 6U | (byte(at) & 0x3fU);
  text.remove_prefix(std::min(more + 1, text.size()));
  return character;
}

// A basic string of TOML, in ASCII: other letters are read as escapes only (config_toml.cpp).
std::string quoted(std::string_view value) {
  std::string text = "\"";
  while (!value.empty()) {
    const std::uint32_t character = take_character(value);
    if (character == '"' || character == '\\') {
      text += '\\';
      text += static_cast<char>(character);
    } else if (character < 0x20 || character >= 0x7f) {
      std::array<char, 12> escape{};
      std::snprintf(escape.data(), escape.size(), "\\U%08x", character);
      text += escape.data();
    } else {
      text += static_cast<char>(character);
    }
  }
  return text + '"';
}

const char* when_full_text(core::WhenFull when_full) {
  switch (when_full) {
    case core::WhenFull::refuse:
      return "refuse";
    case core::WhenFull::wait:
      return "wait";
    case core::WhenFull::drop_oldest:
      return "drop_oldest";
  }
  return "";
}

// One key, or an array of them.
void write_keys(std::ostringstream& out, const std::vector<transport::PublicKey>& keys) {
  if (keys.empty()) return;
  out << "public_key = [";
  for (const transport::PublicKey& key : keys) {
    if (&key != &keys.front()) out << ", ";
    out << quoted(transport::to_text(key));
  }
  out << "]\n";
}

void write_texts(std::ostringstream& out, const char* key, const std::vector<std::string>& texts) {
  if (texts.empty()) return;
  out << key << " = [";
  for (const std::string& text : texts) {
    if (&text != &texts.front()) out << ", ";
    out << quoted(text);
  }
  out << "]\n";
}

std::string peer_text(const PeerConfig& peer) {
  std::ostringstream out;
  out << "\n[[peer]]\nname = " << quoted(peer.name) << "\nendpoint = " << quoted(peer.endpoint)
      << '\n';
  write_keys(out, peer.public_keys);
  write_texts(out, "vouches", peer.vouches);
  return out.str();
}

// What the membership file has is said, but in comments.
void write_peers(std::ostringstream& out, const Config& config) {
  const MembersConfig& members = config.members;
  if (members.file.empty()) {
    for (const PeerConfig& peer : config.peers)
      out << peer_text(peer);
    return;
  }
  out << "membership_file = " << quoted(members.file)
      << "\noperator_key = " << quoted(members.operator_key)
      << "\n\n# Of the membership file, serial " << members.serial << ":\n";
  for (const PeerConfig& peer : config.peers) {
    std::istringstream lines{peer_text(peer)};
    for (std::string line; std::getline(lines, line);)
      out << (line.empty() ? "#" : "# ") << line << '\n';
  }
}

void write_client(std::ostringstream& out, const ClientConfig& client) {
  out << "\n[[client]]\nname = " << quoted(client.name) << '\n';
  write_keys(out, client.public_keys);
  write_texts(out, "allow", client.allow);
  const core::QuotaOptions& quota = client.quota;
  if (quota.rate_max != 0) out << "max_rate = " << quota.rate_max << '\n';
  if (quota.in_flight_max != 0) out << "max_in_flight = " << quota.in_flight_max << '\n';
  if (quota.bytes_per_second_max != 0) {
    out << "max_bytes_per_second = " << quoted(bytes_text(quota.bytes_per_second_max)) << '\n';
  }
}

void write_queue(std::ostringstream& out, const core::QueueOptions& queue) {
  out << "\n[[queue]]  # Its dead-letter queue is " << quoted(queue.name + ".dead") << ".\n"
      << "name = " << quoted(queue.name) << '\n'
      << "ordering = " << quoted(core::to_text(queue.ordering)) << '\n'
      << "lease = " << quoted(duration_text(queue.lease)) << '\n'
      << "max_deliveries = " << queue.max_deliveries << '\n'
      << "max_messages = " << queue.max_messages << '\n'
      << "max_bytes = " << quoted(bytes_text(queue.max_bytes)) << '\n'
      << "when_full = " << quoted(when_full_text(queue.when_full)) << '\n';
}

}  // namespace

std::string describe_mode(const Config& config) {
  const std::size_t node_count = config.peers.size() + 1;
  if (node_count == 1) return "alone: every transaction is decided by this node";
  if (!config.coordinator.empty()) {
    return "mode C: " + config.coordinator +
           " is the one witness of every vote; while it is down, prepared work waits for it";
  }
  if (config.witnesses == 1) {
    return "mode S: each node is the only witness of its own vote; while one that voted is down, "
           "what it voted on waits for it";
  }
  const std::uint32_t survived = config.witnesses / 2;
  return "mode X: " + std::to_string(config.witnesses) + " of " + std::to_string(node_count) +
         " nodes hold each vote; any " + std::to_string(survived) + " of them may be down";
}

std::string to_text(const Config& config) {
  std::ostringstream out;
  out << "# " << describe_mode(config) << ".\n"
      << "[node]\n"
      << "name = " << quoted(config.name) << '\n'
      << "data = " << quoted(config.data) << '\n'
      << "listen = [";
  for (const std::string& endpoint : config.listen) {
    if (&endpoint != &config.listen.front()) out << ", ";
    out << quoted(endpoint);
  }
  out << "]\nscrub_interval = " << quoted(duration_text(config.scrub_interval))
      << "\n\n[security]\n";
  if (!config.secret_key_file.empty()) {
    out << "secret_key_file = " << quoted(config.secret_key_file) << '\n';
  }
  out << "insecure = " << (config.insecure ? "true" : "false") << '\n';
  write_peers(out, config);
  for (const ClientConfig& client : config.clients)
    write_client(out, client);
  for (const core::QueueOptions& queue : config.queues)
    write_queue(out, queue);
  out << "\n[transactions]\n";
  if (config.coordinator.empty()) {
    out << "witnesses = " << config.witnesses << '\n';
  } else {
    out << "coordinator = " << quoted(config.coordinator) << '\n';
  }
  const core::Limits& limits = config.limits;
  out << "deadline = " << quoted(duration_text(config.deadline)) << '\n'
      << "\n[limits]\n"
      << "max_message_bytes = " << quoted(bytes_text(limits.message_bytes_max)) << '\n'
      << "max_transaction_bytes = " << quoted(bytes_text(limits.transaction_bytes_max)) << '\n'
      << "max_transaction_branches = " << limits.branches_max << '\n'
      << "max_clients = " << limits.clients_max << '\n'
      << "max_connects_per_second = " << config.connect_rate_max << '\n'
      << "max_idle_links = " << config.idle_links_max << '\n';
  return out.str();
}

}  // namespace nemcon::node
