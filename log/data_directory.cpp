#include "log/data_directory.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sodium/randombytes.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "core/check.hpp"
#include "log/identity.hpp"
#include "log/store.hpp"

namespace nemcon::log {

namespace {

constexpr unsigned format_number = 1;
constexpr const char* format_begin = "nemcon data directory, format ";
constexpr const char* format_name = "format";
constexpr const char* identity_name = "identity";
constexpr const char* lock_name = "lock";
constexpr mode_t owner_only = 0700;

// What may lie in a directory whose creation was cut short: ours, so it may be begun anew.
constexpr std::array<std::string_view, 6> our_names = {lock_name, "identity.new", "journal",
                                                       "store",   "ballast",      "lost+found"};

// File systems on which flock, mmap and fdatasync do not promise what we need.
struct RefusedFileSystem {
  std::uint64_t magic;
  const char* name;
};

constexpr std::array<RefusedFileSystem, 8> refused_file_systems = {{{0x6969, "NFS"},
                                                                    {0x517B, "SMB"},
                                                                    {0xFF534D42, "CIFS"},
                                                                    {0xFE534D42, "SMB2"},
                                                                    {0x65735546, "FUSE"},
                                                                    {0x01021997, "9P"},
                                                                    {0x5346414F, "AFS"},
                                                                    {0x00C36400, "Ceph"}}};

Status refuse_network(const std::string& path) {
  struct statfs status {};

  if (::statfs(path.c_str(), &status) != 0) return failed("cannot look at " + path, errno);
  const auto magic = static_cast<std::uint64_t>(status.f_type) & 0xFFFFFFFFU;
  for (const RefusedFileSystem& refused_one : refused_file_systems) {
    if (refused_one.magic != magic) continue;
    return refused(path + " is on " + refused_one.name +
                   ", which does not keep what it is told to keep; use a local disk");
  }
  return core::Nothing{};
}

// Who may write to it can put older files in the place of these.
Status refuse_exposed(const std::string& path) {
  struct stat status {};

  if (::stat(path.c_str(), &status) != 0) return failed("cannot look at " + path, errno);
  if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    return refused("others may write to " + path + "; chmod 700 " + path);
  }
  if (status.st_uid != ::geteuid() && status.st_uid != 0) {
    return refused(path + " belongs to another user (" + std::to_string(status.st_uid) +
                   "); run as that one, or chown it");
  }
  return core::Nothing{};
}

bool exists(const std::string& path) {
  struct stat status {};

  return ::lstat(path.c_str(), &status) == 0;
}

std::string parent_of(const std::string& path) {
  std::error_code error;
  const std::filesystem::path absolute = std::filesystem::absolute(path, error);
  return error ? std::string{"."} : absolute.parent_path().string();
}

// The path, or the directory in which it would be made.
std::string nearest_existing(const std::string& path) {
  std::string nearest = path;
  while (!exists(nearest) && nearest != "/" && nearest != ".")
    nearest = parent_of(nearest);
  return nearest;
}

// The first name that we would never have put there; nothing when the directory may become ours.
Result<std::optional<std::string>> find_foreign(FileOperations& files, const std::string& path) {
  std::vector<std::string> names;
  const int listed = files.list(path, names);
  if (listed < 0) return failed("cannot list " + path, -listed);
  const auto is_foreign = [](const std::string& name) {
    return std::ranges::find(our_names, name) == our_names.end();
  };
  const auto found = std::ranges::find_if(names, is_foreign);
  return found == names.end() ? std::optional<std::string>{} : std::optional{*found};
}

Status make_directory(const std::string& path) {
  if (::mkdir(path.c_str(), owner_only) != 0) {
    if (errno == EEXIST) return core::Nothing{};
    return failed("cannot make directory " + path, errno);
  }
  // The umask may have taken our own rights away.
  if (::chmod(path.c_str(), owner_only) != 0) return failed("cannot set mode of " + path, errno);
  return core::Nothing{};
}

Identity new_identity(const std::string& node_name) {
  Identity identity;
  identity.node_name = node_name;
  std::uint64_t incarnation = 0;
  std::uint64_t salt = 0;
  // Zero means "none" for both.
  while (salt == 0)
    randombytes_buf(&salt, sizeof salt);
  identity.node = node_id_of(node_name, salt);
  while (incarnation == 0)
    randombytes_buf(&incarnation, sizeof incarnation);
  identity.incarnation = core::Incarnation{incarnation};
  randombytes_buf(identity.key.bytes.data(), identity.key.bytes.size());
  return identity;
}

}  // namespace

DataDirectory::DataDirectory(const DirectoryOptions& options)
    : options_(options), files_(options.files != nullptr ? *options.files : kernel_) {
  while (options_.path.size() > 1 && options_.path.ends_with('/'))
    options_.path.pop_back();
}

DataDirectory::~DataDirectory() {
  if (lock_ >= 0) files_.close(lock_);  // Which gives up the flock.
}

Result<std::unique_ptr<DataDirectory>> DataDirectory::open(const DirectoryOptions& options) {
  std::unique_ptr<DataDirectory> directory{new DataDirectory{options}};
  const std::string& path = directory->options_.path;
  if (path.empty()) return refused("no data directory is given");
  std::error_code error;
  if (exists(path) && !std::filesystem::is_directory(path, error)) {
    return refused(path + " is not a directory");
  }
  const Status local = refuse_network(nearest_existing(path));
  if (!local) return local.error();
  if (exists(path) && options.creation == Creation::allowed) {
    const Status safe = refuse_exposed(path);
    if (!safe) return safe.error();
  }
  const bool has_identity = exists(path + "/" + identity_name);
  const bool has_format = exists(path + "/" + format_name);
  if (has_format && !has_identity) {
    return corrupt(path + "/identity is missing");
  }
  if (!has_identity && options.creation == Creation::forbidden) {
    return refused(path + " is not a Nemcon data directory");
  }
  const Status opened = has_identity ? directory->open_existing() : directory->begin_new();
  if (!opened) return opened.error();
  return directory;
}

// Everything is looked at before anything is written; the process id in the lock file is the
// only trace of an opening.
Status DataDirectory::open_existing() {
  // 1. identity written 2. crash before the format: the directory is whole but for that word.
  const bool has_format = exists(options_.path + "/" + format_name);
  if (has_format) {
    const Status readable = refuse_format();
    if (!readable) return readable.error();
  }
  const Status known = read_identity();
  if (!known) return known.error();
  const Status locked = lock();
  if (!locked) return locked.error();
  // 1. identity named 2. killed before the directory was flushed 3. restart, promises made
  // 4. power cut: without its name the directory would be begun anew.
  const Status named = flush_directory(files_, options_.path);
  if (!named) return named.error();
  if (is_elsewhere_) {
    const Status identified = write_identity();
    if (!identified) return identified.error();
  }
  return has_format ? Status{core::Nothing{}} : write_format();
}

Status DataDirectory::begin_new() {
  const std::string& name = options_.node_name;
  if (name.empty() || name.find('\n') != std::string::npos) {
    return refused("a node needs a name of one line before it can have a data directory");
  }
  if (exists(options_.path)) {
    const auto foreign = find_foreign(files_, options_.path);
    if (!foreign) return foreign.error();
    if (*foreign) {
      return refused(options_.path + " is not a Nemcon data directory and not empty (it holds \"" +
                     **foreign + "\")");
    }
  }
  std::error_code error;
  const std::filesystem::path parent = parent_of(options_.path);
  std::filesystem::create_directories(parent, error);
  if (error) return failed("cannot make directory " + parent.string(), error.value());
  const Status made = make_directory(options_.path);
  if (!made) return made.error();
  const Status locked = lock();
  if (!locked) return locked.error();
  // Somebody else may have completed it while we had no lock yet.
  if (exists(options_.path + "/" + identity_name)) return open_existing();

  for (const std::string& inner : {journal_directory(), store_directory()}) {
    const Status inside = make_directory(inner);
    if (!inside) return inside.error();
  }
  const Status durable = flush_upwards();
  if (!durable) return durable.error();
  identity_ = new_identity(name);
  is_new_ = true;
  return core::Nothing{};
}

// The directory and all above it: any of them may be as new as itself.
Status DataDirectory::flush_upwards() {
  for (std::string path = options_.path;; path = parent_of(path)) {
    const int file = files_.open(path, O_RDONLY | O_DIRECTORY);
    // Above us may be what we may not read, but then we have not made it either.
    if (file == -EACCES && path != options_.path) return core::Nothing{};
    if (file < 0) return failed("cannot open " + path, -file);
    const int flushed = files_.fsync(file);
    files_.close(file);
    if (flushed < 0) return failed("cannot flush directory " + path, -flushed);
    if (path == parent_of(path)) return core::Nothing{};
  }
}

Status DataDirectory::refuse_format() const {
  const auto text = read_file(format_name);
  if (!text) return text.error();
  unsigned number = 0;
  char newline = 0;
  const std::size_t begin = std::strlen(format_begin);
  if (!text->starts_with(format_begin) ||
      std::sscanf(text->c_str() + begin, "%u%c", &number, &newline) != 2 || newline != '\n') {
    return refused(options_.path + "/format does not say what format this is");
  }
  if (number > format_number) {
    return refused(options_.path + " has format " + std::to_string(number) +
                   ", this program knows none newer than " + std::to_string(format_number) +
                   "; use the newer program that wrote it");
  }
  if (number == 0) return refused(options_.path + "/format does not say what format this is");
  return core::Nothing{};
}

Status DataDirectory::read_identity() {
  const auto text = read_file(identity_name);
  if (!text) return text.error();
  const auto stored = parse_identity(*text);
  if (!stored) return corrupt(options_.path + "/identity: " + stored.error().detail);
  if (!options_.node_name.empty() && stored->identity.node_name != options_.node_name) {
    return refused(options_.path + " is the data directory of node \"" +
                   stored->identity.node_name + "\", not of \"" + options_.node_name + "\"");
  }
  const Identity& identity = stored->identity;
  if (node_id_of(identity.node_name, identity.node.low) != identity.node) {
    return refused(options_.path + "/identity: the id is not one of a node \"" +
                   identity.node_name +
                   "\"; the directory was made by a program older than 0.1 and cannot be used");
  }
  const auto file = mark_of(Store::file_of(store_directory()));
  if (!file) return file.error();
  identity_ = stored->identity;
  is_elsewhere_ = *file != stored->store;
  if (is_elsewhere_ && !options_.moved) {
    return refused(Store::file_of(store_directory()) +
                   " is a copy or was restored: it may have forgotten what this node has " +
                   "promised to others; if the whole directory was moved while the node was " +
                   "stopped, and no other copy of it will ever run, start once with --data-moved");
  }
  return core::Nothing{};
}

Status DataDirectory::lock() {
  if (lock_ >= 0) return core::Nothing{};
  const std::string path = options_.path + "/" + lock_name;
  const int file = files_.open(path, O_RDWR | O_CREAT);
  if (file < 0) return failed("cannot open " + path, -file);
  if (::flock(file, LOCK_EX | LOCK_NB) != 0) {
    const int why = errno;
    std::array<char, 32> holder{};
    const ssize_t got = files_.pread(file, holder.data(), holder.size() - 1, 0);
    files_.close(file);
    if (why != EWOULDBLOCK) return failed("cannot lock " + path, why);
    const long process = got > 0 ? std::strtol(holder.data(), nullptr, 10) : 0;
    return refused(options_.path + " is in use by " +
                   (process > 0 ? "process " + std::to_string(process) : "another process"));
  }
  lock_ = file;
  const std::string process = std::to_string(::getpid()) + "\n";
  const int emptied = files_.ftruncate(file, 0);
  const ssize_t written =
      emptied < 0 ? emptied : files_.pwrite(file, process.data(), process.size(), 0);
  // Only the words of a refusal depend on it, and a full disk must not stop a start.
  static_cast<void>(written);
  return core::Nothing{};
}

Status DataDirectory::complete() {
  NEMCON_CHECK(is_new_ && lock_ >= 0);
  const Status identified = write_identity();
  if (!identified) return identified.error();
  is_new_ = false;
  return write_format();
}

// With the store file as it is here and now.
Status DataDirectory::write_identity() {
  const auto store = mark_of(Store::file_of(store_directory()));
  if (!store) return store.error();
  return write_file(identity_name, to_text({identity_, *store}));
}

Status DataDirectory::write_format() {
  return write_file(format_name, format_begin + std::to_string(format_number) + "\n");
}

// Whole under its name or not at all.
Status DataDirectory::write_file(const std::string& name, const std::string& text) {
  const std::string path = options_.path + "/" + name;
  const std::string unfinished = path + ".new";
  const int file = files_.open(unfinished, O_RDWR | O_CREAT | O_TRUNC);
  if (file < 0) return failed("cannot make " + unfinished, -file);
  const ssize_t written = files_.pwrite(file, text.data(), text.size(), 0);
  const int flushed = files_.fsync(file);
  files_.close(file);
  if (written != static_cast<ssize_t>(text.size())) {
    return failed("cannot write " + unfinished, written < 0 ? static_cast<int>(-written) : ENOSPC);
  }
  if (flushed < 0) return failed("cannot flush " + unfinished, -flushed);
  const int renamed = files_.rename(unfinished, path);
  if (renamed < 0) return failed("cannot name " + path, -renamed);
  return flush_directory(files_, options_.path);
}

Result<std::string> DataDirectory::read_file(const std::string& name) const {
  constexpr std::size_t bytes_max = 4096;
  const std::string path = options_.path + "/" + name;
  const int file = files_.open(path, O_RDONLY);
  if (file < 0) return failed("cannot open " + path, -file);
  std::string text(bytes_max, '\0');
  const ssize_t got = files_.pread(file, text.data(), text.size(), 0);
  files_.close(file);
  if (got < 0) return failed("cannot read " + path, static_cast<int>(-got));
  text.resize(static_cast<std::size_t>(got));
  return text;
}

}  // namespace nemcon::log
