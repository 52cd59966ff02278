#include "tests/crash/power_cuts.hpp"

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/check.hpp"
#include "tests/crash/disk_tap.hpp"
#include "tests/log/random.hpp"

namespace nemcon::crash {

namespace {

// The same number for ext4, xfs and f2fs.
constexpr unsigned long shutdown_request = _IOR('X', 125, std::uint32_t);
constexpr std::uint32_t without_flushing_the_log = 2;

bool shell(const std::string& command) {
  return std::system((command + " >/dev/null 2>&1").c_str()) == 0;  // NOLINT: fixed commands.
}

// An image file, mounted while it lives.
class Disk {
 public:
  explicit Disk(const std::string& file_system) : file_system_(file_system) {
    image_ = memory_.path() + "/image";
    mount_point_ = memory_.inner("disk");
    const std::string size = file_system == "xfs" ? "320M" : "64M";
    is_usable_ = shell("truncate -s " + size + " " + image_) &&
                 shell("mkfs." + file_system + " -q " + image_) && mount();
  }

  ~Disk() {
    if (is_usable_) static_cast<void>(unmount());
  }

  Disk(const Disk&) = delete;
  Disk& operator=(const Disk&) = delete;

  [[nodiscard]] bool is_usable() const { return is_usable_; }

  [[nodiscard]] const std::string& path() const { return mount_point_; }

  [[nodiscard]] bool mount() const {
    return shell("mount -t " + file_system_ + " -o loop " + image_ + " " + mount_point_);
  }

  [[nodiscard]] bool unmount() const { return shell("umount " + mount_point_); }

  void flush() const {
    const int file = ::open(mount_point_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    NEMCON_CHECK(file >= 0 && ::syncfs(file) == 0, mount_point_);
    ::close(file);
  }

  [[nodiscard]] bool forget_what_is_not_flushed() const {
    const int file = ::open(mount_point_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    std::uint32_t how = without_flushing_the_log;
    const bool done = file >= 0 && ::ioctl(file, shutdown_request, &how) == 0;
    ::close(file);
    return done;
  }

 private:
  log::test::TemporaryDirectory memory_;
  std::string file_system_;
  std::string image_;
  std::string mount_point_;
  bool is_usable_ = false;
};

class Cutting {
 public:
  Cutting(const Script& script, const Disk& disk, const CutOptions& options)
      : script_(script), disk_(disk), flushes_(options.flushes), random_(options.seed) {}

  // Empty, or what is wrong.
  std::string cut_once() {
    const std::string directory = disk_.path() + "/node";
    std::filesystem::remove_all(directory);
    disk_.flush();  // Or the cut would bring back what the one before has left.
    progress_->begun = 0;
    progress_->acked = 0;
    const std::uint64_t wanted = random_.below(script_.last().value());
    const pid_t child = ::fork();
    NEMCON_CHECK(child >= 0);
    if (child == 0) write_until_cut(directory);
    wait_for(child, wanted);
    const bool cut = disk_.forget_what_is_not_flushed();
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    NEMCON_CHECK(cut && disk_.unmount() && disk_.mount());
    return start_again(directory, script_, *progress_);
  }

 private:
  [[noreturn]] void write_until_cut(const std::string& directory) {
    if (flushes_ == Flushes::ignored) {
      tap::begin(directory);
      tap::decide([](std::size_t /*call*/, Deed deed) {
        return deed == Deed::flush ? Fate::pretend : Fate::carry_out;
      });
    }
    static_cast<void>(write_script(directory, script_, *progress_));
    for (;;)
      ::pause();
  }

  // Until it has come so far, and for a moment more, so that the cut is anywhere in a step.
  void wait_for(pid_t child, std::uint64_t wanted) {
    while (progress_->acked < wanted && ::waitpid(child, nullptr, WNOHANG) == 0)
      ::usleep(100);
    ::usleep(static_cast<useconds_t>(random_.below(2'000)));
  }

  const Script& script_;
  const Disk& disk_;
  Flushes flushes_;
  log::test::Random random_;
  SharedProgress progress_ = share_progress();
};

}  // namespace

CutVerdict cut_power(const Script& script, const CutOptions& options) {
  CutVerdict result;
  if (::geteuid() != 0) {
    result.skipped = "needs root";
    return result;
  }
  const Disk disk(options.file_system);
  if (!disk.is_usable()) {
    result.skipped = "cannot make and mount a " + options.file_system + " in a file here";
    return result;
  }
  Cutting cutting(script, disk, options);
  for (std::uint64_t cut = 0; cut < options.cut_count; ++cut) {
    const std::string wrong = cutting.cut_once();
    result.verdict.count += 1;
    if (wrong.empty()) continue;
    result.verdict.bad_count += 1;
    if (options.flushes == Flushes::ignored) break;
    std::printf("  cut %llu: %s\n", static_cast<unsigned long long>(cut) + 1, wrong.c_str());
  }
  return result;
}

}  // namespace nemcon::crash
