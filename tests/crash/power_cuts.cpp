#include "tests/crash/power_cuts.hpp"

#include <array>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include <fcntl.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/check.hpp"
#include "log/log.hpp"
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

// Mounts of our own: whoever copies those of the machine meanwhile, as chaos does, would keep a
// disk that was cut; and none is left when this process is killed.
bool leave_mounts_of_others() {
  return ::unshare(CLONE_NEWNS) == 0 &&
         ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
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

// Where the power goes.
enum class Moment : std::uint8_t { of_records, of_records_growing, first_start };

// By turns. The control ends with the first loss, and a first start has nothing to lose.
constexpr std::array moments{Moment::of_records, Moment::of_records_growing, Moment::first_start};

class Cutting {
 public:
  Cutting(const Script& script, const Disk& disk, const CutOptions& options)
      : script_(script),
        growing_(script.growing()),
        disk_(disk),
        directory_(disk.path() + "/node"),
        flushes_(options.flushes),
        random_(options.seed),
        first_start_calls_(calls_of_first_start()) {}

  // Empty, or what is wrong.
  std::string cut_once(Moment moment) {
    const Script& script = moment == Moment::of_records ? script_ : growing_;
    const bool is_first_start = moment == Moment::first_start;
    std::filesystem::remove_all(directory_);
    disk_.flush();  // Or the cut would bring back what the one before has left.
    progress_->begun = 0;
    progress_->acked = 0;
    progress_->place = 0;
    const std::uint64_t wanted = is_first_start ? 1 + random_.below(first_start_calls_)
                                                : random_.below(script.last().value());
    const pid_t child = ::fork();
    NEMCON_CHECK(child >= 0);
    if (child == 0) write_until_cut(script);
    wait_for(child, is_first_start ? progress_->place : progress_->acked, wanted);
    const bool cut = disk_.forget_what_is_not_flushed();
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    NEMCON_CHECK(cut && disk_.unmount() && disk_.mount());
    was_half_made_ = !std::filesystem::exists(directory_ + "/format");
    return start_again(directory_, script, *progress_);
  }

  // The last cut left a directory that does not even say what it is.
  [[nodiscard]] bool was_half_made() const { return was_half_made_; }

 private:
  [[nodiscard]] std::uint64_t calls_of_first_start() const {
    const int ended = run_child([&] {
      tap::begin(directory_);
      const auto opened = log::open_log(small_log(directory_, growing_.grows()));
      progress_->calls = tap::call_count();
      return opened ? 0 : 1;
    });
    NEMCON_CHECK(ended == 0 && progress_->calls > 0, ended);
    return progress_->calls;
  }

  [[noreturn]] void write_until_cut(const Script& script) {
    tap::begin(directory_);
    tap::decide([this](const tap::TappedCall& call) {
      progress_->place = call.number;
      const bool ignored = flushes_ == Flushes::ignored && call.deed == Deed::flush;
      return ignored ? Fate::pretend : Fate::carry_out;
    });
    static_cast<void>(write_script(directory_, script, *progress_));
    for (;;)
      ::pause();
  }

  // Until it has come so far, and for a moment more, so that the cut is anywhere in a step.
  void wait_for(pid_t child, const std::atomic<std::uint64_t>& reached, std::uint64_t wanted) {
    while (reached < wanted && ::waitpid(child, nullptr, WNOHANG) == 0)
      ::usleep(100);
    ::usleep(static_cast<useconds_t>(random_.below(2'000)));
  }

  const Script& script_;
  Script growing_;
  const Disk& disk_;
  std::string directory_;
  Flushes flushes_;
  log::test::Random random_;
  SharedProgress progress_ = share_progress();
  std::uint64_t first_start_calls_;
  bool was_half_made_ = false;
};

}  // namespace

CutVerdict cut_power(const Script& script, const CutOptions& options) {
  CutVerdict result;
  if (::geteuid() != 0) {
    result.skipped = "needs root";
    return result;
  }
  if (!leave_mounts_of_others()) {
    result.skipped = "cannot have mounts of its own here";
    return result;
  }
  const Disk disk(options.file_system);
  if (!disk.is_usable()) {
    result.skipped = "cannot make and mount a " + options.file_system + " in a file here";
    return result;
  }
  Cutting cutting(script, disk, options);
  for (std::uint64_t cut = 0; cut < options.cut_count; ++cut) {
    const Moment moment = moments.at(cut % moments.size());
    const std::string wrong = cutting.cut_once(moment);
    result.verdict.count += 1;
    if (moment == Moment::first_start) {
      result.first_start_count += 1;
      result.half_made_count += cutting.was_half_made() ? 1U : 0U;
    }
    if (wrong.empty()) continue;
    result.verdict.bad_count += 1;
    if (options.flushes == Flushes::ignored) break;
    std::printf("  cut %llu: %s\n", static_cast<unsigned long long>(cut) + 1, wrong.c_str());
  }
  return result;
}

}  // namespace nemcon::crash
