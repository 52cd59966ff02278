// Goal: a file of the node can be opened when others have taken every descriptor. Method: a limit
// that is reached.
#include "log/file.hpp"

#include <cerrno>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

namespace nemcon::log {
namespace {

constexpr int read_only = O_RDONLY;

// Takes what is left below a limit of the process, and gives it back.
class NoneLeft {
 public:
  NoneLeft() {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    const rlimit few{.rlim_cur = 64, .rlim_max = before_.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &few);
    for (int file = ::open("/dev/null", read_only); file >= 0;
         file = ::open("/dev/null", read_only))
      taken_.push_back(file);
  }

  ~NoneLeft() {
    for (const int file : taken_)
      ::close(file);
    ::setrlimit(RLIMIT_NOFILE, &before_);
  }

  NoneLeft(const NoneLeft&) = delete;
  NoneLeft& operator=(const NoneLeft&) = delete;

 private:
  rlimit before_{};
  std::vector<int> taken_;
};

TEST(KernelFiles, OpensAFewFilesWhenNoDescriptorIsLeft) {
  KernelFiles files;
  files.close(files.open("/dev/null", read_only));  // From now on it has some in reserve.
  const NoneLeft none_left;
  ASSERT_LT(::open("/dev/null", read_only), 0);

  std::vector<int> opened;
  for (std::size_t count = 0; count < KernelFiles::spare_max; ++count) {
    opened.push_back(files.open("/dev/null", read_only));
    EXPECT_GE(opened.back(), 0) << count;
  }
  EXPECT_EQ(files.open("/dev/null", read_only), -EMFILE);

  for (const int file : opened)
    files.close(file);  // Each of them is a spare one again.
  const int again = files.open("/dev/null", read_only);
  EXPECT_GE(again, 0);
  files.close(again);
}

}  // namespace
}  // namespace nemcon::log
