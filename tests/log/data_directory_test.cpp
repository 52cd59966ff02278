// Goal: a data directory is opened only by the node that it belongs to, by one process, in a
// format that is known, with the store that it was made with; a refusal says why and touches
// nothing. Method: real directories, compared before and after.
#include "log/data_directory.hpp"

#include <memory>
#include <string>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "log/log.hpp"
#include "tests/log/directories.hpp"
#include "tests/log/samples.hpp"

namespace nemcon::log::test {
namespace {

class DataDirectoryTest : public testing::Test {
 protected:
  DataDirectoryTest() {
    options_.directory = directory_.path() + "/data";
    options_.node_name = "shop";
    options_.segment_bytes = 64U << 10U;
    options_.segment_count = 2;
    options_.map_bytes = 1U << 20U;
    options_.ballast_bytes = 64U << 10U;
  }

  // Makes it and closes it again.
  Identity create() {
    const auto opened = open_log(options_);
    EXPECT_TRUE(opened) << opened.error().detail;
    return opened ? opened->identity : Identity{};
  }

  // The reason of a refusal; "none" when it was opened. The directory must not have changed.
  std::string refusal() {
    const std::string before = picture_of(directory_.path());
    const auto opened = open_log(options_);
    if (opened) return "none";
    EXPECT_EQ(picture_of(directory_.path()), before) << opened.error().detail;
    return opened.error().detail;
  }

  [[nodiscard]] std::string path(const std::string& name) const {
    return options_.directory + "/" + name;
  }

  TemporaryDirectory directory_;
  LogOptions options_;
};

TEST_F(DataDirectoryTest, IsMadeForTheOwnerOnlyWhateverTheUmask) {
  const mode_t before = ::umask(0777);
  create();
  ::umask(before);

  for (const char* name : {"", "journal", "store"}) {
    struct stat status {};

    ASSERT_EQ(::stat(path(name).c_str(), &status), 0) << name;
    EXPECT_EQ(status.st_mode & 07777U, 0700U) << name;
  }
  for (const char* name :
       {"lock", "format", "identity", "journal/segment-0001", "store/data.mdb"}) {
    struct stat status {};

    ASSERT_EQ(::stat(path(name).c_str(), &status), 0) << name;
    EXPECT_EQ(status.st_mode & 07777U, 0600U) << name;
  }
}

TEST_F(DataDirectoryTest, KeepsItsIdentity) {
  const Identity made = create();
  const Identity found = create();

  EXPECT_EQ(made.node_name, "shop");
  EXPECT_EQ(made.node, node_id_of("shop", made.node.low));
  EXPECT_NE(made.node, node_id_of("shed", made.node.low));
  EXPECT_NE(made.node.low, 0U);
  EXPECT_NE(made.incarnation, core::Incarnation{});
  EXPECT_EQ(found.node, made.node);
  EXPECT_EQ(found.incarnation, made.incarnation);
  EXPECT_EQ(found.key, made.key);
}

TEST_F(DataDirectoryTest, EveryOneIsAnother) {
  const Identity one = create();
  options_.directory += "-2";
  const Identity two = create();

  EXPECT_NE(one.node, two.node);
  EXPECT_NE(one.incarnation, two.incarnation);
  EXPECT_FALSE(one.key == two.key);
}

TEST_F(DataDirectoryTest, MissingParentsAreMade) {
  options_.directory = directory_.path() + "/a/b/c/";

  create();

  EXPECT_EQ(::access((directory_.path() + "/a/b/c/identity").c_str(), F_OK), 0);
}

TEST_F(DataDirectoryTest, InUseNamesTheProcess) {
  const auto held = open_log(options_);
  ASSERT_TRUE(held);

  EXPECT_EQ(refusal(), options_.directory + " is in use by process " + std::to_string(::getpid()));
}

TEST_F(DataDirectoryTest, InUseByAnotherProcessToo) {
  create();
  int ready[2];
  int done[2];
  ASSERT_EQ(::pipe(ready), 0);
  ASSERT_EQ(::pipe(done), 0);
  const pid_t child = ::fork();
  char byte = 0;
  if (child == 0) {
    ::close(done[1]);
    const auto held = open_log(options_);
    byte = held ? '1' : '0';
    static_cast<void>(!::write(ready[1], &byte, 1));
    static_cast<void>(!::read(done[0], &byte, 1));
    ::_exit(0);
  }
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  ASSERT_EQ(byte, '1');

  EXPECT_EQ(refusal(), options_.directory + " is in use by process " + std::to_string(child));

  ::kill(child, SIGKILL);
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(refusal(), "none") << "a killed process leaves no lock";
  for (const int end : {ready[0], ready[1], done[0], done[1]})
    ::close(end);
}

TEST_F(DataDirectoryTest, AnotherNodesIsRefusedWithBothNames) {
  create();
  options_.node_name = "warehouse";

  EXPECT_EQ(refusal(),
            options_.directory + " is the data directory of node \"shop\", not of \"warehouse\"");
}

TEST_F(DataDirectoryTest, ANewerFormatIsRefused) {
  create();
  write_file(path("format"), "nemcon data directory, format 2\n");

  EXPECT_EQ(refusal(), options_.directory +
                           " has format 2, this program knows none newer than 1; use the newer " +
                           "program that wrote it");
}

TEST_F(DataDirectoryTest, AnUnreadableFormatIsRefused) {
  create();
  for (const char* text :
       {"", "nemcon data directory, format 1", "nemcon data directory, format 1x",
        "nemcon data directory, format 0\n", "nemcon data directory, format x\n", "garbage\n"}) {
    write_file(path("format"), text);
    EXPECT_EQ(refusal(), options_.directory + "/format does not say what format this is") << text;
  }
}

TEST_F(DataDirectoryTest, ACopiedStoreIsRefusedAndTheCureIsNamed) {
  create();
  const std::string store = path("store/data.mdb");
  write_file(store + ".copy", read_file(store));
  ASSERT_EQ(::rename((store + ".copy").c_str(), store.c_str()), 0);

  const std::string why = refusal();

  EXPECT_NE(why.find(store + " is a copy or was restored"), std::string::npos) << why;
  EXPECT_NE(why.find("--data-moved"), std::string::npos) << why;
}

TEST_F(DataDirectoryTest, ACopiedDirectoryIsRefused) {
  create();
  const std::string copy = directory_.path() + "/copy";
  ASSERT_EQ(std::system(("cp -a " + options_.directory + " " + copy).c_str()), 0);
  options_.directory = copy;

  EXPECT_NE(refusal().find("is a copy or was restored"), std::string::npos);
}

TEST_F(DataDirectoryTest, ADirectoryThatIsSaidToBeMovedIsTheSameNodeFromThenOn) {
  const Identity before = create();
  const std::string elsewhere = directory_.path() + "/elsewhere";
  ASSERT_EQ(std::system(("cp -a " + options_.directory + " " + elsewhere).c_str()), 0);
  options_.directory = elsewhere;

  options_.moved = true;
  const Identity after = create();
  options_.moved = false;

  EXPECT_EQ(after.node, before.node);
  EXPECT_EQ(after.incarnation, before.incarnation);
  EXPECT_EQ(refusal(), "none") << "it has to be said once only";
}

TEST_F(DataDirectoryTest, AFlippedBitInTheIdentityIsNoticed) {
  create();
  const std::string whole = read_file(path("identity"));
  for (std::size_t at = 0; at < whole.size(); ++at) {
    std::string flipped = whole;
    flipped[at] = static_cast<char>(flipped[at] ^ static_cast<char>(1U << (at % 8)));
    write_file(path("identity"), flipped);
    ASSERT_NE(refusal(), "none") << at;
  }
  write_file(path("identity"), whole);
  EXPECT_EQ(refusal(), "none");
}

TEST_F(DataDirectoryTest, AMissingIdentityIsNotMadeAnew) {
  create();
  ASSERT_EQ(::unlink(path("identity").c_str()), 0);

  EXPECT_EQ(refusal(), path("identity") + " is missing");
}

TEST_F(DataDirectoryTest, AMissingStoreOrJournalIsNotMadeAnew) {
  create();
  ASSERT_EQ(::rename(path("store/data.mdb").c_str(), path("data.mdb").c_str()), 0);
  EXPECT_NE(refusal(), "none");
  ASSERT_EQ(::rename(path("data.mdb").c_str(), path("store/data.mdb").c_str()), 0);

  ASSERT_EQ(std::system(("rm " + path("journal/segment-*")).c_str()), 0);
  const auto opened = open_log(options_);
  ASSERT_FALSE(opened);
  EXPECT_NE(opened.error().detail.find("the journal has no segments"), std::string::npos);
}

TEST_F(DataDirectoryTest, SomebodyElsesDirectoryIsRefused) {
  ASSERT_EQ(::mkdir(options_.directory.c_str(), 0755), 0);
  write_file(path("thesis.txt"), "chapter 1");

  EXPECT_EQ(refusal(),
            options_.directory +
                " is not a Nemcon data directory and not empty (it holds \"thesis.txt\")");
}

TEST_F(DataDirectoryTest, OneThatOthersMayWriteToIsRefusedNewOrNot) {
  const std::string& directory = options_.directory;
  const auto expect_refused = [&] {
    for (const mode_t mode : {0770U, 0702U}) {
      ASSERT_EQ(::chmod(directory.c_str(), mode), 0);
      EXPECT_EQ(refusal(), "others may write to " + directory + "; chmod 700 " + directory);
    }
  };
  ASSERT_EQ(::mkdir(directory.c_str(), 0700), 0);
  expect_refused();
  ASSERT_EQ(::chmod(directory.c_str(), 0750), 0);
  create();
  expect_refused();
}

TEST_F(DataDirectoryTest, AFileIsNoDirectory) {
  write_file(options_.directory, "a file");

  EXPECT_EQ(refusal(), options_.directory + " is not a directory");
}

TEST_F(DataDirectoryTest, AnOfflineToolOpensAnybodysButMakesNone) {
  const DirectoryOptions offline{.path = options_.directory, .creation = Creation::forbidden};
  const auto none = DataDirectory::open(offline);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().detail, options_.directory + " is not a Nemcon data directory");
  EXPECT_NE(::access(options_.directory.c_str(), F_OK), 0);
  create();

  const auto opened = DataDirectory::open(offline);

  ASSERT_TRUE(opened) << opened.error().detail;
  EXPECT_EQ((*opened)->identity().node_name, "shop");
}

// 1. begun 2. crash before the identity: the next start begins anew, whoever it is.
TEST_F(DataDirectoryTest, ACreationThatWasCutShortIsBegunAnew) {
  {
    auto begun = DataDirectory::open({.path = options_.directory, .node_name = "other"});
    ASSERT_TRUE(begun);
    ASSERT_TRUE((*begun)->is_new());
    ASSERT_TRUE(Store::create({.directory = (*begun)->store_directory(),
                               .key = (*begun)->identity().key,
                               .map_bytes = 1U << 20U,
                               .ballast_path = (*begun)->ballast_path()},
                              core::Lsn{55}));
  }

  const auto opened = open_log(options_);

  ASSERT_TRUE(opened) << opened.error().detail;
  EXPECT_EQ(opened->last, core::Lsn{});
  EXPECT_EQ(opened->identity.node_name, "shop");
}

// 1. identity written 2. crash before the format.
TEST_F(DataDirectoryTest, ACreationThatLacksOnlyTheFormatIsFinished) {
  const Identity made = create();
  ASSERT_EQ(::unlink(path("format").c_str()), 0);

  const Identity found = create();

  EXPECT_EQ(found.node, made.node);
  EXPECT_EQ(read_file(path("format")), "nemcon data directory, format 1\n");
}

TEST_F(DataDirectoryTest, ANameIsNeededAndHasOneLine) {
  options_.node_name = "";
  EXPECT_NE(refusal(), "none");
  options_.node_name = "two\nlines";
  EXPECT_NE(refusal(), "none");
  EXPECT_NE(::access(options_.directory.c_str(), F_OK), 0) << "nothing was made";
}

}  // namespace
}  // namespace nemcon::log::test
