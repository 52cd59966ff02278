#include "node/accepted_members.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <sstream>

#include <fcntl.h>

#include "transport/audit_trail.hpp"

namespace nemcon::node {

namespace {

constexpr std::string_view head = "nemcon membership, format 1\n";
// It has about 150.
constexpr std::size_t file_bytes_max = 4096;

struct Accepted {
  std::uint64_t serial = 0;
  std::string digest;
};

std::string path_of(const Config& config) {
  return config.data + "/membership";
}

core::Error failed(const std::string& file, const char* what, std::int64_t result) {
  return {core::Errc::local_failed,
          file + ": cannot be " + what + ": " + std::strerror(static_cast<int>(-result))};
}

std::string text_of(const Accepted& accepted) {
  std::string text{head};
  text += "serial " + std::to_string(accepted.serial) + "\ndigest " + accepted.digest + '\n';
  return text + "check " + transport::audit_digest(text) + '\n';
}

// Only what text_of() wrote: a digit that the disk has changed is no serial.
std::optional<Accepted> parse(const std::string& text) {
  std::istringstream stream{text};
  std::string line;
  std::getline(stream, line);
  std::string serial_word;
  std::string digest_word;
  Accepted accepted;
  stream >> serial_word >> accepted.serial >> digest_word >> accepted.digest;
  if (!stream || text != text_of(accepted)) return std::nullopt;
  return accepted;
}

// Nothing when there is no such file.
core::Result<std::optional<std::string>> try_read(log::FileOperations& files,
                                                  const std::string& file) {
  const int opened = files.open(file, O_RDONLY);
  if (opened == -ENOENT) return std::optional<std::string>{};
  if (opened < 0) return failed(file, "opened", opened);
  std::array<char, file_bytes_max> bytes{};
  const ssize_t count = files.pread(opened, bytes.data(), bytes.size(), 0);
  files.close(opened);
  if (count < 0) return failed(file, "read", count);
  return std::optional<std::string>{std::in_place, bytes.data(), static_cast<std::size_t>(count)};
}

core::Status write_whole(log::FileOperations& files, const std::string& file,
                         const std::string& text) {
  const int opened = files.open(file, O_WRONLY | O_CREAT | O_TRUNC);
  if (opened < 0) return failed(file, "made", opened);
  const ssize_t count = files.pwrite(opened, text.data(), text.size(), 0);
  const int flushed = count == static_cast<ssize_t>(text.size()) ? files.fsync(opened) : -EIO;
  files.close(opened);
  if (count < 0) return failed(file, "written", count);
  if (flushed < 0) return failed(file, "flushed", flushed);
  return core::Nothing{};
}

core::Error refused(std::string text) {
  return {core::Errc::local_refused, std::move(text)};
}

}  // namespace

core::Result<MembersAge> compare_members(log::FileOperations& files, const Config& config) {
  const std::string file = path_of(config);
  const core::Result<std::optional<std::string>> text = try_read(files, file);
  if (!text) return text.error();
  if (!*text) return MembersAge::newer;
  const std::optional<Accepted> accepted = parse(**text);
  if (!accepted) {
    return refused(file +
                   ": is damaged, so that nobody knows which membership file was the newest here; "
                   "make sure that the one there is, then remove it");
  }
  const MembersConfig& members = config.members;
  const std::string serial = std::to_string(members.serial);
  if (members.serial < accepted->serial) {
    return refused(members.file + ": serial " + serial + " is older than serial " +
                   std::to_string(accepted->serial) +
                   ", which this node has accepted; bring it the newest file, or have the operator "
                   "sign this one with a higher serial: nemcon membership sign");
  }
  if (members.serial > accepted->serial) return MembersAge::newer;
  if (members.digest == accepted->digest) return MembersAge::same;
  return refused(members.file + ": serial " + serial +
                 " is signed twice, and this node has accepted another file with it; have the "
                 "operator sign the right one with a higher serial: nemcon membership sign");
}

core::Status remember_members(log::FileOperations& files, const Config& config) {
  const std::string file = path_of(config);
  const std::string next = file + ".new";
  // 1. written under another name, and flushed 2. renamed 3. the directory flushed. A crash before
  // 3 leaves the old one or the new one, and what is new is not in force yet.
  const core::Status written = write_whole(
      files, next, text_of({.serial = config.members.serial, .digest = config.members.digest}));
  if (!written) return written.error();
  if (const int renamed = files.rename(next, file); renamed < 0) {
    return failed(file, "renamed", renamed);
  }
  const core::Status flushed = log::flush_directory(files, config.data);
  if (!flushed) return flushed.error();
  return core::Nothing{};
}

}  // namespace nemcon::node
