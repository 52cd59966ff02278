// Goal: the command line: what it prints for people and for programs, and its exit codes.
// Method: the real binary against a scripted node; long texts against golden files, which
// NEMCON_WRITE_GOLDEN=1 writes anew.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <regex>
#include <thread>

#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/client/answers.hpp"
#include "tests/client/fake_node.hpp"
#include "tests/client/process.hpp"

namespace nemcon::tests {
namespace {

namespace fs = std::filesystem;

std::string read_all(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

void expect_golden(const std::string& name, const std::string& text) {
  const fs::path file = fs::path{NEMCON_GOLDEN} / name;
  if (std::getenv("NEMCON_WRITE_GOLDEN") != nullptr) {
    std::ofstream{file, std::ios::binary} << text;
    return;
  }
  EXPECT_EQ(text, read_all(file)) << "differs from " << file;
}

Ran nemcon(std::vector<std::string> words, const std::string& input = {}) {
  words.insert(words.begin(), NEMCON_CLI);
  return run(words, input, {"NEMCON_NODE=", "NEMCON_CONFIG="});
}

// What is different in every run.
std::string without_ids(std::string text) {
  for (std::size_t at = 0; (at = text.find("-0-", at)) != std::string::npos;) {
    if (at < 65) break;
    text.replace(at - 65, 65, "ID");
    at = at - 65 + 5;
  }
  return text;
}

class NemconCli : public ::testing::Test {
 protected:
  Ran at_node(std::vector<std::string> words, const std::string& input = {}) {
    words.insert(words.begin(), {"--node", node_.endpoint(), "--timeout", "20s"});
    return nemcon(std::move(words), input);
  }

  FakeNode node_;
};

// ---- help and wrong usage ---------------------------------------------------------------------

TEST(NemconCliHelp, SaysWhatThereIs) {
  const std::vector<std::vector<std::string>> commands = {{},
                                                          {"send"},
                                                          {"receive"},
                                                          {"transact"},
                                                          {"outcome"},
                                                          {"status"},
                                                          {"queues"},
                                                          {"transactions"},
                                                          {"transaction"},
                                                          {"mesh", "init"},
                                                          {"keygen"},
                                                          {"membership", "keygen"},
                                                          {"membership", "sign"},
                                                          {"membership", "verify"},
                                                          {"audit"},
                                                          {"reload"},
                                                          {"completion"}};
  std::string all;
  for (std::vector<std::string> words : commands) {
    words.emplace_back("--help");
    const Ran ran = nemcon(words);
    EXPECT_EQ(ran.exit_code, 0);
    EXPECT_EQ(ran.err, "");
    all += "$ nemcon";
    for (const std::string& word : words)
      all += " " + word;
    all += "\n" + ran.out + "\n";
  }
  expect_golden("help.txt", all);
}

TEST(NemconCliHelp, WrongUsageExits2AndSaysWhatIsRight) {
  const std::vector<std::vector<std::string>> wrong = {
      {},
      {"frobnicate"},
      {"send"},
      {"send", "orders"},
      {"send", "orders", "x", "--lines"},
      {"send", "orders", "x", "--header", "novalue"},
      {"receive", "orders", "--count", "0"},
      {"receive", "orders", "--count", "3", "--follow"},
      {"transact"},
      {"transact", "--send", "orders@shop"},
      {"transact", "--check", "orders@shop=many"},
      {"outcome", "17"},
      {"status", "--timeout", "soon"},
      {"status", "--node", "http://shop"},
      {"status", "--node", "tcp://192.0.2.7:7411"},
      {"mesh", "init", "shop"},
      {"mesh", "init", "shop", "shop", "--directory", "/nowhere"},
      {"mesh", "init", "-shop", "--directory", "/nowhere"},
      {"mesh", "init", "shop", "--directory", "/nowhere", "--queue", "orders@other"},
      {"mesh", "init", "shop", "--directory", "/nowhere", "--queue", "orders.dead@shop"},
      {"mesh", "init", "shop", "--directory", "/nowhere", "--queue", "a@shop", "--queue", "a@shop"},
      {"mesh", "init", "shop", "--directory", "/nowhere", "--host", "shop.example"},
      {"mesh", "init", "shop", "--directory", "/nowhere", "--host", "0.0.0.0"},
      {"mesh", "init", "operator", "--directory", "/nowhere"},
      {"mesh", "init", "shop", "--directory", "/nowhere", "--no-keys", "--insecure"},
      {"status", "--config", "/nowhere/operator.toml"},
      {"status", "--key", "shop.key"},
      {"status", "--key", "/nowhere/shop.key", "--node-key", "short"},
      {"status", "--config", "a.toml", "--key", "a.key"},
      {"keygen"},
      {"membership"},
      {"membership", "sign", "members.toml"},
      {"membership", "verify", "members.toml", "--operator-key", "short"},
      {"completion", "tcsh"}};
  std::string all;
  for (const std::vector<std::string>& words : wrong) {
    const Ran ran = nemcon(words);
    EXPECT_EQ(ran.exit_code, 2) << ran.err;
    EXPECT_EQ(ran.out, "");
    all += "$ nemcon";
    for (const std::string& word : words)
      all += " " + word;
    all += "\n" + ran.err + "\n";
  }
  expect_golden("wrong_usage.txt", all);
}

TEST(NemconCliHelp, CompletionOffersEveryCommandAndOption) {
  const std::string help = read_all(fs::path{NEMCON_GOLDEN} / "help.txt");
  for (const std::string shell : {"bash", "zsh", "fish"}) {
    const Ran ran = nemcon({"completion", shell});
    ASSERT_EQ(ran.exit_code, 0);
    for (std::size_t at = 0; (at = help.find("\n  --", at)) != std::string::npos;) {
      at += 3;
      const std::string option = help.substr(at, help.find_first_of(" ,=\n", at) - at);
      const std::string word = shell == "fish" ? "-l " + option.substr(2) : option;
      EXPECT_NE(ran.out.find(word), std::string::npos) << shell << " lacks " << option;
    }
  }
}

TEST(NemconCliHelp, NoNodeExits3AndSaysWhatToDo) {
  std::string address;
  {
    FakeNode gone;
    address = gone.endpoint();
  }

  const Ran ran = nemcon({"--node", address, "--timeout", "300ms", "send", "orders", "x"});
  EXPECT_EQ(ran.exit_code, 3);
  EXPECT_NE(ran.err.find(address), std::string::npos) << ran.err;
  EXPECT_NE(ran.err.find("NEMCON_NODE"), std::string::npos) << ran.err;

  const Ran json = nemcon({"--json", "--node", address, "--timeout", "300ms", "status"});
  EXPECT_EQ(json.exit_code, 3);
  EXPECT_EQ(json.err.rfind("{\"error\":\"no node is reachable: ", 0), 0U) << json.err;
  EXPECT_NE(json.err.find("\"class\":\"retryable\",\"reason\":\"unavailable\""), std::string::npos)
      << json.err;
}

// Also of words that were not understood: a program reads what it asked for.
TEST(NemconCliHelp, FailuresAreJsonForWhoAskedForJson) {
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"--json", "frobnicate"}, {"outcome", "17", "--json"}}) {
    const Ran ran = nemcon(words);
    EXPECT_EQ(ran.exit_code, 2);
    EXPECT_TRUE(ran.err.starts_with("{\"error\":\"")) << ran.err;
    EXPECT_NE(ran.err.find("\"class\":\"usage\""), std::string::npos) << ran.err;
  }
}

// ---- against a node ---------------------------------------------------------------------------

TEST_F(NemconCli, SendPrintsTheOutcomeAndTheId) {
  FakeNode::Settings settings;
  settings.commits = true;
  node_.set(settings);

  const Ran ran = at_node({"send", "orders@shop", "order 17", "--header", "a=b=c"});

  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  const auto submit = node_.wait_for_nth<core::Submit>(1);
  EXPECT_EQ(ran.out, "committed\nid: " + core::to_text(submit.id) + "\n");
  EXPECT_EQ(body_of(submit), "order 17");
  const auto headers = transport::decode_headers(submit.parts[0].content.headers.view());
  ASSERT_TRUE(headers);
  EXPECT_EQ(headers->at("a"), "b=c");
}

// So that the node says why, rather than that the client says it does not know.
TEST_F(NemconCli, SendTellsTheNodeHowLongItWaits) {
  FakeNode::Settings settings;
  settings.commits = true;
  node_.set(settings);

  EXPECT_EQ(at_node({"send", "orders@shop", "order 17"}).exit_code, 0);
  EXPECT_EQ(at_node({"send", "orders@shop", "--lines"}, "one").exit_code, 0);

  for (std::size_t nth = 1; nth <= 2; ++nth) {
    const std::uint32_t deadline_ms = node_.wait_for_nth<core::Submit>(nth).deadline_ms;
    EXPECT_GT(deadline_ms, 18'000U);
    EXPECT_LT(deadline_ms, 20'000U);
  }
}

TEST_F(NemconCli, SendTakesAFileOrStandardInputAsItIs) {
  FakeNode::Settings settings;
  settings.commits = true;
  node_.set(settings);
  const std::string bytes{"\0line\r\nno end", 13};

  EXPECT_EQ(at_node({"send", "orders", "--file", "-"}, bytes).exit_code, 0);

  EXPECT_EQ(body_of(node_.wait_for_nth<core::Submit>(1)), bytes);
  EXPECT_EQ(at_node({"send", "orders", "--file", "/nowhere/at/all"}).exit_code, 1);
}

TEST_F(NemconCli, SendLinesIsOneMessagePerLine) {
  FakeNode::Settings settings;
  settings.commits = true;
  node_.set(settings);

  const Ran ran = at_node({"--json", "send", "orders", "--lines"}, "one\n\nthree");

  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  const auto submits = node_.wait_for<core::Submit>(3);
  EXPECT_EQ(body_of(submits[0]), "one");
  EXPECT_EQ(body_of(submits[1]), "");
  EXPECT_EQ(body_of(submits[2]), "three");
  EXPECT_EQ(without_ids(ran.out),
            R"({"line":1,"outcome":{"state":"committed","id":"ID-0-1","at_ms":1000}})"
            "\n"
            R"({"line":2,"outcome":{"state":"committed","id":"ID-0-2","at_ms":1000}})"
            "\n"
            R"({"line":3,"outcome":{"state":"committed","id":"ID-0-3","at_ms":1000}})"
            "\n");
}

TEST_F(NemconCli, TransactPrintsWhoObjectedAndExits1) {
  std::thread answer([&] {
    node_.reply(rolled_back(node_.wait_for_nth<core::Submit>(1), core::Reason::service_refused,
                            "sold out"));
  });

  const Ran ran = at_node({"transact", "--send", "orders@shop=order 17", "--call",
                           "reserve@warehouse=2 pens", "--check", "orders@shop=100"});

  answer.join();
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_EQ(ran.out.rfind("rolled back by warehouse: sold out (refused by service)\nid: ", 0), 0U)
      << ran.out;
  const auto submit = node_.wait_for_nth<core::Submit>(1);
  ASSERT_EQ(submit.parts.size(), 3U);
  EXPECT_EQ(submit.parts[1].kind, core::OperationKind::call);
  EXPECT_EQ(submit.parts[2].kind, core::OperationKind::check);
  EXPECT_EQ(submit.parts[2].limit, 100U);
}

TEST_F(NemconCli, TransactPrintsReplies) {
  std::thread answer([&] {
    core::Concluded concluded = committed(node_.wait_for_nth<core::Submit>(1));
    concluded.replies = {{.headers = {}, .body = core::Bytes{"receipt \"5\"\n"}},
                         {.headers = {}, .body = core::Bytes{"\xff\xfe"}}};
    node_.reply(concluded);
  });

  const Ran ran = at_node({"--json", "transact", "--call", "reserve@warehouse=2 pens"});

  answer.join();
  EXPECT_EQ(ran.exit_code, 0);
  EXPECT_EQ(without_ids(ran.out),
            R"({"state":"committed","id":"ID-0-1","at_ms":1000,"replies":[)"
            R"({"headers":{},"body":"receipt \"5\"\n"},{"headers":{},"body_base64":"//4="}]})"
            "\n");
}

TEST_F(NemconCli, OutcomeExitsByWhatItIs) {
  const std::string id = "00000000000000000000000000000009-00000000000000000000000000000009-1-1";
  const std::vector<std::pair<core::Verdict, int>> expected = {
      {core::Verdict::committed, 0}, {core::Verdict::rolled_back, 1}, {core::Verdict::unknown, 3}};
  std::size_t count = 0;
  for (const auto& [verdict, exit_code] : expected) {
    ++count;
    const core::Verdict answered = verdict;
    std::thread answer([&] {
      const auto ask = node_.wait_for_nth<core::Ask>(count);
      node_.reply(core::Concluded{.request = ask.request, .id = ask.id, .verdict = answered});
    });
    EXPECT_EQ(at_node({"outcome", id}).exit_code, exit_code);
    answer.join();
  }
}

TEST_F(NemconCli, ReceivePrintsThenAcks) {
  std::thread answer([&] {
    const auto subscribe = node_.wait_for_nth<core::Subscribe>(1);
    node_.reply(core::Delivered{.subscription = subscribe.subscription,
                                .token = core::LeaseToken{11},
                                .delivery_count = 1,
                                .lease_ms = 30'000,
                                .at = core::Hlc::from_ms(5),
                                .producer = "shop-app",
                                .content = {.headers = {}, .body = core::Bytes{"order 17"}}});
    const auto settle = node_.wait_for_nth<core::Settle>(1);
    EXPECT_EQ(settle.tokens, std::vector{core::LeaseToken{11}});
    node_.reply(core::Settled{.request = settle.request, .lost = {}});
  });

  const Ran ran = at_node({"receive", "orders"});

  answer.join();
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_EQ(ran.out, "order 17\n");
}

TEST_F(NemconCli, ReceiveSaysWhenNothingCame) {
  std::thread answer([&] {
    const auto inspect = node_.wait_for_nth<core::Inspect>(1);
    node_.reply(core::Report{.request = inspect.request});
  });

  const Ran ran = nemcon({"--node", node_.endpoint(), "--timeout", "300ms", "receive", "orders"});

  answer.join();
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_EQ(ran.err.rfind("nemcon: 0 of 1 messages came to orders in 300 ms", 0), 0U) << ran.err;
}

core::Report sample_report(std::uint64_t request) {
  core::Report report{.request = request};
  report.nodes = {
      {.name = "shop", .node = {1, 2}, .boot = core::Boot{3}, .self = true, .live = true},
      {.name = "warehouse", .trouble = "no link"}};
  report.queues = {{.node = "shop",
                    .name = "orders",
                    .message_count = 12'345,
                    .byte_count = 1'000'000,
                    .leased_count = 3,
                    .prepared_count = 1,
                    .consumer_count = 2,
                    .local = true},
                   {.node = "warehouse", .name = "stock", .ordering = core::Ordering::mesh}};
  report.transactions = {
      {.id = {.initiator = {1, 2},
              .client = {3, 4},
              .epoch = core::Epoch{5},
              .sequence = core::Sequence{6}},
       .state = "in doubt",
       .principal = "checkout",
       .age_ms = 12'000,
       .branches = {{.branch = 0, .node = "shop", .what = "deliver orders", .state = "voted yes"},
                    {.branch = 1, .node = "warehouse", .what = "call reserve", .state = "waiting"}},
       .waiting_for = {"warehouse"}}};
  report.counts = {{.name = "transactions_undecided", .value = 1},
                   {.name = "frames_malformed", .value = 12}};
  return report;
}

TEST_F(NemconCli, LookingIsReadableAndAlsoJson) {
  const std::string id = "00000000000000010000000000000002-00000000000000030000000000000004-5-6";
  const std::vector<std::vector<std::string>> commands = {{"status"},
                                                          {"queues"},
                                                          {"transactions"},
                                                          {"transactions", "--in-doubt"},
                                                          {"transaction", id}};
  std::string all;
  std::size_t count = 0;
  for (const bool json : {false, true}) {
    for (std::vector<std::string> words : commands) {
      if (json) words.insert(words.begin(), "--json");
      ++count;
      std::thread answer(
          [&] { node_.reply(sample_report(node_.wait_for_nth<core::Inspect>(count).request)); });
      const Ran ran = at_node(words);
      answer.join();
      EXPECT_EQ(ran.exit_code, 0) << ran.err;
      all += "$ nemcon";
      for (const std::string& word : words)
        all += " " + word;
      all += "\n" + ran.out + "\n";
    }
  }
  expect_golden("looking.txt", all);
}

// ---- mesh init --------------------------------------------------------------------------------

class MeshInit : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "nemcon-mesh-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
  }

  void TearDown() override { fs::remove_all(directory_); }

  fs::path directory_;
};

// Keys are different in every run.
std::string without_keys(const std::string& text) {
  static const std::regex key{
      "(\"|public key: )[0-9a-zA-Z.:+=^!/*?&<>()\\[\\]{}@%$#-]{40}(?=\"|\n)"};
  return std::regex_replace(text, key, "$01KEY");
}

TEST_F(MeshInit, WritesOneReadyFileForEachNodeWithKeysInPlace) {
  const fs::path directory = directory_ / "new";
  const Ran ran =
      nemcon({"mesh", "init", "shop", "warehouse", "billing", "--directory", directory.string(),
              "--queue", "orders@shop", "--queue", "refunds@shop", "--queue", "invoices@billing"});

  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  std::string all;
  std::map<std::string, std::string> keys;
  for (const char* const name : {"shop", "warehouse", "billing", "operator"}) {
    all += read_all(directory / (std::string{name} + ".toml")) + "----\n";
    const std::string file = (directory / (std::string{name} + ".key")).string();
    EXPECT_EQ(fs::status(file).permissions(), fs::perms::owner_read | fs::perms::owner_write);
    const Ran shown = nemcon({"keygen", "--show", file});
    EXPECT_EQ(shown.exit_code, 0) << shown.err;
    keys[name] = shown.out.substr(0, 40);
  }
  expect_golden("mesh_init.txt", without_keys(all));
  // Each peer and client under its own key, and no secret in any of these files.
  const std::string shop = read_all(directory / "shop.toml");
  for (const char* const name : {"warehouse", "billing", "operator"}) {
    const std::size_t at = shop.find("name = \"" + std::string(name) + '"');
    ASSERT_NE(at, std::string::npos) << name;
    EXPECT_EQ(shop.find("public_key = \"" + keys[name] + '"', at), shop.find("public_key", at));
  }
  const std::string secret_file = read_all(directory / "shop.key");
  const std::string secret = secret_file.substr(secret_file.size() - 41, 40);
  EXPECT_EQ((all + ran.out + ran.err).find(secret), std::string::npos);
}

TEST_F(MeshInit, WritesNoKeysWhenToldSo) {
  const Ran ran = nemcon({"mesh", "init", "shop", "--directory", directory_.string(), "--no-keys"});

  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  expect_golden("mesh_init_no_keys.txt", read_all(directory_ / "shop.toml"));
  EXPECT_FALSE(fs::exists(directory_ / "shop.key"));
  EXPECT_NE(ran.out.find("There are no keys"), std::string::npos) << ran.out;
}

TEST_F(MeshInit, OverwritesNoKey) {
  std::ofstream{directory_ / "shop.key"} << "mine";

  const Ran ran = nemcon({"mesh", "init", "shop", "--directory", directory_.string()});

  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_NE(ran.err.find("shop.key is there already"), std::string::npos) << ran.err;
  EXPECT_EQ(read_all(directory_ / "shop.key"), "mine");
  EXPECT_FALSE(fs::exists(directory_ / "operator.key"));
}

TEST_F(MeshInit, NeverOverwrites) {
  std::ofstream{directory_ / "warehouse.toml"} << "mine";

  const Ran ran = nemcon({"mesh", "init", "shop", "warehouse", "--directory", directory_.string()});

  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_NE(ran.err.find("warehouse.toml is there already"), std::string::npos) << ran.err;
  EXPECT_EQ(read_all(directory_ / "warehouse.toml"), "mine");
  EXPECT_FALSE(fs::exists(directory_ / "shop.toml"));
}

TEST_F(MeshInit, SaysWhatAnOpenAddressMeans) {
  const Ran refused = nemcon({"mesh", "init", "shop", "--directory", directory_.string(), "--host",
                              "10.0.0.7", "--base-port", "9000", "--no-keys"});
  EXPECT_EQ(refused.exit_code, 0);
  EXPECT_NE(refused.out.find("will refuse to start"), std::string::npos) << refused.out;
  const std::string config = read_all(directory_ / "shop.toml");
  EXPECT_NE(config.find("listen = [\"tcp://10.0.0.7:9000\"]"), std::string::npos) << config;
  EXPECT_EQ(config.find("\ninsecure"), std::string::npos) << config;

  const Ran open = nemcon({"mesh", "init", "billing", "--directory", directory_.string(), "--host",
                           "10.0.0.7", "--insecure"});
  EXPECT_EQ(open.exit_code, 0);
  EXPECT_NE(read_all(directory_ / "billing.toml").find("[security]\ninsecure = true"),
            std::string::npos);
}

// ---- keys -------------------------------------------------------------------------------------

using Keys = MeshInit;

TEST_F(Keys, AreMadeOnceAndShownAgain) {
  const std::string file = (directory_ / "app.key").string();
  const Ran made = nemcon({"keygen", file});
  EXPECT_EQ(made.exit_code, 0) << made.err;
  EXPECT_EQ(made.out.size(), 41u) << made.out;

  EXPECT_EQ(nemcon({"keygen", "--show", file}).out, made.out);
  const Ran again = nemcon({"keygen", file});
  EXPECT_EQ(again.exit_code, 1);
  EXPECT_NE(again.err.find("never overwritten"), std::string::npos) << again.err;
  EXPECT_EQ(nemcon({"keygen", "--show", file}).out, made.out);
}

TEST_F(Keys, ThatOthersMayReadAreRefused) {
  const std::string file = (directory_ / "app.key").string();
  ASSERT_EQ(nemcon({"keygen", file}).exit_code, 0);
  const std::string key = nemcon({"keygen", "--show", file}).out.substr(0, 40);
  fs::permissions(file, fs::perms::group_read, fs::perm_options::add);

  const Ran ran = nemcon({"status", "--key", file, "--node-key", key});

  EXPECT_EQ(ran.exit_code, 2);
  EXPECT_NE(ran.err.find("chmod 600"), std::string::npos) << ran.err;
}

TEST_F(Keys, ClientFileSaysWhatIsWrongWithIt) {
  const std::string file = (directory_ / "client.toml").string();
  const auto why_not = [&](const std::string& text) {
    std::ofstream{file} << text;
    const Ran ran = nemcon({"status", "--config", file});
    EXPECT_EQ(ran.exit_code, 2) << text;
    return ran.err;
  };
  EXPECT_NE(why_not("[~x]\n").find("is not TOML"), std::string::npos);
  EXPECT_NE(why_not("x = \n").find(":1: is not TOML"), std::string::npos);
  EXPECT_NE(why_not("[client]\nkey = 'a'\n").find(":2: unknown key `key`"), std::string::npos);
  EXPECT_NE(why_not("[client]\nsecret_key_file = 'a'\n").find("has no [[node]]"),
            std::string::npos);
  EXPECT_NE(why_not("[[node]]\nname = 'a'\nendpoint = 'ipc:///a'\npublic_key = 'x'\n")
                .find("belong together"),
            std::string::npos);
}

TEST_F(Keys, OfANodeThatDoesNotRunAreNotReloaded) {
  EXPECT_EQ(nemcon({"reload", directory_.string()}).exit_code, 1);
  // What a node leaves behind that was killed; the number is somebody else's now.
  std::ofstream{directory_ / "lock"} << ::getpid() << "\n";

  const Ran ran = nemcon({"reload", directory_.string()});

  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_NE(ran.err.find("no node runs on"), std::string::npos) << ran.err;
}

}  // namespace
}  // namespace nemcon::tests
