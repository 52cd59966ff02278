// Goal: what `nemcon membership` promises: a serial that only rises, a key that only its owner has.
// Method: the real program on real files.
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/client/process.hpp"

namespace nemcon::tests {
namespace {

namespace fs = std::filesystem;

Ran nemcon(std::vector<std::string> words) {
  words.insert(words.begin(), NEMCON_CLI);
  return run(words, {}, {"NEMCON_NODE=", "NEMCON_CONFIG="});
}

std::string read_all(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

class Membership : public testing::Test {
 protected:
  Membership() {
    std::string name = testing::TempDir() + "membership-XXXXXX";
    directory_ = ::mkdtemp(name.data());
  }

  ~Membership() override { fs::remove_all(directory_); }

  Membership(const Membership&) = delete;
  Membership& operator=(const Membership&) = delete;

  fs::path directory_;
};

std::string text_of_members(const char* serial, const char* rest) {
  return std::string("# Ours.\nserial = ") + serial + "\n" + rest;
}

TEST_F(Membership, IsSignedWithRisingSerialsAndVerified) {
  const std::string key_file = (directory_ / "operator.key").string();
  const fs::path file = directory_ / "members.toml";
  const Ran made = nemcon({"membership", "keygen", key_file});
  ASSERT_EQ(made.exit_code, 0) << made.err;
  const std::string key = made.out.substr(0, 64);
  EXPECT_EQ(fs::status(key_file).permissions(), fs::perms::owner_read | fs::perms::owner_write);
  const auto sign = [&] {
    return nemcon({"--json", "membership", "sign", file.string(), "--key", key_file});
  };
  const auto verify = [&] {
    return nemcon({"membership", "verify", file.string(), "--operator-key", key});
  };
  std::ofstream{file} << text_of_members("5", "[[peer]]\n");
  EXPECT_EQ(verify().exit_code, 1);

  // As it is written the first time, and the same again.
  EXPECT_NE(sign().out.find("\"serial\":5,\"changed\":true"), std::string::npos);
  const std::string first = read_all(file);
  EXPECT_NE(sign().out.find("\"serial\":5,\"changed\":false"), std::string::npos);
  EXPECT_EQ(read_all(file), first);
  EXPECT_NE(verify().out.find("serial 5, digest "), std::string::npos) << verify().err;

  // A line behind the signature: not valid, and the next serial when it is signed.
  std::ofstream{file, std::ios::app} << "name = 'b'\n";
  EXPECT_NE(verify().err.find("last line is no signature"), std::string::npos) << verify().err;
  EXPECT_NE(sign().out.find("\"serial\":6,\"changed\":true"), std::string::npos);
  EXPECT_EQ(read_all(file).substr(0, 50),
            text_of_members("6", "[[peer]]\nname = 'b'\n# nemcon members 6 ").substr(0, 50));
  EXPECT_EQ(verify().exit_code, 0);
  EXPECT_FALSE(fs::exists(file.string() + ".new"));

  // Never below what was signed.
  std::string text = read_all(file);
  text.replace(text.find("serial = 6"), 10, "serial = 4");
  std::ofstream{file} << text;
  const Ran lower = nemcon({"membership", "sign", file.string(), "--key", key_file});
  EXPECT_EQ(lower.exit_code, 1);
  EXPECT_NE(lower.err.find("has serial 4, but was signed with serial 6"), std::string::npos)
      << lower.err;
}

TEST_F(Membership, KeyOfTheOperatorIsForItsOwnerAndForNothingElse) {
  const std::string key_file = (directory_ / "operator.key").string();
  const std::string node_key = (directory_ / "node.key").string();
  const std::string file = (directory_ / "members.toml").string();
  ASSERT_EQ(nemcon({"membership", "keygen", key_file}).exit_code, 0);
  ASSERT_EQ(nemcon({"keygen", node_key}).exit_code, 0);
  std::ofstream{file} << text_of_members("1", "");
  const auto why_not = [&](std::vector<std::string> words) {
    const Ran ran = nemcon(std::move(words));
    EXPECT_EQ(ran.exit_code, 1) << ran.out;
    return ran.err;
  };

  EXPECT_NE(why_not({"membership", "keygen", key_file}).find("never overwritten"),
            std::string::npos);
  EXPECT_NE(why_not({"membership", "sign", file, "--key", node_key})
                .find("holds no secret key; make one by nemcon membership keygen"),
            std::string::npos);
  EXPECT_NE(why_not({"keygen", "--show", key_file}).find("holds no secret key"), std::string::npos);
  fs::permissions(key_file, fs::perms::group_read, fs::perm_options::add);
  EXPECT_NE(why_not({"membership", "sign", file, "--key", key_file}).find("chmod 600"),
            std::string::npos);
}

}  // namespace
}  // namespace nemcon::tests
