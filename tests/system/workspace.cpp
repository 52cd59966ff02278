#include "tests/system/workspace.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/check.hpp"

namespace nemcon::tests {

namespace {

// Below the range from which the kernel takes ports for outgoing connections (32768 and up).
constexpr int port_first = 20'000;
constexpr int port_last = 32'000;

bool is_free(int port) {
  const int probe = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  NEMCON_CHECK(probe >= 0);
  const int yes = 1;
  setsockopt(probe, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const bool bound = bind(probe, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  close(probe);
  return bound;
}

}  // namespace

Workspace::Workspace(const std::string& prefix) {
  std::string path = std::filesystem::temp_directory_path() / (prefix + "-XXXXXX");
  NEMCON_CHECK(mkdtemp(path.data()) != nullptr);
  path_ = path;
}

Workspace::~Workspace() {
  if (is_kept_) return;
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string Workspace::write(const std::string& name, const std::string& text) const {
  std::ofstream file(path(name), std::ios::binary | std::ios::trunc);
  file << text;
  file.close();
  NEMCON_CHECK(!file.fail(), name);
  return path(name);
}

std::string Workspace::read(const std::string& name) const {
  const std::ifstream file(path(name), std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string free_endpoint() {
  // Random, so that tests which run side by side seldom try the same ones.
  static std::mt19937 random{std::random_device{}()};
  std::uniform_int_distribution<int> ports(port_first, port_last);
  int port = ports(random);
  while (!is_free(port))
    port = ports(random);
  return "tcp://127.0.0.1:" + std::to_string(port);
}

}  // namespace nemcon::tests
