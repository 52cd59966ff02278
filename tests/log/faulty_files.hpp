// FaultyFiles: the kernel's files, of which a test hears each call before it is carried out, and
// may let it fail or write less.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "log/file.hpp"
#include "tests/log/simulated_disk.hpp"

namespace nemcon::log::test {

class FaultyFiles final : public FileOperations {
 public:
  enum class Failing : std::uint8_t { instead, after };

  // A negative number is the result of the call, a positive one the most that it writes.
  std::function<int(const Call&)> interfere;

  // Whether a call with such a result is carried out all the same.
  Failing failing = Failing::instead;

  int open(const std::string& path, int flags) override;
  ssize_t pread(int file, char* into, std::size_t byte_count, std::uint64_t offset) override;
  ssize_t pwrite(int file, const char* from, std::size_t byte_count, std::uint64_t offset) override;
  int fdatasync(int file) override;
  int fsync(int file) override;
  int ftruncate(int file, std::uint64_t byte_count) override;
  int rename(const std::string& from, const std::string& to) override;
  int unlink(const std::string& path) override;
  int list(const std::string& directory, std::vector<std::string>& names) override;
  void drop_cache(int file) override;
  void close(int file) override;

 private:
  [[nodiscard]] int asked(CallKind kind, const std::string& path) const;
  [[nodiscard]] int asked(CallKind kind, int file) const;

  template <class Carry>
  auto answer(int result, Carry carry_out) const -> decltype(carry_out());

  KernelFiles kernel_;
  std::map<int, std::string> paths_;
};

}  // namespace nemcon::log::test
