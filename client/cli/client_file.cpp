#include "client/cli/client_file.hpp"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <string_view>

#include "client/cli/commands.hpp"
#include "client/cli/whole_file.hpp"

namespace nemcon::cli {

namespace {

// Thrown where the parser would end the process: see node/config_section.hpp.
struct ParserFault {};

[[noreturn]] void throw_parser_fault() {
  throw ParserFault{};
}

}  // namespace

}  // namespace nemcon::cli

#pragma push_macro("NDEBUG")
#undef NDEBUG
#define TOML_ASSERT(condition) \
  ((condition) ? static_cast<void>(0) : ::nemcon::cli::throw_parser_fault())
#define TOML_EXCEPTIONS 0
#define TOML_HEADER_ONLY 1
#include <toml++/toml.h>
#pragma pop_macro("NDEBUG")

namespace nemcon::cli {

namespace {

constexpr std::size_t file_bytes_max = std::size_t{1} << 20U;

class FileReader {
 public:
  explicit FileReader(std::string file) : file_(std::move(file)) {}

  ClientFile read(const toml::table& root) {
    ClientFile read;
    check_keys(root, {"client", "node"});
    if (const toml::node* const client = root.get("client")) {
      const toml::table& table = table_of(*client, "[client]");
      check_keys(table, {"secret_key_file", "insecure"});
      if (const toml::node* const insecure = table.get("insecure")) {
        const std::optional<bool> flag = insecure->value_exact<bool>();
        if (!flag) fail(*insecure, "`insecure` must be true or false");
        read.insecure = *flag;
      }
      if (table.contains("secret_key_file")) read.secret_key_file = text(table, "secret_key_file");
      const bool is_relative =
          !read.secret_key_file.empty() && !read.secret_key_file.starts_with('/');
      if (is_relative) {
        read.secret_key_file =
            (std::filesystem::path(file_).parent_path() / read.secret_key_file).string();
      }
    }
    const toml::node* const nodes = root.get("node");
    const toml::array* const array = nodes == nullptr ? nullptr : nodes->as_array();
    if (array == nullptr || array->empty()) fail(root, "has no [[node]]; write one for each node");
    for (const toml::node& node : *array)
      read.nodes.push_back(read_node(table_of(node, "[[node]]"), !read.secret_key_file.empty()));
    return read;
  }

 private:
  [[noreturn]] void fail(const toml::node& where, const std::string& what) const {
    throw Misuse(file_ + ":" + std::to_string(where.source().begin.line) + ": " + what);
  }

  const toml::table& table_of(const toml::node& node, const std::string& form) const {
    const toml::table* const table = node.as_table();
    if (table == nullptr) fail(node, "write it as " + form);
    return *table;
  }

  void check_keys(const toml::table& table, const std::vector<std::string_view>& allowed) const {
    for (auto&& [key, node] : table) {
      if (std::ranges::find(allowed, std::string_view{key.str()}) != allowed.end()) continue;
      std::string list;
      for (const std::string_view name : allowed)
        list += (list.empty() ? "" : ", ") + std::string(name);
      fail(node, "unknown key `" + std::string(key.str()) + "`; allowed: " + list);
    }
  }

  [[nodiscard]] std::string text(const toml::table& table, const char* key) const {
    const std::optional<std::string> value = table[key].value_exact<std::string>();
    if (!value || value->empty()) fail(table, std::string("`") + key + "` must be there, a string");
    return *value;
  }

  [[nodiscard]] KnownNode read_node(const toml::table& table, bool has_keys) const {
    check_keys(table, {"name", "endpoint", "public_key"});
    KnownNode node{
        .name = text(table, "name"), .endpoint = text(table, "endpoint"), .public_keys = {}};
    if (const toml::array* const keys = table["public_key"].as_array()) {
      for (const toml::node& key : *keys) {
        const std::optional<std::string> value = key.value_exact<std::string>();
        if (!value) fail(key, "`public_key` must be a string or an array of strings");
        node.public_keys.push_back(*value);
      }
    } else if (table.contains("public_key")) {
      node.public_keys.push_back(text(table, "public_key"));
    }
    if (has_keys == node.public_keys.empty()) {
      fail(table, "`public_key` of the nodes and `secret_key_file` of [client] belong together");
    }
    return node;
  }

  std::string file_;
};

}  // namespace

ClientFile read_client_file(const std::string& file) {
  const core::Result<std::string> content = read_whole_file(file, file_bytes_max);
  if (!content) throw Misuse("the client file " + content.error().detail);
  try {
    const toml::parse_result parsed = toml::parse(*content);
    if (!parsed) {
      throw Misuse(file + ":" + std::to_string(parsed.error().source().begin.line) +
                   ": is not TOML: " + std::string(parsed.error().description()));
    }
    return FileReader(file).read(parsed.table());
  } catch (const ParserFault&) {
    throw Misuse(file + ": is not TOML");
  }
}

}  // namespace nemcon::cli
