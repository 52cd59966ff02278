#include "node/config.hpp"

#include <algorithm>
#include <filesystem>

#include "node/config_reader.hpp"
#include "node/config_toml.hpp"
#include "node/names.hpp"
#include "transport/small_file.hpp"

namespace nemcon::node {

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

// A configuration of a thousand peers has about 200 KiB; more is some other file.
constexpr std::size_t file_bytes_max = 4U << 20U;

CheckedConfig refused(std::string_view file, const std::string& why) {
  CheckedConfig checked;
  checked.errors.push_back(std::string(file) + ": " + why);
  return checked;
}

CheckedConfig parse_with(std::string_view text, std::string_view file, std::string_view host_name,
                         const FindFile& find_file) {
  Problems problems(file);
  const std::optional<toml::table> root = try_read_toml(text, problems);
  if (root) return FileReader(*root, problems, find_file).read(host_name);
  CheckedConfig checked;
  checked.errors = problems.errors();
  return checked;
}

core::Result<std::string> read_whole(const std::string& file) {
  core::Result<std::string> text = transport::read_file(file, file_bytes_max);
  if (text) return text;
  const bool is_too_large = text.error().code == core::Errc::local_full;
  return core::Error{core::Errc::local_refused, is_too_large
                                                    ? "is too large for a configuration"
                                                    : "cannot be read: " + text.error().detail};
}

// A relative path counts from the directory of the configuration.
std::string beside(const std::string& config_file, const std::string& file) {
  if (file.starts_with('/')) return file;
  return (std::filesystem::path(config_file).parent_path() / file).string();
}

}  // namespace

CheckedConfig parse_config(std::string_view text, std::string_view file,
                           std::string_view host_name) {
  return parse_with(text, file, host_name, [](const std::string& name) {
    return core::Error{core::Errc::local_refused, name + ": is not looked for"};
  });
}

CheckedConfig read_config(const std::string& file, std::string_view host_name) {
  const core::Result<std::string> text = read_whole(file);
  if (!text) return refused(file, text.error().detail);
  const FindFile find_file = [&](const std::string& name) -> core::Result<FoundFile> {
    const std::string path = beside(file, name);
    const core::Result<std::string> found = read_whole(path);
    if (!found) return core::Error{found.error().code, path + ": " + found.error().detail};
    return FoundFile{.path = path, .text = *found};
  };
  CheckedConfig checked = parse_with(*text, file, host_name, find_file);
  std::string& key_file = checked.config.secret_key_file;
  if (!key_file.empty()) key_file = beside(file, key_file);
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
    options.permissions.clients.push_back(
        {.name = client.name, .allow = client.allow, .quota = client.quota});
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
