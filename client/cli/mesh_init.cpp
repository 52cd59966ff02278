// nemcon mesh init: one ready configuration file for each node of a new mesh.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <set>
#include <sstream>

#include <arpa/inet.h>

#include "client/cli/commands.hpp"
#include "client/cli/json.hpp"
#include "transport/endpoint.hpp"

namespace nemcon::cli {

namespace {

namespace fs = std::filesystem;

// Who runs the mesh: the one client that it knows at first.
constexpr const char* operator_name = "operator";

struct Member {
  std::string name;
  std::string endpoint;
  std::vector<std::string> queues;
  std::string public_key;  // Empty without keys.
};

bool is_name(const std::string& name) {
  const auto is_allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  };
  return !name.empty() && name.size() <= 100 && name.front() != '.' && name.front() != '-' &&
         std::all_of(name.begin(), name.end(), is_allowed);
}

bool has_keys(const MeshInitArguments& arguments) {
  return !arguments.no_keys && !arguments.insecure;
}

// What all listen at and all connect to.
void check_host(const std::string& host) {
  in_addr address{};
  const bool is_address = ::inet_pton(AF_INET, host.c_str(), &address) == 1;
  if (is_address && address.s_addr != INADDR_ANY) return;
  throw Misuse("--host " + host +
               ": write the IPv4 address of a network interface, such as 127.0.0.1; for nodes on "
               "several machines change the addresses in the files that are written");
}

void add_queue(std::vector<Member>& members, const std::string& address) {
  const std::size_t at = address.find('@');
  const std::string queue = address.substr(0, at);
  const std::string node = at == std::string::npos ? "" : address.substr(at + 1);
  const auto member =
      std::find_if(members.begin(), members.end(), [&](const Member& m) { return m.name == node; });
  if (member == members.end() || !is_name(queue)) {
    throw Misuse("--queue " + address + ": write QUEUE@NODE with one of the nodes that you name");
  }
  if (queue.ends_with(".dead")) {
    throw Misuse("--queue " + address +
                 ": a name that ends in .dead is for the dead-letter queue that every queue has by "
                 "itself");
  }
  if (std::ranges::find(member->queues, queue) != member->queues.end()) {
    throw Misuse("--queue " + address + " is given twice");
  }
  member->queues.push_back(queue);
}

std::vector<Member> members_of(const MeshInitArguments& arguments) {
  check_host(arguments.host);
  std::vector<Member> members;
  std::set<std::string> seen;
  std::uint32_t port = arguments.base_port;
  for (const std::string& name : arguments.names) {
    if (!is_name(name)) {
      throw Misuse("\"" + name +
                   "\" is no name for a node; allowed are 1 to 100 letters a-z, A-Z, digits, '.', "
                   "'_' and '-', the first one neither '.' nor '-'");
    }
    if (name == operator_name && has_keys(arguments)) {
      throw Misuse("\"operator\" is the name of the first client; give the node another one");
    }
    if (!seen.insert(name).second) throw Misuse("the node \"" + name + "\" is named twice");
    if (port > 65'535) throw Misuse("the ports from --base-port on do not suffice for all nodes");
    members.push_back({name, "tcp://" + arguments.host + ":" + std::to_string(port++), {}, {}});
  }
  for (const std::string& address : arguments.queues)
    add_queue(members, address);
  return members;
}

std::string names_of(const std::vector<Member>& members) {
  std::string names;
  for (const Member& member : members)
    names += (names.empty() ? "" : ", ") + member.name;
  return names;
}

// What the head of each file says of its keys.
void write_key_words(std::ostream& out, const Member& self) {
  if (self.public_key.empty()) {
    out << "# There are no keys in it: whoever reaches the port is trusted, and links are plain "
           "text.\n"
        << "# So nemcond takes only loopback addresses, unless [security] has insecure = true.\n\n";
    return;
  }
  out << "# The secret key is in " << self.name
      << ".key, for its owner only (mode 0600). Everything else here may be\n"
      << "# known to everybody. docs/operations.md says how to replace a key, and how to revoke "
         "one.\n\n";
}

std::string config_of(const Member& self, const std::vector<Member>& members,
                      const std::string& operator_key, const MeshInitArguments& arguments) {
  std::ostringstream out;
  out << "# Node \"" << self.name << "\" of a mesh of " << members.size() << ": "
      << names_of(members) << ".\n"
      << "# Written by `nemcon mesh init`; check it with `nemcond --check --config FILE`.\n"
      << "#\n";
  write_key_words(out, self);
  out << "[node]\n"
      << "name = \"" << self.name << "\"\n"
      << "data = \"nemcon-data/" << self.name << "\"\n"
      << "listen = [\"" << self.endpoint << "\"]\n";
  if (arguments.insecure) out << "\n[security]\ninsecure = true\n";
  if (!self.public_key.empty()) {
    out << "\n[security]\nsecret_key_file = \"" << self.name
        << ".key\"  # Beside this file. Its public key: " << self.public_key << "\n";
  }
  for (const Member& member : members) {
    if (member.name == self.name) continue;
    out << "\n[[peer]]\n"
        << "name = \"" << member.name << "\"\n"
        << "endpoint = \"" << member.endpoint << "\"\n";
    if (!member.public_key.empty()) out << "public_key = \"" << member.public_key << "\"\n";
  }
  if (!operator_key.empty()) {
    out << "\n# Who runs the mesh. Give each application a table and a key of its own: nemcon "
           "keygen.\n"
        << "[[client]]\n"
        << "name = \"" << operator_name << "\"\n"
        << "public_key = \"" << operator_key << "\"\n"
        << "allow = [\"send *@*\", \"consume *@*\", \"serve *@*\", \"call *@*\", "
        << "\"browse *@*\", \"admin *@*\"]\n";
  }
  const std::vector<std::string> queues =
      self.queues.empty() ? std::vector<std::string>{"inbox"} : self.queues;
  for (const std::string& queue : queues)
    out << "\n[[queue]]\nname = \"" << queue << "\"\n";
  return out.str();
}

std::string client_file_of(const std::vector<Member>& members) {
  std::ostringstream out;
  out << "# How \"" << operator_name << "\" reaches the mesh of " << names_of(members) << ":\n"
      << "#   nemcon --config THIS_FILE status      or      NEMCON_CONFIG=THIS_FILE\n"
      << "# Written by `nemcon mesh init`. The secret key is in " << operator_name << ".key.\n\n"
      << "[client]\n"
      << "secret_key_file = \"" << operator_name << ".key\"  # Beside this file.\n";
  for (const Member& member : members) {
    out << "\n[[node]]\n"
        << "name = \"" << member.name << "\"\n"
        << "endpoint = \"" << member.endpoint << "\"\n"
        << "public_key = \"" << member.public_key << "\"\n";
  }
  return out.str();
}

void write_file(const fs::path& file, const std::string& text) {
  std::ofstream stream(file, std::ios::binary);
  stream << text;
  stream.close();
  if (!stream) throw Refusal("cannot write " + file.string());
}

std::string make_key(const fs::path& file) {
  try {
    return make_key_file(file.string());
  } catch (const std::runtime_error& error) {
    throw Refusal(error.what());
  }
}

// Before anything is written.
void refuse_to_overwrite(const fs::path& directory, const std::vector<Member>& members,
                         bool with_keys) {
  std::vector<std::string> names;
  for (const Member& member : members) {
    names.push_back(member.name + ".toml");
    if (with_keys) names.push_back(member.name + ".key");
  }
  if (with_keys) {
    names.push_back(std::string(operator_name) + ".toml");
    names.push_back(std::string(operator_name) + ".key");
  }
  for (const std::string& name : names) {
    if (!fs::exists(directory / name)) continue;
    throw Refusal((directory / name).string() +
                  " is there already, and is not overwritten: take another --directory or move it "
                  "away");
  }
}

void tell_programs(const std::vector<Member>& members, const fs::path& directory, bool with_keys) {
  std::vector<std::string> nodes;
  for (const Member& member : members) {
    nodes.push_back(Json{}
                        .text("name", member.name)
                        .text("endpoint", member.endpoint)
                        .text("file", (directory / (member.name + ".toml")).string())
                        .text_if("public_key", member.public_key)
                        .str());
  }
  Json json;
  json.list("nodes", nodes).truth("keys", with_keys);
  if (with_keys) {
    json.text("client_file", (directory / (std::string(operator_name) + ".toml")).string());
  }
  std::cout << json.str() << "\n";
}

void tell_people(const std::vector<Member>& members, const fs::path& directory,
                 const MeshInitArguments& arguments) {
  std::cout << "Wrote one configuration for each of " << members.size()
            << " nodes. Start them:\n\n";
  for (const Member& member : members) {
    std::cout << "  nemcond --config " << (directory / (member.name + ".toml")).string() << "\n";
  }
  if (has_keys(arguments)) {
    const std::string file = (directory / (std::string(operator_name) + ".toml")).string();
    std::cout << "\nEach has a key of its own, and so has the first client, \"" << operator_name
              << "\". Ask the mesh:\n\n  nemcon --config " << file
              << " status\n\nThe files that end in .key are secret: a node needs its own and no "
                 "other.\n";
    return;
  }
  std::cout << "\nThere are no keys in them: links are plain text";
  if (transport::is_local_host(arguments.host)) {
    std::cout << ", which is fine on loopback.\n";
  } else if (arguments.insecure) {
    std::cout << ", and insecure = true lets everybody in who reaches the ports.\n";
  } else {
    std::cout << ", and " << arguments.host
              << " is not loopback:\nnemcond will refuse to start until there are keys, or "
                 "[security] has insecure = true (--insecure here).\n";
  }
}

}  // namespace

Exit run_mesh_init(const Globals& globals, const MeshInitArguments& arguments) {
  std::vector<Member> members = members_of(arguments);
  const bool with_keys = has_keys(arguments);
  const fs::path directory{arguments.directory};
  std::error_code error;
  fs::create_directories(directory, error);
  if (error) {
    throw Refusal("cannot make the directory " + directory.string() + ": " + error.message());
  }
  refuse_to_overwrite(directory, members, with_keys);
  std::string operator_key;
  if (with_keys) {
    operator_key = make_key(directory / (std::string(operator_name) + ".key"));
    for (Member& member : members)
      member.public_key = make_key(directory / (member.name + ".key"));
    write_file(directory / (std::string(operator_name) + ".toml"), client_file_of(members));
  }
  for (const Member& member : members) {
    write_file(directory / (member.name + ".toml"),
               config_of(member, members, operator_key, arguments));
  }
  if (globals.json) {
    tell_programs(members, directory, with_keys);
  } else {
    tell_people(members, directory, arguments);
  }
  return Exit::done;
}

}  // namespace nemcon::cli
