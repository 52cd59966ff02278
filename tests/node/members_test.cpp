// Goal: the nodes of a mesh are those that its operator signed, no byte of it different, and none
// that were replaced since. Method: real files in a directory of the test; each bit of a small file
// flipped; a disk that fails at each call.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "node/accepted_members.hpp"
#include "node/node_keys.hpp"
#include "transport/members_file.hpp"

namespace nemcon::node {
namespace {

namespace fs = std::filesystem;
using Lines = std::vector<std::string>;

class MembershipFile : public testing::Test {
 protected:
  MembershipFile() {
    std::string name = testing::TempDir() + "members-XXXXXX";
    directory_ = mkdtemp(name.data());
    fs::create_directory(data());
    operator_key_ = *transport::make_operator_key_file(path("operator.key"));
    for (const char* const node : {"shop", "billing"})
      keys_.push_back(
          transport::to_text(*transport::make_key_file(path(node + std::string(".key")))));
  }

  ~MembershipFile() override { fs::remove_all(directory_); }

  MembershipFile(const MembershipFile&) = delete;
  MembershipFile& operator=(const MembershipFile&) = delete;

  [[nodiscard]] std::string path(const std::string& name) const {
    return (directory_ / name).string();
  }

  [[nodiscard]] std::string data() const { return path("data"); }

  void write(const std::string& name, const std::string& text) const {
    std::ofstream(path(name), std::ios::binary) << text;
  }

  [[nodiscard]] std::string read(const std::string& name) const {
    std::ifstream stream(path(name), std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
  }

  [[nodiscard]] std::string content(const std::string& serial) const {
    return "serial = " + serial +
           "\n[[peer]]\nname = 'shop'\nendpoint = 'ipc:///s'\npublic_key = \"" + keys_[0] +
           "\"\n[[peer]]\nname = 'billing'\nendpoint = 'ipc:///b'\npublic_key = \"" + keys_[1] +
           "\"\nvouches = 'till-*'\n";
  }

  [[nodiscard]] std::string sign(const std::string& text) const {
    const auto secret = transport::read_operator_key_file(path("operator.key"));
    const auto done = transport::sign_members(text, *secret);
    EXPECT_TRUE(done) << done.error().detail;
    return done->text;
  }

  // Of node "shop", with this membership file.
  [[nodiscard]] CheckedConfig with(const std::string& members, const std::string& more = {}) const {
    write("members.toml", members);
    write("shop.toml", "[node]\nname = 'shop'\ndata = '" + data() +
                           "'\nlisten = 'ipc:///s'\n[security]\nsecret_key_file = 'shop.key'\n"
                           "membership_file = 'members.toml'\noperator_key = '" +
                           transport::to_text(operator_key_) + "'\n" + more);
    return read_config(path("shop.toml"), "host");
  }

  [[nodiscard]] Config signed_config(const std::string& serial,
                                     const std::string& more = {}) const {
    const CheckedConfig checked = with(sign(content(serial) + more));
    EXPECT_EQ(checked.errors, Lines{});
    return checked.config;
  }

  // What is wrong with the only error, without the path of the file.
  [[nodiscard]] std::string why_not(const std::string& members) const {
    const CheckedConfig checked = with(members);
    EXPECT_EQ(checked.errors, checked.member_errors);
    if (checked.errors.size() != 1) return std::to_string(checked.errors.size()) + " errors";
    EXPECT_TRUE(checked.errors[0].starts_with(path("members.toml") + ':')) << checked.errors[0];
    return checked.errors[0].substr(path("members.toml").size());
  }

  log::KernelFiles files_;
  fs::path directory_;
  transport::OperatorKey operator_key_;
  Lines keys_;
};

TEST_F(MembershipFile, GivesThePeersAndWhatTheOthersKnowOfThisNode) {
  const Config config = signed_config("7");

  ASSERT_EQ(config.peers.size(), 1u);
  EXPECT_EQ(config.peers[0].name, "billing");
  EXPECT_EQ(config.peers[0].endpoint, "ipc:///b");
  EXPECT_EQ(transport::to_text(config.peers[0].public_keys.at(0)), keys_[1]);
  EXPECT_EQ(config.peers[0].vouches, Lines{"till-*"});
  EXPECT_EQ(config.members.serial, 7u);
  EXPECT_EQ(config.members.file, path("members.toml"));
  EXPECT_TRUE(load_keys(config));
  EXPECT_NE(to_text(config).find("serial 7:\n#\n# [[peer]]\n# name = \"billing\""),
            std::string::npos)
      << to_text(config);
}

TEST_F(MembershipFile, IsRefusedWithAnyBitOfItFlipped) {
  const std::string text = sign("serial = 7\n[[peer]]\n");
  ASSERT_TRUE(transport::open_members(text, operator_key_));

  for (std::size_t at = 0; at < text.size(); ++at) {
    for (unsigned bit = 0; bit < 8; ++bit) {
      std::string touched = text;
      touched[at] = static_cast<char>(static_cast<unsigned char>(touched[at]) ^ (1U << bit));
      EXPECT_FALSE(transport::open_members(touched, operator_key_)) << at << ' ' << bit;
    }
  }
}

TEST_F(MembershipFile, IsRefusedCutShortOrLengthenedAnywhere) {
  const std::string text = sign("serial = 7\n[[peer]]\n");

  for (std::size_t at = 0; at <= text.size(); ++at) {
    if (at < text.size()) {
      EXPECT_FALSE(transport::open_members(text.substr(0, at), operator_key_)) << at;
      EXPECT_FALSE(transport::open_members(text.substr(0, at) + text.substr(at + 1), operator_key_))
          << at;
    }
    for (const char* const more : {"\n", " ", "0", "#\n"}) {
      std::string touched = text;
      touched.insert(at, more);
      EXPECT_FALSE(transport::open_members(touched, operator_key_)) << at;
    }
  }
}

TEST_F(MembershipFile, SaysFileSerialKeyAndRemedyWhenItIsNotTheOperators) {
  const std::string text = sign(content("7"));
  std::string touched = text;
  touched[touched.find("ipc:///b") + 7] = 'c';

  EXPECT_EQ(why_not(touched),
            ": its signature does not fit the operator's key " + transport::to_text(operator_key_) +
                ": it was changed after it was signed with serial 7, or another key signed it; "
                "have the operator sign it: nemcon membership sign FILE --key KEY");
  EXPECT_EQ(why_not(content("7")),
            ": its last line is no signature; have the operator sign it: nemcon membership sign "
            "FILE --key KEY");
  // Nothing of it is taken.
  EXPECT_TRUE(with(touched).config.peers.empty());
  const transport::OperatorKey other = *transport::make_operator_key_file(path("other.key"));
  EXPECT_FALSE(transport::open_members(text, other));
}

TEST_F(MembershipFile, HasWhatItsLinesSayOrAnErrorForEach) {
  EXPECT_EQ(why_not(sign("serial = 1\n[[peer]]\nname = 'shop'\nendpoint = 'ipc:///s'\n")),
            ":2:1: key `peer.public_key`: is missing");
  EXPECT_EQ(why_not(sign(content("1") + "[[queue]]\nname = 'x'\n")),
            ":11:3: key `queue`: unknown key; allowed: serial, peer");
  EXPECT_EQ(why_not(sign("serial = 1\n[~x]\n")),
            ":2:1: is not TOML: a key or the name of a table begins with what no name may begin "
            "with");
  EXPECT_EQ(
      why_not(sign("serial = 1\n[[peer]]\nname = 'b'\nendpoint = 'ipc:///b'\npublic_key = \"" +
                   keys_[1] + "\"\n")),
      ": has no [[peer]] \"shop\", so that this node is none of the mesh; have the operator "
      "add it, or look at `node.name`");
  for (const char* const none : {"", "0", "-1", "07", "1_000", "'1'", "1000000000000000001"}) {
    const auto secret = transport::read_operator_key_file(path("operator.key"));
    const auto result = transport::sign_members(std::string("serial = ") + none + "\n", *secret);
    ASSERT_FALSE(result) << none;
    EXPECT_TRUE(result.error().detail.starts_with("has no serial")) << none;
  }
}

TEST_F(MembershipFile, IsAloneAndWithKeys) {
  const std::string members = sign(content("1"));
  const CheckedConfig both = with(
      members, "[[peer]]\nname = 'x'\nendpoint = 'ipc:///x'\npublic_key = \"" + keys_[1] + "\"\n");
  ASSERT_EQ(both.errors.size(), 1u);
  EXPECT_NE(both.errors[0].find("key `peer`: cannot be combined with `security.membership_file`"),
            std::string::npos)
      << both.errors[0];

  const auto errors = [](const std::string& security) {
    return parse_config("[security]\n" + security, "shop.toml", "host").errors;
  };
  EXPECT_EQ(errors("operator_key = 'x'\n"),
            (Lines{"shop.toml:1:1: key `security.membership_file`: is missing",
                   "shop.toml:2:16: key `security.operator_key`: \"x\" is no key of an operator; "
                   "allowed: the 64 digits that nemcon membership keygen prints"}));
  EXPECT_EQ(errors("membership_file = 'm'\n"),
            (Lines{"shop.toml:1:1: key `security.operator_key`: is missing",
                   "shop.toml:1:1: key `security.secret_key_file`: is missing"}));
}

TEST_F(MembershipFile, OneKeyIsNotForANodeAndAClient) {
  const CheckedConfig checked =
      with(sign(content("1")), "[[client]]\nname = 'app'\npublic_key = \"" + keys_[1] + "\"\n");

  ASSERT_EQ(checked.errors.size(), 1u);
  EXPECT_TRUE(
      checked.errors[0].ends_with("\" is already taken in line 9 of " + path("members.toml")))
      << checked.errors[0];
}

TEST_F(MembershipFile, HasToKnowTheKeyOfThisNode) {
  Config config = signed_config("1");
  config.secret_key_file = path("billing.key");

  const auto keys = load_keys(config);

  ASSERT_FALSE(keys);
  EXPECT_NE(keys.error().detail.find("[[peer]] \"shop\" has not the public key " + keys_[1]),
            std::string::npos)
      << keys.error().detail;
}

// ---- no way back ------------------------------------------------------------------------------

TEST_F(MembershipFile, IsNotReplacedByAnOlderOneOrAnotherOfTheSameSerial) {
  const Config seventh = signed_config("7");
  ASSERT_EQ(*compare_members(files_, seventh), MembersAge::newer);
  ASSERT_TRUE(remember_members(files_, seventh));

  EXPECT_EQ(*compare_members(files_, seventh), MembersAge::same);
  const auto older = compare_members(files_, signed_config("6"));
  ASSERT_FALSE(older);
  EXPECT_EQ(older.error().detail,
            path("members.toml") +
                ": serial 6 is older than serial 7, which this node has accepted; bring it the "
                "newest file, or have the operator sign this one with a higher serial: nemcon "
                "membership sign");
  const auto other = compare_members(files_, signed_config("7", "# Another.\n"));
  ASSERT_FALSE(other);
  EXPECT_NE(other.error().detail.find("serial 7 is signed twice"), std::string::npos);
  EXPECT_EQ(*compare_members(files_, signed_config("8")), MembersAge::newer);
}

TEST_F(MembershipFile, AcceptedSerialThatWasTouchedIsNoneToRelyOn) {
  const Config config = signed_config("7");
  ASSERT_TRUE(remember_members(files_, config));
  const std::string text = read("data/membership");

  for (std::size_t at = 0; at < text.size(); ++at) {
    std::string touched = text;
    touched[at] = static_cast<char>(touched[at] ^ 1);
    write("data/membership", touched);
    const auto age = compare_members(files_, config);
    ASSERT_FALSE(age) << at;
    EXPECT_NE(age.error().detail.find("is damaged"), std::string::npos);
  }
  write("data/membership", "");
  EXPECT_FALSE(compare_members(files_, config));
}

// Fails at one call, and says which were made.
class FailingFiles final : public log::FileOperations {
 public:
  explicit FailingFiles(std::size_t fails_at) : fails_at_(fails_at) {}

  int open(const std::string& path, int flags) override {
    return call("open") ? kernel_.open(path, flags) : -EIO;
  }

  ssize_t pread(int file, char* into, std::size_t byte_count, std::uint64_t offset) override {
    return kernel_.pread(file, into, byte_count, offset);
  }

  ssize_t pwrite(int file, const char* from, std::size_t byte_count,
                 std::uint64_t offset) override {
    return call("write") ? kernel_.pwrite(file, from, byte_count, offset) : -ENOSPC;
  }

  int fdatasync(int file) override { return kernel_.fdatasync(file); }

  int fsync(int file) override { return call("fsync") ? kernel_.fsync(file) : -EIO; }

  int ftruncate(int file, std::uint64_t byte_count) override {
    return kernel_.ftruncate(file, byte_count);
  }

  int rename(const std::string& from, const std::string& to) override {
    return call("rename") ? kernel_.rename(from, to) : -EIO;
  }

  int unlink(const std::string& path) override { return kernel_.unlink(path); }

  int list(const std::string& directory, std::vector<std::string>& names) override {
    return kernel_.list(directory, names);
  }

  void drop_cache(int file) override { kernel_.drop_cache(file); }

  void close(int file) override { kernel_.close(file); }

  [[nodiscard]] const Lines& calls() const { return calls_; }

 private:
  bool call(const char* name) {
    calls_.emplace_back(name);
    return calls_.size() != fails_at_;
  }

  std::size_t fails_at_;
  log::KernelFiles kernel_;
  Lines calls_;
};

TEST_F(MembershipFile, IsRememberedBeforeItCountsAndWholeOrNotAtAll) {
  ASSERT_TRUE(remember_members(files_, signed_config("7")));
  const Config next = signed_config("8");
  const Lines order = {"open", "write", "fsync", "rename", "open", "fsync"};

  for (std::size_t fails_at = 1; fails_at <= order.size(); ++fails_at) {
    FailingFiles failing(fails_at);
    const core::Status done = remember_members(failing, next);
    ASSERT_FALSE(done) << fails_at;
    EXPECT_EQ(done.error().code, core::Errc::local_failed);
    // The old one or the new one; neither lets an older one in.
    EXPECT_TRUE(compare_members(files_, next)) << fails_at;
    EXPECT_FALSE(compare_members(files_, signed_config("6"))) << fails_at;
  }
  FailingFiles sound(0);
  EXPECT_TRUE(remember_members(sound, next));
  EXPECT_EQ(sound.calls(), order);
  EXPECT_EQ(*compare_members(files_, next), MembersAge::same);
}

}  // namespace
}  // namespace nemcon::node
