// Goal: what has to be recorded is, in bounded room, and shows when it was touched, over restarts
// and crashes. Method: a real directory; time is the test's.
#include "node/audit.hpp"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <sys/stat.h>

namespace nemcon::node {
namespace {

namespace fs = std::filesystem;

class AuditRecord : public testing::Test {
 protected:
  AuditRecord() {
    std::string name = testing::TempDir() + "audit-XXXXXX";
    directory_ = mkdtemp(name.data());
  }

  ~AuditRecord() override { fs::remove_all(directory_); }

  AuditRecord(const AuditRecord&) = delete;
  AuditRecord& operator=(const AuditRecord&) = delete;

  std::unique_ptr<Audit> open(std::uint64_t file_bytes_max = 1U << 20U) {
    auto audit = Audit::open({.directory = directory_.string(),
                              .node = "shop",
                              .file_bytes_max = file_bytes_max,
                              .files_max = 3},
                             time_);
    EXPECT_TRUE(audit) << audit.error().detail;
    return audit ? std::move(audit).value() : nullptr;
  }

  [[nodiscard]] std::string read(const std::string& name = "audit.log") const {
    std::ifstream stream(directory_ / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
  }

  void write(const std::string& text, const std::string& name = "audit.log") const {
    std::ofstream(directory_ / name, std::ios::binary) << text;
  }

  [[nodiscard]] transport::AuditTrail trail() const {
    return transport::read_audit_trail(read(), transport::parse_audit_head(read("audit.head")));
  }

  // "KIND WHO WHAT xCOUNT" of all entries of the newest file.
  [[nodiscard]] std::vector<std::string> told() const {
    const transport::AuditTrail all = trail();
    EXPECT_TRUE(all.flaws.empty()) << all.flaws.front().what;
    std::vector<std::string> lines;
    for (const transport::AuditEntry& entry : all.entries) {
      lines.push_back(entry.kind + ' ' + entry.who + ' ' + entry.what + " x" +
                      std::to_string(entry.count));
    }
    return lines;
  }

  void pass(core::Duration duration) {
    time_.now += duration;
    time_.wall_ms += static_cast<std::uint64_t>(duration / std::chrono::milliseconds{1});
  }

  fs::path directory_;
  AuditTime time_{.now = core::Instant{std::chrono::seconds{1000}}, .wall_ms = 1'700'000'000'000};
};

using Lines = std::vector<std::string>;
using std::chrono::seconds;

TEST_F(AuditRecord, GoesOnOverRestartsAndNotesAChangedConfiguration) {
  for (const char* configuration : {"one", "one", "two"}) {
    const std::unique_ptr<Audit> audit = open();
    ASSERT_TRUE(audit->note_start(time_, "0.1.0", configuration));
    ASSERT_TRUE(audit->note(time_, AuditKind::stop, "", ""));
  }

  const std::string one = "configuration  digest " + transport::audit_digest("one") + " x1";
  const std::string two = "configuration  digest " + transport::audit_digest("two") + " x1";
  EXPECT_EQ(told(), (Lines{one, "start  0.1.0 x1", "stop   x1", "start  0.1.0 x1", "stop   x1", two,
                           "start  0.1.0 x1", "stop   x1"}));
}

TEST_F(AuditRecord, IsItsOwnersOnly) {
  const mode_t before = umask(0);
  open();
  umask(before);
  for (const char* name : {"audit.log", "audit.head"}) {
    struct stat status {};

    ASSERT_EQ(::stat((directory_ / name).c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0600U) << name;
  }
}

TEST_F(AuditRecord, WhatStrangersRepeatIsCounted) {
  const std::unique_ptr<Audit> audit = open();
  for (int i = 0; i < 1000; ++i)
    audit->note_often(time_, AuditKind::denied, "till", "send stock@shop");
  EXPECT_EQ(told(), (Lines{"denied till send stock@shop x1"}));

  pass(seconds{9});
  audit->tend(time_);
  EXPECT_EQ(told().size(), 1U);
  pass(seconds{1});
  audit->tend(time_);
  EXPECT_EQ(told(), (Lines{"denied till send stock@shop x1", "denied till send stock@shop x999"}));
}

TEST_F(AuditRecord, StrangersCannotPushOutTheRest) {
  const std::unique_ptr<Audit> audit = open();
  ASSERT_TRUE(audit->note(time_, AuditKind::membership, "ops", "resolve 7 --commit"));
  for (int i = 0; i < 50'000; ++i)
    audit->note_often(time_, AuditKind::authentication, "", "key " + std::to_string(i));
  pass(seconds{10});
  audit->tend(time_);

  const Lines all = told();
  EXPECT_EQ(all.size(), 1U + 100U + 1U);
  EXPECT_EQ(all.front(), "membership ops resolve 7 --commit x1");
  EXPECT_EQ(all.back(), "authentication  others, too many to be named x49900");
}

TEST_F(AuditRecord, OneClientCannotMakeOthersNameless) {
  const std::unique_ptr<Audit> audit = open();
  for (int i = 0; i < 5'000; ++i)
    audit->note_often(time_, AuditKind::denied, "evil", "send q" + std::to_string(i) + "@shop");
  audit->note_often(time_, AuditKind::denied, "till", "consume payroll@shop");
  pass(seconds{10});
  audit->tend(time_);

  const Lines all = told();
  EXPECT_EQ(all.size(), 100U + 2U);
  EXPECT_EQ(all.at(100), "denied till consume payroll@shop x1");
  EXPECT_EQ(all.at(101), "denied evil others, too many to be named x4900");
}

TEST_F(AuditRecord, AChangeThatTheDigestDoesNotShowIsNotedAllTheSame) {
  const std::unique_ptr<Audit> audit = open();
  ASSERT_TRUE(audit->note_configuration(time_, "port = 1", ""));
  ASSERT_TRUE(audit->note_configuration(time_, "port = 1", ""));
  ASSERT_TRUE(audit->note_configuration(time_, "port = 1", "[security] the key of this node"));

  EXPECT_EQ(told().size(), 2U);
  EXPECT_NE(told().back().find("the key of this node"), std::string::npos);
}

TEST_F(AuditRecord, ADecisionFollowsWhatWasCountedBefore) {
  const std::unique_ptr<Audit> audit = open();
  audit->note_often(time_, AuditKind::denied, "till", "admin *@shop");
  audit->note_often(time_, AuditKind::denied, "till", "admin *@shop");
  ASSERT_TRUE(audit->note(time_, AuditKind::membership, "ops", "purge stock"));

  EXPECT_EQ(told(), (Lines{"denied till admin *@shop x1", "denied till admin *@shop x1",
                           "membership ops purge stock x1"}));
}

TEST_F(AuditRecord, IsBoundedAndItsChainGoesOnFromFileToFile) {
  const std::unique_ptr<Audit> audit = open(2000);
  for (int i = 0; i < 60; ++i)
    ASSERT_TRUE(audit->note(time_, AuditKind::membership, "ops", "purge " + std::to_string(i)));

  std::size_t file_count = 0;
  for (const auto& entry : fs::directory_iterator(directory_)) {
    ++file_count;
    EXPECT_LT(entry.file_size(), 2600U) << entry.path();
  }
  EXPECT_EQ(file_count, 4U) << "three of the record, and the head";
  const transport::AuditTrail second = transport::read_audit_trail(read("audit.log.2"), {});
  const transport::AuditTrail first = transport::read_audit_trail(read("audit.log.1"), {});
  const transport::AuditTrail newest = trail();
  EXPECT_TRUE(second.flaws.empty() && first.flaws.empty() && newest.flaws.empty());
  EXPECT_EQ(first.before, second.newest);
  EXPECT_EQ(newest.before, first.newest);
  EXPECT_EQ(newest.newest.number, 60U);
}

TEST_F(AuditRecord, AnUnfinishedLineOfACrashIsCutOffAndNoted) {
  ASSERT_TRUE(open()->note(time_, AuditKind::stop, "", ""));
  write(read() + "{\"n\":2,\"ms\":17");

  open();

  EXPECT_EQ(told(), (Lines{"stop   x1", "record  14 bytes of an unfinished line were cut off x1"}));
}

TEST_F(AuditRecord, AMissingEndIsNoted) {
  std::string shorter;
  {
    const std::unique_ptr<Audit> audit = open();
    ASSERT_TRUE(audit->note(time_, AuditKind::start, "", "0.1.0"));
    shorter = read();
    ASSERT_TRUE(audit->note(time_, AuditKind::membership, "ops", "purge stock"));
    ASSERT_TRUE(audit->note(time_, AuditKind::stop, "", ""));
  }
  write(shorter);
  EXPECT_EQ(trail().flaws.size(), 1U);

  open();

  EXPECT_EQ(told(), (Lines{"start  0.1.0 x1",
                           "record  the end was missing: entries up to number 3 had been written "
                           "x1"}));
}

TEST_F(AuditRecord, ATouchedOneIsPutAsideAndToldOf) {
  ASSERT_TRUE(open()->note(time_, AuditKind::membership, "mallory", "purge stock"));
  std::string text = read();
  text.replace(text.find("mallory"), 7, "nobody1");
  write(text);

  open();

  const Lines all = told();
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(
      all[0].find("record  audit.log was touched, see audit.log.touched-1700000000000: line 2"), 0U)
      << all[0];
  EXPECT_EQ(read("audit.log.touched-1700000000000"), text);
}

TEST_F(AuditRecord, GoesOnInTheOldFileWhileNoNewOneCanBeMade) {
  const std::unique_ptr<Audit> audit = open(2000);
  const auto note = [&](int number) {
    return audit->note(time_, AuditKind::membership, "ops", "purge " + std::to_string(number));
  };
  int count = 0;
  while (!fs::exists(directory_ / "audit.log.1"))
    ASSERT_TRUE(note(++count));
  fs::create_directory(directory_ / "audit.log.new");

  while (note(count + 1))
    ++count;
  EXPECT_EQ(audit->lost_count(), 1U);
  EXPECT_FALSE(note(count + 2));
  EXPECT_EQ(audit->lost_count(), 2U);
  EXPECT_FALSE(fs::exists(directory_ / "audit.log.2")) << "nothing was pushed out by what failed";
  EXPECT_GT(fs::file_size(directory_ / "audit.log"), 3900U);

  fs::remove(directory_ / "audit.log.new");
  ASSERT_TRUE(note(++count));
  const transport::AuditTrail old = transport::read_audit_trail(read("audit.log.1"), {});
  EXPECT_TRUE(old.flaws.empty());
  EXPECT_EQ(trail().before, old.newest);
  EXPECT_EQ(told(), (Lines{"membership ops purge " + std::to_string(count) + " x1"}));
}

TEST_F(AuditRecord, GoesOnWhereARotationWasCutOff) {
  std::unique_ptr<Audit> audit = open(2000);
  while (!fs::exists(directory_ / "audit.log.1"))
    ASSERT_TRUE(audit->note(time_, AuditKind::membership, "ops", "purge"));
  audit.reset();
  const transport::AuditTrail old = transport::read_audit_trail(read("audit.log.1"), {});
  // As it is between the two renames: the first line only, and the head not written yet.
  const std::string begun = read();
  write(begun.substr(0, begun.find('\n') + 1), "audit.log.new");
  write(transport::to_text(old.newest), "audit.head");
  fs::remove(directory_ / "audit.log");

  audit = open(2000);
  ASSERT_TRUE(audit->note(time_, AuditKind::stop, "", ""));

  EXPECT_EQ(told(), (Lines{"stop   x1"}));
  EXPECT_EQ(trail().before, old.newest);
}

TEST_F(AuditRecord, ADeletedOneIsToldOf) {
  ASSERT_TRUE(open()->note(time_, AuditKind::membership, "mallory", "purge stock"));
  fs::remove(directory_ / "audit.log");

  open();

  EXPECT_EQ(told(), (Lines{"record  the file audit.log was gone x1"}));
  EXPECT_EQ(trail().newest.number, 2U);
}

TEST_F(AuditRecord, LongTextsAreCut) {
  const std::unique_ptr<Audit> audit = open();
  audit->note_often(time_, AuditKind::denied, std::string(100'000, 'x'), "send");

  EXPECT_LT(read().size(), 2000U);
}

}  // namespace
}  // namespace nemcon::node
