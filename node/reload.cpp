#include "node/reload.hpp"

#include <algorithm>
#include <cstdio>
#include <fstream>

namespace nemcon::node {

namespace {

template <class Named>
const Named* find_named(const std::vector<Named>& all, const std::string& name) {
  const auto found = std::ranges::find(all, name, &Named::name);
  return found == all.end() ? nullptr : &*found;
}

// Everything but peers and clients, as text: two of them are equal when nothing of it has changed.
std::string text_of_rest(Config config) {
  config.peers.clear();
  config.clients.clear();
  config.secret_key_file.clear();
  config.members = {};
  return to_text(config);
}

void compare_peers(const Config& running, const Config& next, Reload& reload) {
  for (const PeerConfig& peer : next.peers) {
    const std::string what = "peer " + peer.name + ": ";
    const PeerConfig* const before = find_named(running.peers, peer.name);
    if (before == nullptr) {
      reload.needs_restart.push_back(what + "is new");
      continue;
    }
    if (before->public_keys != peer.public_keys) reload.changed.push_back(what + "public_key");
    if (before->vouches != peer.vouches) reload.changed.push_back(what + "vouches");
    if (before->endpoint != peer.endpoint) reload.needs_restart.push_back(what + "endpoint");
  }
  for (const PeerConfig& peer : running.peers) {
    if (find_named(next.peers, peer.name) != nullptr) continue;
    if (!peer.public_keys.empty()) {
      reload.changed.push_back("peer " + peer.name + ": its keys are not valid any more");
    }
    reload.needs_restart.push_back("peer " + peer.name + ": is gone");
  }
}

// Where they are said, and by whom.
void compare_members_said(const MembersConfig& running, const MembersConfig& next, Reload& reload) {
  const auto change = [&](const std::string& what) {
    reload.changed.push_back("[security] " + what);
  };
  if (running.file != next.file) change("membership_file");
  if (running.operator_key != next.operator_key) change("operator_key");
  if (!next.file.empty() && running.serial != next.serial) {
    change("membership_file: serial " + std::to_string(running.serial) + " became " +
           std::to_string(next.serial));
  }
}

void compare_clients(const Config& running, const Config& next, Reload& reload) {
  for (const ClientConfig& client : next.clients) {
    const std::string what = "client " + client.name + ": ";
    const ClientConfig* const before = find_named(running.clients, client.name);
    if (before == nullptr) {
      reload.changed.push_back(what + "is new");
      continue;
    }
    if (before->public_keys != client.public_keys) reload.changed.push_back(what + "public_key");
    if (before->allow != client.allow) reload.changed.push_back(what + "allow");
    if (before->quota != client.quota) reload.changed.push_back(what + "quota");
  }
  for (const ClientConfig& client : running.clients) {
    if (find_named(next.clients, client.name) != nullptr) continue;
    reload.changed.push_back("client " + client.name + ": is gone");
  }
}

// The tables of which some line is different.
void compare_rest(const Config& running, const Config& next, Reload& reload) {
  if (text_of_rest(running) == text_of_rest(next)) return;
  const auto check = [&](const char* what, const auto& set) {
    Config changed = running;
    set(changed);
    if (text_of_rest(changed) != text_of_rest(running)) reload.needs_restart.emplace_back(what);
  };
  check("[node] name", [&](Config& c) { c.name = next.name; });
  check("[node] data", [&](Config& c) { c.data = next.data; });
  check("[node] listen", [&](Config& c) { c.listen = next.listen; });
  check("[node] scrub_interval", [&](Config& c) { c.scrub_interval = next.scrub_interval; });
  check("[security] insecure", [&](Config& c) { c.insecure = next.insecure; });
  check("[[queue]]", [&](Config& c) { c.queues = next.queues; });
  check("[transactions]", [&](Config& c) {
    c.witnesses = next.witnesses;
    c.coordinator = next.coordinator;
    c.deadline = next.deadline;
  });
  check("[limits]", [&](Config& c) {
    c.limits = next.limits;
    c.connect_rate_max = next.connect_rate_max;
    c.idle_links_max = next.idle_links_max;
  });
}

}  // namespace

Reload compare(const Config& running, const Config& next) {
  Reload reload;
  if (running.secret_key_file.empty() != next.secret_key_file.empty()) {
    reload.needs_restart.emplace_back("[security] secret_key_file");
  }
  compare_members_said(running.members, next.members, reload);
  compare_peers(running, next, reload);
  compare_clients(running, next, reload);
  compare_rest(running, next, reload);
  return reload;
}

void write_answer(const std::string& data, bool is_refused, const std::vector<std::string>& lines) {
  const std::string file = data + "/reloaded";
  {
    std::ofstream stream(file + ".new", std::ios::trunc);
    stream << (is_refused ? "refused" : "reloaded") << '\n';
    for (const std::string& line : lines)
      stream << line << '\n';
  }
  // Whole, or not there.
  std::rename((file + ".new").c_str(), file.c_str());
}

}  // namespace nemcon::node
