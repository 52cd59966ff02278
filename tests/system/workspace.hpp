// Workspace: a new directory of one test, with everything that its processes write; and free
// ports of this machine. Gone when the test is over.
#pragma once

#include <string>

namespace nemcon::tests {

class Workspace {
 public:
  Workspace() : Workspace("nemcon-test") {}

  // The name of the directory begins with it.
  explicit Workspace(const std::string& prefix);
  ~Workspace();
  Workspace(const Workspace&) = delete;
  Workspace& operator=(const Workspace&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }

  // Of something in it.
  [[nodiscard]] std::string path(const std::string& name) const { return path_ + "/" + name; }

  // Writes `text` to `name`, and returns its path.
  [[nodiscard]] std::string write(const std::string& name, const std::string& text) const;

  [[nodiscard]] std::string read(const std::string& name) const;

  // It stays, for somebody to look into.
  void keep() { is_kept_ = true; }

 private:
  std::string path_;
  bool is_kept_ = false;
};

// "tcp://127.0.0.1:PORT" with a port that nobody has at this moment and that the kernel does not
// hand out to others for a while.
[[nodiscard]] std::string free_endpoint();

}  // namespace nemcon::tests
