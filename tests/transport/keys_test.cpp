// Goal: a secret key is taken only from a file that nobody else can read, and no key that the whole
// world knows is taken at all. Method: real files with every mode.
#include "transport/keys.hpp"

#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

namespace nemcon::transport {
namespace {

namespace fs = std::filesystem;

// zmq_curve(7).
constexpr const char* manual_public_key = "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7";
constexpr const char* manual_secret_key = "JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh6";

class KeyFile : public testing::Test {
 protected:
  KeyFile() {
    std::string path = (fs::temp_directory_path() / "nemcon-keys-XXXXXX").string();
    EXPECT_NE(::mkdtemp(path.data()), nullptr);
    directory_ = path;
  }

  ~KeyFile() override { fs::remove_all(directory_); }

  [[nodiscard]] std::string path(const std::string& name) const {
    return (directory_ / name).string();
  }

  [[nodiscard]] std::string write(const std::string& text, mode_t mode) const {
    const std::string file = path("some.key");
    std::ofstream(file) << text;
    EXPECT_EQ(::chmod(file.c_str(), mode), 0);
    return file;
  }

  [[nodiscard]] static std::string why_not(const std::string& file) {
    const auto pair = read_key_file(file);
    return pair ? "" : pair.error().detail;
  }

 private:
  fs::path directory_;
};

std::string text_of(const std::string& file) {
  std::ifstream stream(file);
  return {std::istreambuf_iterator<char>(stream), {}};
}

TEST_F(KeyFile, IsMadeForItsOwnerOnlyAndReadBack) {
  const std::string file = path("a.key");

  const auto made = make_key_file(file);

  ASSERT_TRUE(made.has_value());

  struct stat facts {};

  ASSERT_EQ(::stat(file.c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 07777U, 0600U);
  const auto read = read_key_file(file);
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->public_key, *made);
  EXPECT_NE(text_of(file).find(to_text(*made)), std::string::npos);
}

TEST_F(KeyFile, IsNeverOverwritten) {
  const std::string file = path("a.key");
  ASSERT_TRUE(make_key_file(file).has_value());
  const std::string before = text_of(file);

  const auto again = make_key_file(file);

  ASSERT_FALSE(again.has_value());
  EXPECT_NE(again.error().detail.find("never overwritten"), std::string::npos);
  EXPECT_EQ(text_of(file), before);
}

TEST_F(KeyFile, ThatOthersMayUseIsRefused) {
  const std::string file = path("a.key");
  ASSERT_TRUE(make_key_file(file).has_value());
  for (const mode_t mode : {0640U, 0604U, 0660U, 0620U, 0602U, 0610U, 0601U, 0777U}) {
    ASSERT_EQ(::chmod(file.c_str(), mode), 0);
    EXPECT_NE(why_not(file).find("must have mode 0600"), std::string::npos) << std::oct << mode;
  }
  for (const mode_t mode : {0600U, 0400U}) {
    ASSERT_EQ(::chmod(file.c_str(), mode), 0);
    EXPECT_EQ(why_not(file), "") << std::oct << mode;
  }
}

TEST_F(KeyFile, OfTheManualIsRefused) {
  EXPECT_NE(why_not(write(std::string(manual_secret_key) + "\n", 0600)).find("manual of ZeroMQ"),
            std::string::npos);
}

TEST_F(KeyFile, WithoutAKeyIsRefused) {
  for (const char* const text :
       {"", "# only a comment\n", "too short\n", "~TKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh6\n"}) {
    EXPECT_NE(why_not(write(text, 0600)).find("holds no secret key"), std::string::npos) << text;
  }
  EXPECT_NE(why_not(path("absent")).find("cannot be opened"), std::string::npos);
  EXPECT_NE(why_not(fs::path(path("x")).parent_path().string()).find("is no file"),
            std::string::npos);
}

TEST(Keys, ComeBackFromTheirText) {
  for (int i = 0; i < 1000; ++i) {
    const KeyPair pair = make_key_pair();
    const auto parsed = parse_public_key(to_text(pair.public_key));
    ASSERT_TRUE(parsed.has_value());
    EXPECT_EQ(*parsed, pair.public_key);
  }
}

TEST(Keys, OfTheManualAndOfNobodyAreRefused) {
  EXPECT_FALSE(parse_public_key(manual_public_key).has_value());
  EXPECT_FALSE(parse_public_key(to_text(PublicKey{})).has_value());
  EXPECT_FALSE(parse_public_key("").has_value());
}

}  // namespace
}  // namespace nemcon::transport
