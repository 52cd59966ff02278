// Goal: a configuration is either understood completely, or refused with a line that says where,
// which key, what is wrong and what is allowed. Method: a table of files and the exact lines.
#include "node/config.hpp"

#include <chrono>
#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace nemcon::node {
namespace {

using namespace std::chrono_literals;
using Lines = std::vector<std::string>;

CheckedConfig parse(std::string_view text) {
  return parse_config(text, "shop.toml", "host-1");
}

struct Case {
  const char* name;
  const char* text;
  Lines errors;
};

// NOLINTNEXTLINE(readability-identifier-naming): the name that GoogleTest looks for.
void PrintTo(const Case& c, std::ostream* out) {
  *out << c.name;
}

class ConfigErrors : public testing::TestWithParam<Case> {};

TEST_P(ConfigErrors, NameFileLineKeyAndWhatIsAllowed) {
  EXPECT_EQ(parse(GetParam().text).errors, GetParam().errors);
}

const Case not_toml[] = {
    {"TornLine",
     "[node\nname = 'x'\n",
     {"shop.toml:1:6: is not TOML: Error while parsing table header: expected ']', saw '\\n'"}},
    // The parser of Debian 12 would end the process here.
    {"BadNameOfATable",
     "[node]\nname = 'a'\n[~ode]\n",
     {"shop.toml:3:1: is not TOML: a key or the name of a table begins with what no name may begin "
      "with"}},
    {"LetterThatIsNotAscii",
     "# Zürich\n[node]\nnamé = 'a'\n",
     {"shop.toml:3:1: is not TOML: outside of comments only ASCII characters are allowed; a string "
      "may have them as \\uXXXX"}},
    {"KeyTwice",
     "[node]\nname = 'a'\nname = 'b'\n",
     {"shop.toml:3:8: is not TOML: Error while parsing key-value pair: cannot redefine existing "
      "string 'name'"}},
};

const Case shapes[] = {
    {"UnknownSection",
     "[nodes]\nname = 'a'\n",
     {"shop.toml:1:2: key `nodes`: unknown key; did you mean `node`?; allowed: security, node, "
      "peer, client, queue, transactions, limits, http"}},
    {"UnknownKeyFarFromAll",
     "[node]\ncolour = 'red'\n",
     {"shop.toml:2:1: key `node.colour`: unknown key; allowed: name, data, listen, "
      "scrub_interval"}},
    {"UnknownKeyNearOne",
     "[[queue]]\nname = 'a'\nmax_message = 3\n",
     {"shop.toml:3:1: key `queue.max_message`: unknown key; did you mean `max_messages`?; "
      "allowed: name, ordering, lease, max_deliveries, max_messages, max_bytes, when_full"}},
    {"OneTableForAList",
     "[queue]\nname = 'a'\n",
     {"shop.toml:1:1: key `queue`: must be a list of tables; write each as [[queue]]"}},
    {"ListForOneTable",
     "[[node]]\nname = 'a'\n",
     {"shop.toml:1:1: key `node`: must be one table; write it as [node]"}},
    {"ValueForATable",
     "limits = 3\n",
     {"shop.toml:1:10: key `limits`: must be one table; write it as [limits]"}},
    {"ValueForAList",
     "peer = 'shop'\n",
     {"shop.toml:1:8: key `peer`: must be a list of tables; write each as [[peer]]"}},
};

const Case names[] = {
    {"NodeNameWithSpace",
     "[node]\nname = 'my shop'\n",
     {"shop.toml:2:8: key `node.name`: \"my shop\" is no name; allowed: 1 to 100 of the letters "
      "a-z, A-Z, digits, '.', '_', '-', the first a letter, digit or '_'"}},
    {"QueueNameWithAt",
     "[[queue]]\nname = 'orders@shop'\n",
     {"shop.toml:2:8: key `queue.name`: \"orders@shop\" is no name; allowed: 1 to 100 of the "
      "letters a-z, A-Z, digits, '.', '_', '-', the first a letter, digit or '_'"}},
    {"EmptyName",
     "[[queue]]\nname = ''\n",
     {"shop.toml:2:8: key `queue.name`: \"\" is no name; allowed: 1 to 100 of the letters a-z, "
      "A-Z, digits, '.', '_', '-', the first a letter, digit or '_'"}},
    {"NameIsNoString",
     "[node]\nname = 7\n",
     {"shop.toml:2:8: key `node.name`: is an integer; allowed: a string"}},
    {"MissingNames",
     "[[queue]]\nlease = '1s'\n[[peer]]\nendpoint = 'tcp://localhost:7411'\n",
     {"shop.toml:1:1: key `queue.name`: is missing", "shop.toml:3:1: key `peer.name`: is missing"}},
    {"QueueTwice",
     "[[queue]]\nname = 'a'\n[[queue]]\nname = 'a'\n",
     {"shop.toml:4:8: key `queue.name`: \"a\" is already taken in line 2"}},
    {"DeadLetterQueue",
     "[[queue]]\nname = 'stock.dead'\n",
     {"shop.toml:2:8: key `queue.name`: \"stock.dead\" ends in .dead, which is for the "
      "dead-letter queue that every queue has by itself"}},
    {"PeerIsThisNode",
     "[node]\nname = 'shop'\n[[peer]]\nname = 'shop'\nendpoint = 'ipc:///a'\n",
     {"shop.toml:4:8: key `peer.name`: \"shop\" is the name of this node"}},
    {"PeerTwice",
     "[[peer]]\nname = 'a'\nendpoint = 'ipc:///a'\n[[peer]]\nname = 'a'\nendpoint = 'ipc:///a'\n",
     {"shop.toml:5:8: key `peer.name`: \"a\" is already taken in line 2",
      "shop.toml:6:12: key `peer.endpoint`: \"ipc:///a\" is already taken in line 3"}},
    {"PeerWithTheNameOfTheHost",
     "[[peer]]\nname = 'host-1'\nendpoint = 'ipc:///a'\n",
     {"shop.toml:2:8: key `peer.name`: \"host-1\" is the name of this node"}},
};

const Case units[] = {
    {"LeaseWithoutUnit",
     "[[queue]]\nname = 'a'\nlease = 30\n",
     {"shop.toml:3:9: key `queue.lease`: is an integer; allowed: a whole number and a unit (ms, "
      "s, m, h), such as \"30s\""}},
    {"LeaseWithForeignUnit",
     "[[queue]]\nname = 'a'\nlease = '30 seconds'\n",
     {"shop.toml:3:9: key `queue.lease`: \"30 seconds\" is no duration; allowed: a whole number "
      "and a unit (ms, s, m, h), such as \"30s\""}},
    {"LeaseTooLong",
     "[[queue]]\nname = 'a'\nlease = '25h'\n",
     {"shop.toml:3:9: key `queue.lease`: \"25h\" is out of range; allowed: \"10ms\" to \"24h\""}},
    {"BytesInDecimalUnits",
     "[[queue]]\nname = 'a'\nmax_bytes = '8GB'\n",
     {"shop.toml:3:13: key `queue.max_bytes`: \"8GB\" is no size; allowed: a whole number and a "
      "unit (B, KiB, MiB, GiB, TiB), such as \"64KiB\""}},
    {"BytesWithoutUnit",
     "[limits]\nmax_message_bytes = 1048576\n",
     {"shop.toml:2:21: key `limits.max_message_bytes`: is an integer; allowed: a whole number and "
      "a unit (B, KiB, MiB, GiB, TiB), such as \"64KiB\""}},
    {"CountInQuotes",
     "[[queue]]\nname = 'a'\nmax_deliveries = '20'\n",
     {"shop.toml:3:18: key `queue.max_deliveries`: is a string; allowed: a whole number from 1 to "
      "1000000"}},
    {"CountOfZero",
     "[[queue]]\nname = 'a'\nmax_deliveries = 0\n",
     {"shop.toml:3:18: key `queue.max_deliveries`: 0 is out of range; allowed: a whole number "
      "from 1 to 1000000"}},
    {"NegativeCount",
     "[limits]\nmax_clients = -1\n",
     {"shop.toml:2:15: key `limits.max_clients`: -1 is out of range; allowed: a whole number from "
      "1 to 1000000"}},
    {"Fraction",
     "[limits]\nmax_clients = 1.5\n",
     {"shop.toml:2:15: key `limits.max_clients`: is a number with a fraction; allowed: a whole "
      "number from 1 to 1000000"}},
    {"UnknownOrdering",
     "[[queue]]\nname = 'a'\nordering = 'total'\n",
     {"shop.toml:3:12: key `queue.ordering`: \"total\" is none of the choices; allowed: "
      "\"producer\", \"mesh\", \"none\""}},
    {"UnknownWhenFull",
     "[[queue]]\nname = 'a'\nwhen_full = 'drop_oldest'\n",
     {"shop.toml:3:13: key `queue.when_full`: \"drop_oldest\" is none of the choices; allowed: "
      "\"refuse\", \"wait\""}},
    {"MessageLargerThanTransaction",
     "[limits]\nmax_message_bytes = '2MiB'\nmax_transaction_bytes = '1MiB'\n",
     {"shop.toml:3:25: key `limits.max_transaction_bytes`: a transaction "
      "(`max_transaction_bytes`) must have room for one message (`max_message_bytes`)"}},
};

const Case endpoints[] = {
    {"NoTransport",
     "[node]\nlisten = ['127.0.0.1:7411']\n",
     {"shop.toml:2:11: key `node.listen`: \"127.0.0.1:7411\" is no endpoint; allowed: "
      "\"tcp://HOST:PORT\", \"ipc://PATH\""}},
    {"OtherTransport",
     "[node]\nlisten = ['udp://127.0.0.1:7411']\n",
     {"shop.toml:2:11: key `node.listen`: \"udp://127.0.0.1:7411\" is no endpoint; allowed: "
      "\"tcp://HOST:PORT\", \"ipc://PATH\""}},
    {"NoPort",
     "[node]\nlisten = ['tcp://127.0.0.1']\n",
     {"shop.toml:2:11: key `node.listen`: the port is missing"}},
    {"PortTooLarge",
     "[node]\nlisten = ['tcp://127.0.0.1:70000']\n",
     {"shop.toml:2:11: key `node.listen`: \"70000\" is no port; allowed: 1 to 65535, or * for any "
      "free one"}},
    {"ListenAtHostName",
     "[node]\nlisten = ['tcp://localhost:7411']\n",
     {"shop.toml:2:11: key `node.listen`: \"localhost\" is no address to listen at; allowed: an "
      "IPv4 address or *"}},
    {"ListenNowhere",
     "[node]\nlisten = []\n",
     {"shop.toml:2:10: key `node.listen`: is empty; allowed: a string or an array of strings, at "
      "least one"}},
    {"ListenAtNumber",
     "[node]\nlisten = ['ipc:///a', 7]\n",
     {"shop.toml:2:23: key `node.listen`: holds an integer; allowed: a string or an array of "
      "strings, at least one"}},
    {"ListenTwice",
     "[node]\nlisten = ['ipc:///a', 'ipc:///a']\n",
     {"shop.toml:2:23: key `node.listen`: \"ipc:///a\" is there twice"}},
    {"PeerAtAnyPort",
     "[[peer]]\nname = 'a'\nendpoint = 'tcp://localhost:*'\n",
     {"shop.toml:3:12: key `peer.endpoint`: \"*\" is no port; allowed: 1 to 65535"}},
    {"PeerIsOurselves",
     "[[peer]]\nname = 'a'\nendpoint = 'tcp://127.0.0.1:7411'\n",
     {"shop.toml:3:12: key `peer.endpoint`: \"tcp://127.0.0.1:7411\" is where this node itself "
      "listens"}},
    {"PeerWithoutEndpoint",
     "[[peer]]\nname = 'a'\n",
     {"shop.toml:1:1: key `peer.endpoint`: is missing"}},
    {"OpenToTheWorld",
     "[node]\nlisten = ['tcp://0.0.0.0:7411']\n",
     {"shop.toml:2:11: key `node.listen`: \"tcp://0.0.0.0:7411\" leaves this machine, and "
      "without keys links are plain text; allowed: a loopback address, an ipc path, or anything "
      "with `secret_key_file` (see nemcon keygen) or `insecure = true` in [security]"}},
    {"PeerElsewhere",
     "[[peer]]\nname = 'a'\nendpoint = 'tcp://shop.internal:7411'\n",
     {"shop.toml:3:12: key `peer.endpoint`: \"tcp://shop.internal:7411\" leaves this machine, and "
      "without keys links are plain text; allowed: a loopback address, an ipc path, or anything "
      "with `secret_key_file` (see nemcon keygen) or `insecure = true` in [security]"}},
};

const Case transactions[] = {
    {"EvenWitnesses",
     "[transactions]\nwitnesses = 2\n",
     {"shop.toml:2:13: key `transactions.witnesses`: 2 is even; allowed: 1, 3, 5, ... up to the "
      "number of nodes"}},
    {"MoreWitnessesThanNodes",
     "[[peer]]\nname = 'b'\nendpoint = 'ipc:///b'\n[transactions]\nwitnesses = 3\n",
     {"shop.toml:5:13: key `transactions.witnesses`: 3 is more than the nodes that are "
      "configured; allowed: 1 to 2 (this node and every [[peer]])"}},
    {"CoordinatorIsNobody",
     "[node]\nname = 'a'\n[[peer]]\nname = 'b'\nendpoint = 'ipc:///b'\n[transactions]\n"
     "coordinator = 'c'\n",
     {"shop.toml:7:15: key `transactions.coordinator`: \"c\" is no node of this configuration; "
      "allowed: \"a\", \"b\""}},
    {"CoordinatorAndWitnesses",
     "[node]\nname = 'a'\n[[peer]]\nname = 'b'\nendpoint = 'ipc:///b'\n[[peer]]\nname = 'c'\n"
     "endpoint = 'ipc:///c'\n[transactions]\nwitnesses = 1\ncoordinator = 'b'\n",
     {"shop.toml:10:13: key `transactions.witnesses`: cannot be combined with `coordinator`, "
      "which is the one witness of every vote"}},
    {"DeadlineTooLong",
     "[transactions]\ndeadline = '2h'\n",
     {"shop.toml:2:12: key `transactions.deadline`: \"2h\" is out of range; allowed: \"10ms\" to "
      "\"1h\""}},
};

const Case unsupported[] = {
    {"Http",
     "[http]\nlisten = '127.0.0.1:9411'\n",
     {"shop.toml:1:1: key `http`: not supported by this version"}},
};

const Case several[] = {
    {"AllAreListedInTheOrderOfTheFile",
     "[limits]\nmax_clients = 0\n[[queue]]\nname = 'a b'\nlease = 1\n[node]\nnmae = 'x'\n",
     {"shop.toml:2:15: key `limits.max_clients`: 0 is out of range; allowed: a whole number from "
      "1 to 1000000",
      "shop.toml:4:8: key `queue.name`: \"a b\" is no name; allowed: 1 to 100 of the letters a-z, "
      "A-Z, digits, '.', '_', '-', the first a letter, digit or '_'",
      "shop.toml:5:9: key `queue.lease`: is an integer; allowed: a whole number and a unit (ms, "
      "s, m, h), such as \"30s\"",
      "shop.toml:7:1: key `node.nmae`: unknown key; did you mean `name`?; allowed: name, data, "
      "listen, scrub_interval"}},
};

std::string case_name(const testing::TestParamInfo<Case>& info) {
  return info.param.name;
}

INSTANTIATE_TEST_SUITE_P(NotToml, ConfigErrors, testing::ValuesIn(not_toml), case_name);
INSTANTIATE_TEST_SUITE_P(Shapes, ConfigErrors, testing::ValuesIn(shapes), case_name);
INSTANTIATE_TEST_SUITE_P(Names, ConfigErrors, testing::ValuesIn(names), case_name);
INSTANTIATE_TEST_SUITE_P(Units, ConfigErrors, testing::ValuesIn(units), case_name);
INSTANTIATE_TEST_SUITE_P(Endpoints, ConfigErrors, testing::ValuesIn(endpoints), case_name);
INSTANTIATE_TEST_SUITE_P(Transactions, ConfigErrors, testing::ValuesIn(transactions), case_name);
INSTANTIATE_TEST_SUITE_P(Unsupported, ConfigErrors, testing::ValuesIn(unsupported), case_name);
INSTANTIATE_TEST_SUITE_P(Several, ConfigErrors, testing::ValuesIn(several), case_name);

const char* const whole_file = R"(
[node]
name = "warehouse"
data = "/var/lib/nemcon/warehouse"
listen = ["tcp://0.0.0.0:7411", "ipc:///run/nemcon/warehouse.sock"]
scrub_interval = "90m"

[security]
insecure = true

[[peer]]
name = "shop"
endpoint = "tcp://shop.internal:7411"

[[peer]]
name = "billing"
endpoint = "tcp://billing.internal:7411"

[[queue]]
name = "stock"
ordering = "mesh"
lease = "45s"
max_deliveries = 7
max_messages = 10_000
max_bytes = "8MiB"
when_full = "wait"

[transactions]
witnesses = 1
deadline = "1500ms"

[limits]
max_message_bytes = "2MiB"
max_transaction_bytes = "32MiB"
max_transaction_branches = 12
max_clients = 77
max_connects_per_second = 9
max_idle_links = 0
)";

TEST(Config, TakesEveryKey) {
  const CheckedConfig checked = parse(whole_file);

  ASSERT_EQ(checked.errors, Lines{});
  const Config& config = checked.config;
  EXPECT_EQ(config.name, "warehouse");
  EXPECT_EQ(config.data, "/var/lib/nemcon/warehouse");
  EXPECT_EQ(config.listen, (Lines{"tcp://0.0.0.0:7411", "ipc:///run/nemcon/warehouse.sock"}));
  EXPECT_TRUE(config.insecure);
  ASSERT_EQ(config.peers.size(), 2u);
  EXPECT_EQ(config.peers[1].name, "billing");
  EXPECT_EQ(config.peers[1].endpoint, "tcp://billing.internal:7411");
  ASSERT_EQ(config.queues.size(), 1u);
  const core::QueueOptions& queue = config.queues[0];
  EXPECT_EQ(queue.name, "stock");
  EXPECT_EQ(queue.ordering, core::Ordering::mesh);
  EXPECT_EQ(queue.lease, 45s);
  EXPECT_EQ(queue.max_deliveries, 7u);
  EXPECT_EQ(queue.max_messages, 10'000u);
  EXPECT_EQ(queue.max_bytes, 8u << 20u);
  EXPECT_EQ(queue.when_full, core::WhenFull::wait);
  EXPECT_EQ(config.witnesses, 1u);
  EXPECT_EQ(config.deadline, 1500ms);
  EXPECT_EQ(config.limits.message_bytes_max, 2u << 20u);
  EXPECT_EQ(config.limits.transaction_bytes_max, 32u << 20u);
  EXPECT_EQ(config.limits.branches_max, 12u);
  EXPECT_EQ(config.limits.clients_max, 77u);
  EXPECT_EQ(config.connect_rate_max, 9u);
  EXPECT_EQ(config.idle_links_max, 0u);
  EXPECT_EQ(config.scrub_interval, 90min);
}

TEST(Config, WarnsOfEveryLinkThatLeavesTheMachineInPlainText) {
  EXPECT_EQ(parse(whole_file).warnings,
            (Lines{"shop.toml:5:11: key `node.listen`: \"tcp://0.0.0.0:7411\" is INSECURE: links "
                   "are plain text and anybody who reaches it is trusted",
                   "shop.toml:13:12: key `peer.endpoint`: \"tcp://shop.internal:7411\" is "
                   "INSECURE: links are plain text and anybody who reaches it is trusted",
                   "shop.toml:17:12: key `peer.endpoint`: \"tcp://billing.internal:7411\" is "
                   "INSECURE: links are plain text and anybody who reaches it is trusted"}));
}

TEST(Config, PrintsItselfAsAFileThatMeansTheSame) {
  constexpr const char* letters = "[node]\ndata = \"\\t\\u00e9\\u20ac\\U0001f980 \\\"\\\\\"\n";
  for (const char* const text : {"", whole_file, letters}) {
    const CheckedConfig first = parse(text);
    ASSERT_EQ(first.errors, Lines{});

    const std::string printed = to_text(first.config);
    const CheckedConfig second = parse(printed);

    EXPECT_EQ(second.errors, Lines{}) << printed;
    EXPECT_EQ(to_text(second.config), printed);
    EXPECT_EQ(second.config.data, first.config.data);
  }
}

TEST(Config, EmptyFileMeansTheDefaults) {
  const CheckedConfig checked = parse("");

  ASSERT_EQ(checked.errors, Lines{});
  EXPECT_EQ(checked.config.name, "host-1");
  EXPECT_EQ(checked.config.data, "./nemcon-data");
  EXPECT_EQ(checked.config.listen, Lines{"tcp://127.0.0.1:7411"});
  EXPECT_TRUE(checked.config.peers.empty());
  EXPECT_TRUE(checked.config.queues.empty());
  EXPECT_EQ(checked.config.witnesses, 1u);
  EXPECT_EQ(checked.config.coordinator, "");
  EXPECT_EQ(checked.config.deadline, 10s);
}

TEST(Config, WithoutAFileThereIsAQueueToTry) {
  const Config config = default_config("host-1");

  ASSERT_EQ(config.queues.size(), 1u);
  EXPECT_EQ(config.queues[0].name, "inbox");
}

TEST(Config, NodeIsNamedAfterAnyHost) {
  EXPECT_EQ(default_config("web 7 (old)").name, "web-7--old-");
  EXPECT_EQ(default_config("").name, "node");
  EXPECT_EQ(default_config("-x").name, "node");
}

std::string peers(int count) {
  std::string text;
  for (int index = 0; index < count; ++index) {
    const std::string name = "peer" + std::to_string(index);
    text += "[[peer]]\nname = '" + name + "'\nendpoint = 'ipc:///" + name + "'\n";
  }
  return text;
}

TEST(Config, ThreeNodesHoldEachVoteWhereThereAreThree) {
  EXPECT_EQ(parse(peers(0)).config.witnesses, 1u);
  EXPECT_EQ(parse(peers(1)).config.witnesses, 1u);
  EXPECT_EQ(parse(peers(2)).config.witnesses, 3u);
  EXPECT_EQ(parse(peers(6)).config.witnesses, 3u);
}

TEST(Config, SaysHowTransactionsAreDecided) {
  EXPECT_EQ(describe_mode(parse("").config), "alone: every transaction is decided by this node");
  EXPECT_TRUE(describe_mode(parse(peers(1)).config).starts_with("mode S: "));
  EXPECT_EQ(describe_mode(parse(peers(4) + "[transactions]\nwitnesses = 5\n").config),
            "mode X: 5 of 5 nodes hold each vote; any 2 of them may be down");
  EXPECT_TRUE(describe_mode(parse(peers(2) + "[transactions]\ncoordinator = 'peer1'\n").config)
                  .starts_with("mode C: peer1 is the one witness of every vote"));
}

TEST(Config, CoordinatorIsTheOneWitness) {
  const CheckedConfig checked = parse(peers(2) + "[transactions]\ncoordinator = 'peer1'\n");

  ASSERT_EQ(checked.errors, Lines{});
  const core::Options options = engine_options(checked.config);
  EXPECT_EQ(options.coordinator, "peer1");
  EXPECT_EQ(options.witnesses, 1u);
}

TEST(Config, DeadlineCapsBothDefaults) {
  const core::Timing short_cap =
      engine_options(parse("[transactions]\ndeadline = '1s'\n").config).timing;
  EXPECT_EQ(short_cap.deadline, 1s);
  EXPECT_EQ(short_cap.service_deadline, 1s);
  EXPECT_EQ(short_cap.deadline_max, 1s);

  const core::Timing long_cap =
      engine_options(parse("[transactions]\ndeadline = '60s'\n").config).timing;
  EXPECT_EQ(long_cap.deadline, 2s);
  EXPECT_EQ(long_cap.service_deadline, 10s);
  EXPECT_EQ(long_cap.deadline_max, 60s);
}

TEST(Config, EngineKnowsPeersByTheirPlaceInTheFile) {
  const core::Options options = engine_options(parse(peers(2)).config);

  ASSERT_EQ(options.peers.size(), 2u);
  EXPECT_EQ(options.peers[0].name, "peer0");
  EXPECT_EQ(options.peers[0].index.value(), 0u);
  EXPECT_EQ(options.peers[1].name, "peer1");
  EXPECT_EQ(options.peers[1].index.value(), 1u);
}

TEST(Config, OneTransactionAlwaysFitsBetweenTwoCheckpoints) {
  const CheckedConfig checked = parse("[limits]\nmax_transaction_bytes = '64MiB'\n");

  const core::Limits limits = engine_options(checked.config).limits;
  EXPECT_GT(limits.overlay_bytes_max, limits.transaction_bytes_max);
}

TEST(Config, OneEndpointNeedsNoArray) {
  EXPECT_EQ(parse("[node]\nlisten = 'tcp://127.0.0.1:*'\n").config.listen,
            Lines{"tcp://127.0.0.1:*"});
}

TEST(Config, FileThatCannotBeReadIsAnError) {
  EXPECT_EQ(read_config("/nowhere/shop.toml", "h").errors,
            Lines{"/nowhere/shop.toml: cannot be read: No such file or directory"});
  EXPECT_EQ(read_config("/", "h").errors, Lines{"/: cannot be read: Is a directory"});
}

TEST(Config, FileIsReadWhole) {
  const std::string file = testing::TempDir() + "/nemcon_config_test.toml";
  std::ofstream(file) << "# " << std::string(100'000, 'x') << "\n[node]\nname = 'at-the-end'\n";

  const CheckedConfig checked = read_config(file, "h");
  std::remove(file.c_str());

  EXPECT_EQ(checked.errors, Lines{});
  EXPECT_EQ(checked.config.name, "at-the-end");
}

TEST(Config, SomethingHugeIsNotRead) {
  EXPECT_EQ(read_config("/dev/zero", "h").errors,
            Lines{"/dev/zero: is too large for a configuration"});
}

}  // namespace
}  // namespace nemcon::node
