// FileReader: the tables of a configuration file, and of the membership file that it names, one
// after the other, into a Config.
//
// Parse time only, on the thread that calls parse_config().
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "node/config.hpp"
#include "node/config_section.hpp"
#include "node/endpoint.hpp"
#include "transport/operator_key.hpp"

namespace nemcon::node {

// Names that are taken, and the file and line that took them.
class Taken {
 public:
  // Reports `name` when it was taken before.
  void take(Section& section, std::string_view key, const std::string& name) {
    take(section, key, {name, section.place(key)});
  }

  void take(Section& section, std::string_view key, const PlacedText& name) {
    const auto [first, is_new] = taken_.emplace(name.text, Taker{section.file(), name.place.line});
    if (is_new) return;
    const auto& [file, line] = first->second;
    section.error_at(name.place, key,
                     '"' + name.text + "\" is already taken in line " + std::to_string(line) +
                         (file == section.file() ? "" : " of " + file));
  }

 private:
  struct Taker {
    std::string file;
    std::uint32_t line = 0;
  };

  std::map<std::string, Taker> taken_;
};

struct FoundFile {
  std::string path;
  std::string text;
};

// A file that the configuration names. An error's text begins with its path.
using FindFile = std::function<core::Result<FoundFile>(const std::string&)>;

class FileReader {
 public:
  FileReader(const toml::table& root, Problems& problems, const FindFile& find_file)
      : problems_(problems), root_(root, "", problems_), root_table_(root), find_file_(find_file) {}

  CheckedConfig read(std::string_view host_name);

 private:
  const toml::table* find_table(std::string_view name);
  std::vector<const toml::table*> find_tables(std::string_view name);

  void read_security();
  void read_secret_key_file(Section& section);
  void read_operator(Section& section);
  bool read_peers();
  bool read_members();
  bool open_members(const std::string& text, Problems& problems);
  void read_member(Section& section);
  void read_node(std::string_view host_name);
  void read_listen(Section& section);
  void read_peer(Section& section);
  void read_client(Section& section);
  void read_allow(Section& section, std::vector<std::string>& allow);
  void read_quota(Section& section, core::QuotaOptions& quota);
  void read_vouches(Section& section, std::vector<std::string>& vouches);
  void read_public_keys(Section& section, std::vector<transport::PublicKey>& keys);
  void read_queue(Section& section);
  void read_transactions();
  void read_witnesses(Section& section);
  void read_coordinator(Section& section);
  void read_limits();
  void check_local(Section& section, std::string_view key, const PlacedText& endpoint,
                   EndpointUse use);

  Problems& problems_;
  Section root_;
  const toml::table& root_table_;
  const FindFile& find_file_;
  Config config_;
  std::optional<transport::OperatorKey> operator_key_;
  std::vector<std::string> member_errors_;
  Taken peer_names_;
  Taken client_names_;
  Taken public_keys_;
  Taken queue_names_;
  Taken endpoints_;
};

}  // namespace nemcon::node
