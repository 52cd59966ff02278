// Goal: a call that fails while a data directory is made or opened is an Error that names a file,
// and the next start goes on as if it had not been; what stands in the way is named. Method: real
// directories, of whose calls each fails once.
#include <cerrno>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <unistd.h>

#include "log/log.hpp"
#include "tests/crash/disk_tap.hpp"
#include "tests/log/directories.hpp"
#include "tests/log/faulty_files.hpp"
#include "tests/log/samples.hpp"

namespace nemcon::log::test {
namespace {

class DirectoryFaultTest : public testing::Test {
 protected:
  DirectoryFaultTest() {
    options_.directory = directory_.path() + "/data";
    options_.node_name = "shop";
    options_.segment_bytes = 64U << 10U;
    options_.segment_count = 2;
    options_.map_bytes = 1U << 20U;
    options_.ballast_bytes = 0;
  }

  [[nodiscard]] std::string path(const std::string& name) const {
    return options_.directory + "/" + name;
  }

  // The Error of a start in which this call fails, from 1 on; which one it was is in failed_.
  std::optional<Error> start_with_failure(std::size_t number, FaultyFiles::Failing failing) {
    FaultyFiles files;
    files.failing = failing;
    std::size_t count = 0;
    failed_.reset();
    files.interfere = [&](const Call& call) {
      if (++count != number) return 0;
      failed_ = call;
      return -EIO;
    };
    LogOptions options = options_;
    options.files = &files;
    const auto opened = open_log(options);
    return opened ? std::nullopt : std::optional{opened.error()};
  }

  // Starts in which one call after the other fails, and then each of them although it was carried
  // out, each time from what `prepare` leaves; after each a start without failures must find what
  // `check` looks for. How many calls there are.
  std::size_t fail_each_call(const std::function<void()>& prepare,
                             const std::function<void(const Opened&)>& check) {
    const std::size_t count = fail_each_call(FaultyFiles::Failing::instead, prepare, check);
    EXPECT_EQ(fail_each_call(FaultyFiles::Failing::after, prepare, check), count);
    return count;
  }

  std::size_t fail_each_call(FaultyFiles::Failing failing, const std::function<void()>& prepare,
                             const std::function<void(const Opened&)>& check) {
    std::size_t number = 0;
    do {
      std::filesystem::remove_all(options_.directory);
      prepare();
      const std::optional<Error> error = start_with_failure(++number, failing);
      if (failed_ && !error) {
        // Only the words of a refusal and the room of a leftover depend on these.
        EXPECT_TRUE(failed_->path.ends_with("/lock") || failed_->kind == CallKind::list)
            << failed_->path;
      }
      if (error) {
        EXPECT_EQ(error->code, core::Errc::local_failed);
        // A segment that is being made goes by the name that it will have.
        const std::string named = failed_->path.substr(0, failed_->path.rfind(".new"));
        EXPECT_NE(error->detail.find(named), std::string::npos)
            << error->detail << " for " << named;
        EXPECT_NE(error->detail.find("Input/output error"), std::string::npos) << error->detail;
      }
      const auto opened = open_log(options_);
      EXPECT_TRUE(opened) << number << " " << opened.error().detail;
      if (opened) check(*opened);
    } while (failed_ && !HasFailure());
    return number;
  }

  // With one record in the journal.
  void create() {
    const auto opened = open_log(options_);
    ASSERT_TRUE(opened) << opened.error().detail;
    ASSERT_TRUE(opened->journal->append(std::vector{write(1, sent("kept", 10))}));
    made_ = opened->identity;
  }

  void expect_as_made(const Opened& opened) const {
    EXPECT_EQ(opened.last, core::Lsn{1});
    EXPECT_EQ(opened.identity.node, made_.node);
    EXPECT_EQ(opened.identity.incarnation, made_.incarnation);
    EXPECT_EQ(opened.identity.key, made_.key);
  }

  TemporaryDirectory directory_{TemporaryDirectory::Where::memory};
  LogOptions options_;
  Identity made_;
  std::optional<Call> failed_;
};

// ---- each call fails once ---------------------------------------------------------------------

TEST_F(DirectoryFaultTest, ACallThatFailsInAFirstStartLeavesWhatTheNextOneBeginsAnewOrGoesOnWith) {
  const std::size_t count = fail_each_call([] {},
                                           [](const Opened& opened) {
                                             EXPECT_EQ(opened.last, core::Lsn{});
                                             EXPECT_EQ(opened.identity.node_name, "shop");
                                           });
  EXPECT_GT(count, 40U);
}

TEST_F(DirectoryFaultTest, ACallThatFailsInALaterStartLosesNothing) {
  const std::size_t count = fail_each_call(
      [this] { create(); }, [this](const Opened& opened) { expect_as_made(opened); });
  EXPECT_GT(count, 15U);
}

// It is the identity that vouches for the rest: the format alone is missing after a crash.
TEST_F(DirectoryFaultTest, ACallThatFailsWhileTheFormatIsWrittenLosesNothing) {
  const std::size_t count = fail_each_call(
      [this] {
        create();
        ASSERT_EQ(::unlink(path("format").c_str()), 0);
      },
      [this](const Opened& opened) {
        expect_as_made(opened);
        EXPECT_EQ(read_file(path("format")), "nemcon data directory, format 1\n");
      });
  EXPECT_GT(count, 20U);
}

TEST_F(DirectoryFaultTest, ACallThatFailsWhileAMovedDirectoryIsTakenOverLosesNothing) {
  options_.moved = true;
  const std::size_t count = fail_each_call(
      [this] {
        create();
        const std::string store = path("store/data.mdb");
        write_file(store + ".copy", read_file(store));
        ASSERT_EQ(::rename((store + ".copy").c_str(), store.c_str()), 0);
      },
      [this](const Opened& opened) { expect_as_made(opened); });
  EXPECT_GT(count, 20U);
}

TEST_F(DirectoryFaultTest, AFullDiskIsSaidWhereAWriteComesBackShort) {
  FaultyFiles files;
  files.interfere = [](const Call& call) {
    return call.kind == CallKind::pwrite && call.path.ends_with("identity.new") ? 10 : 0;
  };
  LogOptions options = options_;
  options.files = &files;

  const auto opened = open_log(options);

  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().detail,
            "cannot write " + path("identity.new") + ": No space left on device");
  EXPECT_NE(::access(path("identity").c_str(), F_OK), 0);
}

TEST_F(DirectoryFaultTest, WhatFailsBelowTheStoreStopsAStart) {
  create();
  crash::tap::begin(path("store"));
  crash::tap::decide([](const crash::tap::TappedCall&) { return crash::Fate::fail_io; });
  const auto opened = open_log(options_);
  static_cast<void>(crash::tap::end());

  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().detail,
            "cannot flush " + path("store/data.mdb") + ": Input/output error");
}

// ---- what stands in the way -------------------------------------------------------------------

// 1. Two first starts 2. the other one has the lock, and is done before this one gets it.
TEST_F(DirectoryFaultTest, OfTwoFirstStartsAtOnceOneMakesTheDirectoryAndTheOtherOpensIt) {
  FaultyFiles files;
  bool is_made = false;
  files.interfere = [&](const Call& call) {
    if (is_made || call.kind != CallKind::open || !call.path.ends_with("/lock")) return 0;
    is_made = true;
    create();
    return 0;
  };
  LogOptions options = options_;
  options.files = &files;

  const auto opened = open_log(options);

  ASSERT_TRUE(is_made);
  ASSERT_TRUE(opened) << opened.error().detail;
  expect_as_made(*opened);
}

// We may not read it, so we have not made it, and there is nothing of ours to flush.
TEST_F(DirectoryFaultTest, AParentThatMayNotBeReadIsNotFlushedButTheDirectoryItselfIs) {
  for (const std::string& forbidden : {directory_.path(), options_.directory}) {
    FaultyFiles files;
    files.interfere = [&](const Call& call) {
      return call.kind == CallKind::open && call.path == forbidden ? -EACCES : 0;
    };
    LogOptions options = options_;
    options.files = &files;
    const auto opened = open_log(options);
    if (forbidden == directory_.path()) {
      EXPECT_TRUE(opened) << opened.error().detail;
      std::filesystem::remove_all(options_.directory);
    } else {
      ASSERT_FALSE(opened);
      EXPECT_EQ(opened.error().detail, "cannot open " + forbidden + ": Permission denied");
      EXPECT_NE(::access(path("identity").c_str(), F_OK), 0) << "nothing is begun on it";
    }
  }
}

TEST_F(DirectoryFaultTest, WhereNoDirectoryCanBeIsSaid) {
  const std::string file = directory_.path() + "/file";
  write_file(file, "a file");

  struct Case {
    std::string directory;
    std::string words;
  };

  const std::vector<Case> all = {
      {"", "no data directory is given"},
      {file + "/data", "cannot make directory " + file + ": "},
      {"/proc/nemcon-data", "cannot make directory /proc/nemcon-data: No such file or directory"}};
  for (const Case& one : all) {
    options_.directory = one.directory;
    const auto opened = open_log(options_);
    ASSERT_FALSE(opened) << one.directory;
    EXPECT_TRUE(opened.error().detail.starts_with(one.words)) << opened.error().detail;
  }
  EXPECT_EQ(read_file(file), "a file");

  const auto root = DataDirectory::open({.path = "///", .creation = Creation::forbidden});
  ASSERT_FALSE(root);
  EXPECT_EQ(root.error().detail, "/ is not a Nemcon data directory");
}

TEST_F(DirectoryFaultTest, AFileWhereADirectoryBelongsIsNamed) {
  ASSERT_TRUE(std::filesystem::create_directory(options_.directory));
  write_file(path("journal"), "a file");
  const auto opened = open_log(options_);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().detail, "cannot list " + path("journal") + ": Not a directory");
}

TEST_F(DirectoryFaultTest, AFormatThatIsADirectoryIsNamed) {
  create();
  ASSERT_EQ(::unlink(path("format").c_str()), 0);
  ASSERT_TRUE(std::filesystem::create_directory(path("format")));
  const auto opened = open_log(options_);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().detail, "cannot read " + path("format") + ": Is a directory");
}

// Killed between taking the lock and saying who it is, or on a full disk.
TEST_F(DirectoryFaultTest, ALockWhoseHolderDidNotSayWhoItIsIsRespected) {
  create();
  for (const char* text : {"", "garbage\n"}) {
    write_file(path("lock"), text);
    const int lock = ::open(path("lock").c_str(), O_RDWR | O_CLOEXEC);
    ASSERT_EQ(::flock(lock, LOCK_EX | LOCK_NB), 0);
    const auto opened = open_log(options_);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, core::Errc::local_refused);
    EXPECT_EQ(opened.error().detail, options_.directory + " is in use by another process");
    EXPECT_EQ(read_file(path("lock")), text);
    ::close(lock);
  }
}

// ---- the identity -----------------------------------------------------------------------------

TEST_F(DirectoryFaultTest, AnIdentityThatIsSpeltOtherwiseIsDamaged) {
  create();
  const std::string whole = read_file(path("identity"));
  ASSERT_TRUE(parse_identity(whole));
  std::vector<std::string> all = {"", "node = shop\n", whole + "\n", whole + "more = 1\n"};
  // Each line without its last character, and in other letters.
  for (std::size_t end = whole.find('\n'); end != std::string::npos;
       end = whole.find('\n', end + 1)) {
    std::string shorter = whole;
    all.push_back(shorter.erase(end - 1, 1));
    std::string other = whole;
    other[end - 1] = 'g';
    all.push_back(other);
  }
  for (const std::string& text : all) {
    write_file(path("identity"), text);
    const auto opened = open_log(options_);
    ASSERT_FALSE(opened) << text;
    EXPECT_TRUE(opened.error().code == core::Errc::local_corrupt ||
                opened.error().code == core::Errc::local_refused)
        << opened.error().detail;
    EXPECT_EQ(read_file(path("identity")), text);
  }
}

// A restored file may get the number that the old one had.
TEST_F(DirectoryFaultTest, AStoreOfTheSameNumberThatWasBornAtAnotherTimeIsACopy) {
  create();
  const StoredIdentity stored = *parse_identity(read_file(path("identity")));
  for (const FileMark& other :
       {FileMark{stored.store.inode + 1, stored.store.born_s, stored.store.born_ns},
        FileMark{stored.store.inode, stored.store.born_s + 1, stored.store.born_ns},
        FileMark{stored.store.inode, stored.store.born_s, stored.store.born_ns ^ 1U}}) {
    write_file(path("identity"), to_text({stored.identity, other}));
    const auto opened = open_log(options_);
    ASSERT_FALSE(opened);
    EXPECT_NE(opened.error().detail.find("is a copy or was restored"), std::string::npos)
        << opened.error().detail;
  }
}

}  // namespace
}  // namespace nemcon::log::test
