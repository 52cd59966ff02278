// Goal: keys and clients of a configuration are understood completely, or refused with a line that
// says where, what is wrong and what is allowed. Method: files and the exact lines.
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "node/config.hpp"
#include "node/node_keys.hpp"
#include "node/reload.hpp"

namespace nemcon::node {
namespace {

using Lines = std::vector<std::string>;

// Of nobody: their secret halves were thrown away.
constexpr const char* first_key = "O$=B*Enwm0tS@3oPNWl&*sN<5}lJ=bCD&Fb]V>I{";
constexpr const char* second_key = ">iI=Z.<pY!G@5cIadlE5z3bHMe7N]/q^9c^8rUTO";
constexpr const char* third_key = "-uCceESb*Itosc^0.DLBMqG{H=d#ZTx(/ABG}EKi";

constexpr const char* security = "[security]\nsecret_key_file = 'shop.key'\n";

CheckedConfig parse(const std::string& text) {
  return parse_config(text, "shop.toml", "host-1");
}

std::string quoted(std::string_view text) {
  return '"' + std::string(text) + '"';
}

TEST(ConfigKeys, ArePeersAndClientsWithOneOrSeveralEach) {
  const CheckedConfig checked =
      parse(std::string(security) + "[node]\nname = 'shop'\nlisten = 'tcp://0.0.0.0:7411'\n" +
            "[[peer]]\nname = 'billing'\nendpoint = 'tcp://billing.internal:7411'\npublic_key = " +
            quoted(first_key) + "\n[[client]]\nname = 'stock-app'\npublic_key = [" +
            quoted(second_key) + ", " + quoted(third_key) +
            "]\nallow = ['consume stock', 'serve reserve', 'send *@*', 'browse a.*@shop']\n");

  ASSERT_EQ(checked.errors, Lines{});
  // Nothing of it is plain text.
  EXPECT_EQ(checked.warnings, Lines{});
  const Config& config = checked.config;
  EXPECT_EQ(config.secret_key_file, "shop.key");
  ASSERT_EQ(config.peers.size(), 1u);
  ASSERT_EQ(config.peers[0].public_keys.size(), 1u);
  EXPECT_EQ(transport::to_text(config.peers[0].public_keys[0]), first_key);
  ASSERT_EQ(config.clients.size(), 1u);
  EXPECT_EQ(config.clients[0].name, "stock-app");
  ASSERT_EQ(config.clients[0].public_keys.size(), 2u);
  EXPECT_EQ(transport::to_text(config.clients[0].public_keys[1]), third_key);
  EXPECT_EQ(config.clients[0].allow,
            (Lines{"consume stock", "serve reserve", "send *@*", "browse a.*@shop"}));

  const std::string printed = to_text(config);
  const CheckedConfig again = parse(printed);
  EXPECT_EQ(again.errors, Lines{}) << printed;
  EXPECT_EQ(to_text(again.config), printed);
}

TEST(ConfigKeys, WhoConnectsElsewhereAndEverybodyNeedNoKey) {
  const CheckedConfig checked =
      parse(std::string(security) + "[[peer]]\nname = 'b'\nendpoint = 'ipc:///b'\npublic_key = " +
            quoted(first_key) + "\nvouches = ['till-*', 'kiosk']\n" +
            "[[client]]\nname = 'till-3'\nallow = ['send orders']\n" +
            "[[client]]\nname = '*'\nallow = ['send news', 'browse *']\n");

  ASSERT_EQ(checked.errors, Lines{});
  const core::Options options = engine_options(checked.config);
  EXPECT_EQ(options.permissions,
            (core::PermissionOptions{.secured = true,
                                     .clients = {{.name = "till-3", .allow = {"send orders"}},
                                                 {.name = "*", .allow = {"send news", "browse *"}}},
                                     .vouches = {{.peer = "b", .clients = {"till-*", "kiosk"}}}}));
  const std::string printed = to_text(checked.config);
  EXPECT_EQ(to_text(parse(printed).config), printed);
}

TEST(ConfigKeys, QuotasOfAClientAreItsOptions) {
  const CheckedConfig checked =
      parse(std::string(security) + "[[client]]\nname = 'app'\npublic_key = " + quoted(first_key) +
            "\nmax_rate = 100\nmax_in_flight = 16\nmax_bytes_per_second = '1MiB'\n");

  ASSERT_EQ(checked.errors, Lines{});
  const core::QuotaOptions wanted = {
      .rate_max = 100, .in_flight_max = 16, .bytes_per_second_max = 1U << 20U};
  EXPECT_EQ(checked.config.clients[0].quota, wanted);
  EXPECT_EQ(engine_options(checked.config).permissions.clients[0].quota, wanted);
  const std::string printed = to_text(checked.config);
  EXPECT_EQ(to_text(parse(printed).config), printed);
}

TEST(ConfigKeys, WithoutAKeyOfItsOwnANodeAllowsEverything) {
  EXPECT_FALSE(engine_options(parse("[node]\nname = 'shop'\n").config).permissions.secured);
}

TEST(ConfigKeys, FileOfTheSecretKeyIsBesideTheConfiguration) {
  const std::string file = testing::TempDir() + "config_keys_test.toml";
  FILE* const stream = std::fopen(file.c_str(), "w");
  ASSERT_NE(stream, nullptr);
  std::fputs(security, stream);
  std::fclose(stream);

  const CheckedConfig checked = read_config(file, "host-1");

  EXPECT_EQ(checked.config.secret_key_file, testing::TempDir() + "shop.key");
}

struct Case {
  const char* name;
  std::string text;
  Lines errors;
};

// NOLINTNEXTLINE(readability-identifier-naming): the name that GoogleTest looks for.
void PrintTo(const Case& c, std::ostream* out) {
  *out << c.name;
}

class ConfigKeyErrors : public testing::TestWithParam<Case> {};

TEST_P(ConfigKeyErrors, NameWhereWhatAndWhatIsAllowed) {
  EXPECT_EQ(parse(GetParam().text).errors, GetParam().errors);
}

const std::string peer = "[[peer]]\nname = 'b'\nendpoint = 'ipc:///b'\n";
const std::string client = "[[client]]\nname = 'app'\n";

// NOLINTNEXTLINE(cert-err58-cpp): it cannot throw but for want of memory.
const std::vector<Case> cases = {
    {"KeyButInsecure",
     std::string(security) + "insecure = true\n",
     {"shop.toml:3:12: key `security.insecure`: cannot be combined with `secret_key_file`, with "
      "which no link is plain text; take one of them out"}},
    {"PeerWithoutKey", security + peer, {"shop.toml:3:1: key `peer.public_key`: is missing"}},
    {"KeyOfNoUse",
     peer + "public_key = " + quoted(first_key) + "\n",
     {"shop.toml:4:14: key `peer.public_key`: is of no use without a `secret_key_file` in "
      "[security]"}},
    {"ClientWithoutKey", client, {"shop.toml:1:1: key `client.public_key`: is missing"}},
    {"NotAKey",
     security + peer + "public_key = 'too short'\n",
     {"shop.toml:6:14: key `peer.public_key`: \"too short\" is no public key; allowed: the 40 "
      "characters that nemcon keygen prints"}},
    {"LetterThatIsNoneOfZ85",
     security + peer + "public_key = '~$=B*Enwm0tS@3oPNWl&*sN<5}lJ=bCD&Fb]V>I{'\n",
     {"shop.toml:6:14: key `peer.public_key`: \"~$=B*Enwm0tS@3oPNWl&*sN<5}lJ=bCD&Fb]V>I{\" is no "
      "public key; allowed: the 40 characters that nemcon keygen prints"}},
    {"KeyOfTheManual",
     security + client + "public_key = 'Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID'\n",
     {"shop.toml:5:14: key `client.public_key`: \"Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID\" is "
      "printed in the manual of ZeroMQ, and its secret half as well; make one of your own by "
      "nemcon keygen"}},
    {"OneKeyForTwo",
     security + peer + "public_key = " + quoted(first_key) + "\n" + client + "public_key = [" +
         quoted(second_key) + ", " + quoted(first_key) + "]\n",
     {"shop.toml:9:59: key `client.public_key`: " + quoted(first_key) +
      " is already taken in line 6"}},
    {"KeyOfEverybody",
     security + std::string("[[client]]\nname = '*'\npublic_key = ") + quoted(first_key) + "\n",
     {"shop.toml:5:14: key `client.public_key`: is one client's; \"*\" stands for all that have a "
      "name"}},
    {"VouchesForNoName",
     security + peer + "public_key = " + quoted(first_key) + "\nvouches = 'till 3'\n",
     {"shop.toml:7:11: key `peer.vouches`: \"till 3\" is no name of clients; allowed: the letters "
      "of a name, and * for any letters"}},
    {"UnknownVerb",
     security + client + "public_key = " + quoted(first_key) + "\nallow = ['read stock']\n",
     {"shop.toml:6:10: key `client.allow`: \"read stock\" is no permission; allowed: \"VERB "
      "NAME@NODE\" or \"VERB NAME\" with a VERB of send, consume, serve, call, browse, admin, and "
      "* in NAME and NODE for any letters"}},
    {"QuotaOfWhoConnectsElsewhere",
     security + client + "max_rate = 5\n",
     {"shop.toml:5:12: key `client.max_rate`: is of no use without a `public_key`: it counts what "
      "a client submits at this node; write it at the nodes that the client connects to"}},
    {"QuotaOfNothing",
     security + client + "public_key = " + quoted(first_key) + "\nmax_in_flight = 0\n",
     {"shop.toml:6:17: key `client.max_in_flight`: 0 is out of range; allowed: a whole number from "
      "1 to "
      "1000000"}},
    {"ClientTwice",
     security + client + "public_key = " + quoted(first_key) + "\n" + client +
         "public_key = " + quoted(second_key) + "\n",
     {"shop.toml:7:8: key `client.name`: \"app\" is already taken in line 4"}},
};

std::string case_name(const testing::TestParamInfo<Case>& info) {
  return info.param.name;
}

INSTANTIATE_TEST_SUITE_P(Keys, ConfigKeyErrors, testing::ValuesIn(cases), case_name);

TEST(ConfigKeys, PermissionsHaveAVerbAndAPattern) {
  const std::string head = security + client + "public_key = " + quoted(first_key) + "\nallow = ";
  for (const char* const good : {"send *", "send *@*", "admin *@shop", "call a-*.b@*"}) {
    EXPECT_EQ(parse(head + quoted(good) + "\n").errors, Lines{}) << good;
  }
  for (const char* const bad : {"", "send", "send ", "send  a", "send a@", "send @b", "send a@b@c",
                                "send a b", "Send a", "send a/b"}) {
    EXPECT_EQ(parse(head + quoted(bad) + "\n").errors.size(), 1u) << bad;
  }
}

// 7 when it is.
[[noreturn]] void end_closed() {
  keep_memory_private();
  rlimit core{};
  core.rlim_max = 1;
  ::getrlimit(RLIMIT_CORE, &core);
  std::_Exit(::prctl(PR_GET_DUMPABLE) == 0 && core.rlim_max == 0 ? 7 : 1);
}

TEST(ConfigKeysDeathTest, ProcessWithAKeyIsClosedToOthers) {
  // In a process of its own, which this changes for good.
  EXPECT_EXIT(end_closed(), testing::ExitedWithCode(7), "");
}

TEST(ConfigKeys, OneKeyIsNotForTheNodeAndForSomebodyElse) {
  const std::string file = testing::TempDir() + "config_keys_test.key";
  std::remove(file.c_str());
  const auto made = transport::make_key_file(file);
  ASSERT_TRUE(made.has_value());
  Config config;
  config.secret_key_file = file;
  EXPECT_TRUE(load_keys(config).has_value());
  config.clients = {{.name = "app", .public_keys = {*made}, .allow = {}}};

  const auto keys = load_keys(config);

  ASSERT_FALSE(keys.has_value());
  EXPECT_NE(keys.error().detail.find("also that of \"app\""), std::string::npos);
}

// ---- reload ---------------------------------------------------------------------------------

TEST(Reload, TellsWhatTakesEffectFromWhatNeedsARestart) {
  const std::string text =
      std::string(security) + "[node]\nname = 'shop'\n" +
      "[[peer]]\nname = 'b'\nendpoint = 'ipc:///b'\npublic_key = " + quoted(first_key) +
      "\n[[client]]\nname = 'app'\npublic_key = " + quoted(second_key) + "\n";
  const Config running = parse(text).config;
  const auto after = [&](const auto& change) {
    Config next = running;
    change(next);
    return compare(running, next);
  };
  const transport::PublicKey third = *transport::parse_public_key(third_key);

  const Reload nothing = after([](Config&) {});
  EXPECT_EQ(nothing.changed, Lines{});
  EXPECT_EQ(nothing.needs_restart, Lines{});

  const Reload keys = after([&](Config& c) {
    c.peers[0].public_keys.push_back(third);
    c.clients[0].public_keys = {third};
    c.clients[0].allow = {"send *"};
    c.clients[0].quota.rate_max = 7;
    c.clients.push_back({.name = "new", .public_keys = {third}, .allow = {}});
  });
  EXPECT_EQ(keys.changed, (Lines{"peer b: public_key", "client app: public_key",
                                 "client app: allow", "client app: quota", "client new: is new"}));
  EXPECT_EQ(keys.needs_restart, Lines{});

  const Reload gone = after([](Config& c) {
    c.peers.clear();
    c.clients.clear();
  });
  EXPECT_EQ(gone.changed,
            (Lines{"peer b: its keys are not valid any more", "client app: is gone"}));
  EXPECT_EQ(gone.needs_restart, Lines{"peer b: is gone"});

  const Reload rest = after([](Config& c) {
    c.name = "x";
    c.data = "y";
    c.listen = {"ipc:///z"};
    c.queues.push_back({.name = "q"});
    c.witnesses = 3;
    c.limits.clients_max = 7;
    c.peers[0].endpoint = "ipc:///c";
    c.peers.push_back({.name = "n", .endpoint = "ipc:///n", .public_keys = {}});
    c.secret_key_file.clear();
    c.insecure = true;
  });
  EXPECT_EQ(rest.changed, Lines{});
  EXPECT_EQ(rest.needs_restart,
            (Lines{"[security] secret_key_file", "peer b: endpoint", "peer n: is new",
                   "[node] name", "[node] data", "[node] listen", "[security] insecure",
                   "[[queue]]", "[transactions]", "[limits]"}));
}

}  // namespace
}  // namespace nemcon::node
