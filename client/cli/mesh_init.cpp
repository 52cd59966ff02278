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

namespace nemcon::cli {

namespace {

namespace fs = std::filesystem;

struct Member {
  std::string name;
  std::string endpoint;
  std::vector<std::string> queues;
};

bool is_name(const std::string& name) {
  const auto is_allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  };
  return !name.empty() && name.size() <= 100 && name.front() != '.' && name.front() != '-' &&
         std::all_of(name.begin(), name.end(), is_allowed);
}

bool is_loopback(const std::string& host) {
  return host.starts_with("127.");
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
    if (!seen.insert(name).second) throw Misuse("the node \"" + name + "\" is named twice");
    if (port > 65'535) throw Misuse("the ports from --base-port on do not suffice for all nodes");
    members.push_back({name, "tcp://" + arguments.host + ":" + std::to_string(port++), {}});
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

std::string config_of(const Member& self, const std::vector<Member>& members,
                      const MeshInitArguments& arguments) {
  std::ostringstream out;
  out << "# Node \"" << self.name << "\" of a mesh of " << members.size() << ": "
      << names_of(members) << ".\n"
      << "# Written by `nemcon mesh init`; check it with `nemcond --check --config FILE`.\n"
      << "#\n"
      << "# There are no keys in it: whoever reaches the port is trusted, and links are plain "
         "text.\n"
      << "# So nemcond takes only loopback addresses, unless [security] has insecure = true.\n\n"
      << "[node]\n"
      << "name = \"" << self.name << "\"\n"
      << "data = \"nemcon-data/" << self.name << "\"\n"
      << "listen = [\"" << self.endpoint << "\"]\n";
  if (arguments.insecure) out << "\n[security]\ninsecure = true\n";
  for (const Member& member : members) {
    if (member.name == self.name) continue;
    out << "\n[[peer]]\n"
        << "name = \"" << member.name << "\"\n"
        << "endpoint = \"" << member.endpoint << "\"\n";
  }
  const std::vector<std::string> queues =
      self.queues.empty() ? std::vector<std::string>{"inbox"} : self.queues;
  for (const std::string& queue : queues)
    out << "\n[[queue]]\nname = \"" << queue << "\"\n";
  return out.str();
}

}  // namespace

Exit run_mesh_init(const Globals& globals, const MeshInitArguments& arguments) {
  const std::vector<Member> members = members_of(arguments);
  const fs::path directory{arguments.directory};
  std::error_code error;
  fs::create_directories(directory, error);
  if (error) {
    throw Refusal("cannot make the directory " + directory.string() + ": " + error.message());
  }
  std::vector<fs::path> files;
  for (const Member& member : members)
    files.push_back(directory / (member.name + ".toml"));
  for (const fs::path& file : files) {
    if (!fs::exists(file)) continue;
    throw Refusal(file.string() +
                  " is there already, and is not overwritten: take another --directory or move it "
                  "away");
  }
  for (std::size_t i = 0; i < members.size(); ++i) {
    std::ofstream stream(files[i], std::ios::binary);
    stream << config_of(members[i], members, arguments);
    stream.close();
    if (!stream) throw Refusal("cannot write " + files[i].string());
  }
  const bool is_local = is_loopback(arguments.host);
  if (globals.json) {
    std::vector<std::string> nodes;
    for (std::size_t i = 0; i < members.size(); ++i) {
      nodes.push_back(Json{}
                          .text("name", members[i].name)
                          .text("endpoint", members[i].endpoint)
                          .text("file", files[i].string())
                          .str());
    }
    std::cout << Json{}.list("nodes", nodes).truth("keys", false).str() << "\n";
    return Exit::done;
  }
  std::cout << "Wrote one configuration for each of " << members.size()
            << " nodes. Start them:\n\n";
  for (const fs::path& file : files) {
    std::cout << "  nemcond --config " << file.string() << "\n";
  }
  std::cout << "\nThere are no keys in them: links are plain text";
  if (is_local) {
    std::cout << ", which is fine on loopback.\n";
  } else if (arguments.insecure) {
    std::cout << ", and insecure = true lets everybody in who reaches the ports.\n";
  } else {
    std::cout << ", and " << arguments.host
              << " is not loopback:\nnemcond will refuse to start until [security] has insecure = "
                 "true (or --insecure here).\n";
  }
  return Exit::done;
}

}  // namespace nemcon::cli
