// Goal: with keys, who somebody is follows from the handshake and from nothing else, and a key that
// is not valid is worth nothing within a second. Method: real sockets with real keys, and strangers
// that have none, the wrong ones, or lie about whose they are.
#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/transport/mesh_fixture.hpp"
#include "tests/transport/raw_listener.hpp"

namespace nemcon::transport {
namespace {

using namespace std::chrono_literals;

class Secured : public Mesh {
 protected:
  using Keys = std::shared_ptr<const KeyPair>;

  static Keys new_keys() { return std::make_shared<const KeyPair>(make_key_pair()); }

  // Shop and billing know each other, and one client.
  Secured() {
    shop_at_ = free_tcp_endpoint();
    billing_at_ = free_tcp_endpoint();
  }

  [[nodiscard]] NodeKeys keys_of_shop() const {
    return {.own = shop_, .peers = {{"billing", {billing_->public_key}}}, .clients = clients_};
  }

  [[nodiscard]] NodeKeys keys_of_billing() const {
    return {.own = billing_, .peers = {{"shop", {shop_->public_key}}}, .clients = clients_};
  }

  TestNode& add_shop() {
    return add_node({.name = "shop",
                     .endpoint = shop_at_,
                     .peers = {{"billing", billing_at_}},
                     .keys = keys_of_shop()});
  }

  TestNode& add_shop_for(std::uint32_t clients_max) {
    return add_node({.name = "shop",
                     .endpoint = shop_at_,
                     .peers = {},
                     .limits = {.clients_max = clients_max},
                     .keys = keys_of_shop()});
  }

  TestNode& add_billing() {
    return add_node({.name = "billing",
                     .endpoint = billing_at_,
                     .peers = {{"shop", shop_at_}},
                     .keys = keys_of_billing()});
  }

  static bool are_up(TestNode& a, TestNode& b) {
    return a.sockets().is_up(core::PeerIndex{0}) && b.sockets().is_up(core::PeerIndex{0});
  }

  // The words of all trouble that a node has told of.
  static std::string troubles(const TestNode& node) {
    std::string text;
    for (const LinkTrouble& trouble : node.all<LinkTrouble>())
      text += trouble.what + "\n";
    return text;
  }

  Keys shop_ = new_keys();
  Keys billing_ = new_keys();
  Keys app_ = new_keys();
  std::string shop_at_;
  std::string billing_at_;
  std::map<std::string, std::vector<PublicKey>> clients_ = {{"app", {app_->public_key}}};
};

TEST_F(Secured, NodesAndClientsThatKnowEachOtherTalk) {
  TestNode& shop = add_shop();
  TestNode& billing = add_billing();
  ASSERT_TRUE(run_until([&] { return are_up(shop, billing); }));
  TestClient& client = add_client("app", app_);
  client.connect(shop_at_, shop_->public_key);
  ASSERT_TRUE(run_until([&] { return client.socket().is_up(); }));

  EXPECT_EQ(shop.send(0, samples::messages().front().value), SendResult::sent);
  EXPECT_TRUE(run_until([&] { return billing.count<core::FrameReceived>() == 1; }));
  EXPECT_EQ(client.send(core::Open{.request = 1, .name = "app"}), SendResult::sent);
  EXPECT_TRUE(run_until([&] { return shop.count<core::ClientRequested>() == 1; }));
  EXPECT_EQ(shop.sockets().client_name(shop.all<core::ClientRequested>().back().link), "app");
  // Idle for longer than every heartbeat.
  run_for(1500ms);
  EXPECT_EQ(shop.count<core::PeerDown>() + billing.count<core::PeerDown>(), 0u);
  EXPECT_TRUE(client.socket().is_up());
  EXPECT_EQ(shop.counters().keys_refused, 0u);
}

TEST_F(Secured, WithoutANameAClientIsWhoseKeyItHas) {
  TestNode& shop = add_shop();
  TestClient& client = add_client("", app_);
  client.connect(shop_at_, shop_->public_key);
  ASSERT_TRUE(run_until([&] { return client.socket().is_up(); }));
  EXPECT_EQ(client.send(core::Open{.request = 1}), SendResult::sent);
  ASSERT_TRUE(run_until([&] { return shop.count<core::ClientRequested>() == 1; }));

  EXPECT_EQ(shop.sockets().client_name(shop.all<core::ClientRequested>().back().link), "app");
}

TEST_F(Secured, OneClientHasNoMoreThanHalfOfThePlaces) {
  const Keys other = new_keys();
  clients_["other"] = {other->public_key};
  TestNode& shop = add_shop_for(4);
  for (int i = 0; i < 3; ++i)
    add_client("app", app_).connect(shop_at_, shop_->public_key);
  const auto up_count = [&] {
    return std::ranges::count_if(clients, [](const auto& c) { return c->socket().is_up(); });
  };
  ASSERT_TRUE(
      run_until([&] { return shop.counters().handshakes_refused == 1 && up_count() == 2; }));
  EXPECT_NE(troubles(shop).find("too many connections of this client"), std::string::npos);

  add_client("other", other).connect(shop_at_, shop_->public_key);
  EXPECT_TRUE(run_until([&] { return up_count() == 3; }));
}

// Who stays without being anybody would hold a place of others.
TEST_F(Secured, WhoSaysByeIsEndedWhetherItWasLetInOrNot) {
  TestNode& shop = add_shop();
  FrameBuffer bye;
  encode_control(bye, FrameKind::bye);
  Stranger& one = add_stranger(shop_at_, *app_, shop_->public_key);
  Stranger& other = add_stranger(shop_at_, *app_, shop_->public_key);
  one.greet({.role = Role::client, .frame_bytes_max = 4096, .name = "app"});
  ASSERT_TRUE(run_until([&] { return one.welcome_count == 1; }));

  one.send(bye.view());
  other.send(bye.view());

  EXPECT_TRUE(run_until([&] { return one.end && other.end; }));
  EXPECT_TRUE(run_until([&] { return shop.sockets().connection_count() == 0; }));
}

TEST_F(Secured, WhoIsTurnedAwayHearsWhyAndIsEnded) {
  TestNode& shop = add_shop_for(2);
  add_client("app", app_).connect(shop_at_, shop_->public_key);
  ASSERT_TRUE(run_until([&] { return clients.front()->socket().is_up(); }));
  Stranger& second = add_stranger(shop_at_, *app_, shop_->public_key);
  Stranger& rude = add_stranger(shop_at_, *app_, shop_->public_key);

  second.greet({.role = Role::client, .frame_bytes_max = 4096, .name = "app"});
  FrameBuffer ping;
  encode_ping(ping, 0);
  rude.send(ping.view());

  ASSERT_TRUE(run_until([&] { return second.end && rude.end; }));
  EXPECT_EQ(second.refusals, std::vector<RefusalReason>{RefusalReason::full});
  EXPECT_EQ(rude.refusals, std::vector<RefusalReason>{RefusalReason::stranger});
  EXPECT_TRUE(run_until([&] { return shop.sockets().connection_count() == 1; }));
  EXPECT_TRUE(clients.front()->socket().is_up());
}

TEST_F(Secured, OneKeyHoldsNoMoreThanItsShareOfConnectionsWhateverTheySay) {
  TestNode& shop = add_shop_for(2);
  constexpr std::size_t crowd_count = 80;  // Of which 65 may be there.
  std::vector<Stranger*> crowd;
  std::size_t most = 0;
  FrameBuffer ping;
  encode_ping(ping, 0);
  for (std::size_t i = 0; i < crowd_count; ++i) {
    crowd.push_back(&add_stranger(shop_at_, *app_, shop_->public_key));
    crowd.back()->send(ping.view());
  }
  EXPECT_TRUE(run_until([&] {
    most = std::max(most, shop.sockets().connection_count());
    return std::ranges::all_of(crowd, [](const Stranger* one) { return one->end.has_value(); });
  }));

  EXPECT_LE(most, 65u);
  EXPECT_GT(most, 1u);
  EXPECT_NE(troubles(shop).find("has more connections than one may"), std::string::npos);
}

TEST_F(Secured, UnknownKeyIsRefusedCountedAndToldOf) {
  TestNode& shop = add_shop();
  const Keys unknown = new_keys();
  TestClient& client = add_client("app", unknown);

  client.connect(shop_at_, shop_->public_key);

  ASSERT_TRUE(run_until([&] { return client.count<LinkDown>() == 1; }));
  const LinkDown down = client.all<LinkDown>().front();
  EXPECT_EQ(down.refused, RefusalReason::forbidden);
  EXPECT_EQ(down.why,
            "it does not know our key: a [[client]] or [[peer]] table there must have it (nemcon "
            "keygen --show)");
  EXPECT_TRUE(run_until([&] { return shop.counters().keys_refused == 1; }));
  EXPECT_TRUE(run_until([&] { return shop.count<LinkTrouble>() == 1; }));
  EXPECT_NE(troubles(shop).find(to_text(unknown->public_key)), std::string::npos) << troubles(shop);
  EXPECT_EQ(shop.sockets().connection_count(), 0u);
}

TEST_F(Secured, ManyUnknownKeysAreCountedAndAFewToldOf) {
  TestNode& shop = add_shop();
  constexpr std::size_t count = 40;
  for (std::size_t i = 0; i < count; ++i)
    add_client("app", new_keys()).connect(shop_at_, shop_->public_key);

  ASSERT_TRUE(run_until([&] { return shop.counters().keys_refused == count; }));

  run_for(300ms);
  EXPECT_EQ(shop.count<LinkTrouble>(), 16u);
}

TEST_F(Secured, NodeWithTheWrongKeyIsNotTalkedTo) {
  TestNode& shop = add_shop();
  TestClient& client = add_client("app", app_);

  client.connect(shop_at_, make_key_pair().public_key);

  ASSERT_TRUE(run_until([&] { return client.count<LinkDown>() == 1; }));
  EXPECT_EQ(client.count<LinkUp>(), 0u);
  EXPECT_EQ(shop.sockets().connection_count(), 0u);
}

TEST_F(Secured, PlainTextDoesNotComeIn) {
  TestNode& shop = add_shop();
  TestClient& client = add_client("app");

  client.connect(shop_at_);

  ASSERT_TRUE(run_until([&] { return client.count<LinkDown>() == 1; }));
  EXPECT_EQ(client.count<LinkUp>(), 0u);
  EXPECT_EQ(shop.sockets().connection_count(), 0u);
  EXPECT_TRUE(run_until([&] { return shop.counters().handshakes_failed >= 1; }));
}

TEST_F(Secured, KeysDoNotGoToPlainText) {
  TestNode& plain = add_node({.name = "shop", .endpoint = shop_at_});
  TestClient& client = add_client("app", app_);

  client.connect(shop_at_, shop_->public_key);

  ASSERT_TRUE(run_until([&] { return client.count<LinkDown>() == 1; }));
  EXPECT_EQ(plain.sockets().connection_count(), 0u);
}

TEST_F(Secured, ClientThatSaysItIsAPeerIsMuted) {
  TestNode& shop = add_shop();
  Stranger& liar = add_stranger(shop_at_, *app_, shop_->public_key);

  liar.greet({.role = Role::peer, .frame_bytes_max = 4096, .name = "billing"});

  ASSERT_TRUE(run_until([&] { return !liar.refusals.empty(); }));
  EXPECT_EQ(liar.refusals.front(), RefusalReason::forbidden);
  EXPECT_EQ(liar.welcome_count, 0);
  EXPECT_EQ(shop.counters().senders_forged, 1u);
  EXPECT_EQ(shop.counters().connections_muted, 1u);
  ASSERT_TRUE(run_until([&] { return shop.count<LinkTrouble>() == 1; }));
  EXPECT_NE(troubles(shop).find("its key is that of client app"), std::string::npos);
  // Whatever it says now.
  liar.greet({.role = Role::client, .frame_bytes_max = 4096, .name = "app"});
  EXPECT_TRUE(run_until([&] { return shop.counters().frames_ignored == 1; }));
  EXPECT_EQ(liar.welcome_count, 0);
}

TEST_F(Secured, PeerThatSaysItIsAnotherIsMuted) {
  TestNode& shop = add_node({.name = "shop",
                             .endpoint = shop_at_,
                             .peers = {{"billing", billing_at_}, {"stock", free_tcp_endpoint()}},
                             .keys = NodeKeys{.own = shop_,
                                              .peers = {{"billing", {billing_->public_key}},
                                                        {"stock", {app_->public_key}}},
                                              .clients = {}}});
  Stranger& liar = add_stranger(shop_at_, *app_, shop_->public_key);

  liar.greet({.role = Role::peer, .frame_bytes_max = 4096, .name = "billing"});

  ASSERT_TRUE(run_until([&] { return !liar.refusals.empty(); }));
  EXPECT_EQ(liar.welcome_count, 0);
  EXPECT_EQ(shop.counters().senders_forged, 1u);
}

TEST_F(Secured, SessionUnderAnotherNameIsMuted) {
  TestNode& shop = add_shop();
  TestClient& client = add_client("app", app_);
  client.connect(shop_at_, shop_->public_key);
  ASSERT_TRUE(run_until([&] { return client.socket().is_up(); }));

  EXPECT_EQ(client.send(core::Open{.request = 1, .name = "root"}), SendResult::sent);

  ASSERT_TRUE(run_until([&] { return client.count<LinkDown>() == 1; }));
  EXPECT_EQ(client.all<LinkDown>().front().refused, RefusalReason::forbidden);
  EXPECT_EQ(shop.count<core::ClientRequested>(), 0u);
  EXPECT_EQ(shop.count<core::ClientGone>(), 1u);
  EXPECT_EQ(shop.counters().senders_forged, 1u);
}

TEST_F(Secured, SessionsOfAClientHaveItsNameASlashAndMore) {
  TestNode& shop = add_shop();
  TestClient& client = add_client("app/one", app_);
  client.connect(shop_at_, shop_->public_key);
  ASSERT_TRUE(run_until([&] { return client.socket().is_up(); }));
  EXPECT_EQ(client.send(core::Open{.request = 1, .name = "app/two"}), SendResult::sent);
  ASSERT_TRUE(run_until([&] { return shop.count<core::ClientRequested>() == 1; }));
  EXPECT_EQ(shop.sockets().client_name(shop.all<core::ClientRequested>().back().link), "app");

  TestClient& other = add_client("apple", app_);
  other.connect(shop_at_, shop_->public_key);
  ASSERT_TRUE(run_until([&] { return other.count<LinkDown>() == 1; }));
  EXPECT_EQ(other.count<LinkUp>(), 0u);
}

TEST_F(Secured, RevokedKeysAreMutedAtOnceAndNotLetInAgain) {
  TestNode& shop = add_shop();
  TestNode& billing = add_billing();
  TestClient& client = add_client("app", app_);
  client.connect(shop_at_, shop_->public_key);
  ASSERT_TRUE(run_until([&] { return are_up(shop, billing) && client.socket().is_up(); }));
  ASSERT_EQ(shop.sockets().connection_count(), 2u);

  const core::Instant revoked_at = clock_now();
  ASSERT_TRUE(
      shop.sockets().set_keys(revoked_at, {.own = shop_, .peers = {}, .clients = {}}).has_value());

  ASSERT_TRUE(run_until([&] {
    return client.count<LinkDown>() == 1 && shop.count<core::PeerDown>() == 1 &&
           billing.count<core::PeerDown>() == 1;
  }));
  EXPECT_LT(clock_now() - revoked_at, 1s);
  EXPECT_EQ(client.all<LinkDown>().front().refused, RefusalReason::forbidden);
  EXPECT_EQ(shop.count<core::ClientGone>(), 1u);
  EXPECT_EQ(shop.counters().keys_revoked, 2u);
  EXPECT_EQ(shop.send(0, samples::messages().front().value), SendResult::down);
  client.connect(shop_at_, shop_->public_key);
  ASSERT_TRUE(run_until([&] { return client.count<LinkDown>() == 2; }));
  EXPECT_EQ(client.count<LinkUp>(), 1u);
  EXPECT_TRUE(run_until([&] { return shop.counters().keys_refused >= 2; }));
  EXPECT_FALSE(billing.sockets().is_up(core::PeerIndex{0}));
}

TEST_F(Secured, RevokedKeyThatGoesOnSendingIsNotHeard) {
  TestNode& shop = add_shop();
  Stranger& app = add_stranger(shop_at_, *app_, shop_->public_key);
  app.greet({.role = Role::client, .frame_bytes_max = 4096, .name = "app"});
  ASSERT_TRUE(run_until([&] { return app.welcome_count == 1; }));
  ASSERT_TRUE(
      shop.sockets().set_keys(clock_now(), {.own = shop_, .peers = {}, .clients = {}}).has_value());

  const core::Request open = core::Open{.request = 1, .name = "app"};
  FrameBuffer out;
  ASSERT_TRUE(encode_requests(out, {&open, 1}, decode_limits({})).has_value());
  app.send(out.view());

  EXPECT_TRUE(run_until([&] { return shop.counters().frames_ignored == 1; }));
  EXPECT_EQ(shop.count<core::ClientRequested>(), 0u);
}

TEST_F(Secured, KeyOfAPeerIsReplacedWithTwoValidOnes) {
  TestNode& shop = add_shop();
  TestNode& billing = add_billing();
  ASSERT_TRUE(run_until([&] { return are_up(shop, billing); }));
  const Keys next = new_keys();

  // 1. The others know both.
  NodeKeys both = keys_of_shop();
  both.peers["billing"] = {billing_->public_key, next->public_key};
  ASSERT_TRUE(shop.sockets().set_keys(clock_now(), both).has_value());
  run_for(300ms);
  EXPECT_EQ(shop.count<core::PeerDown>() + billing.count<core::PeerDown>(), 0u);

  // 2. It changes over: its listening end is made anew, and found under the other key; what it
  // connects to, it connects to anew before it leaves.
  NodeKeys changed = keys_of_billing();
  changed.own = next;
  const core::Instant changed_at = clock_now();
  const std::uint64_t accepted = shop.counters().handshakes_accepted;
  ASSERT_TRUE(billing.sockets().set_keys(changed_at, changed).has_value());
  ASSERT_TRUE(run_until([&] { return shop.count<core::PeerUp>() == 2 && are_up(shop, billing); }));
  EXPECT_LT(clock_now() - changed_at, 1s);
  ASSERT_TRUE(run_until([&] { return shop.counters().handshakes_accepted > accepted; }));
  EXPECT_EQ(billing.send(0, samples::messages().front().value), SendResult::sent);
  EXPECT_TRUE(run_until([&] { return shop.count<core::FrameReceived>() == 1; }));

  // 3. The old one goes: nothing relies on it any more.
  both.peers["billing"] = {next->public_key};
  ASSERT_TRUE(shop.sockets().set_keys(clock_now(), both).has_value());
  run_for(300ms);
  EXPECT_TRUE(are_up(shop, billing));
  EXPECT_EQ(shop.count<core::PeerDown>(), 1u);
  EXPECT_EQ(billing.count<core::PeerDown>(), 0u);
  EXPECT_EQ(shop.counters().keys_revoked, 0u);
}

TEST_F(Secured, PathsHaveKeysAsAddressesHave) {
  const std::string path = ipc_endpoint("shop");
  TestNode& shop = add_node({.name = "shop", .endpoint = path, .keys = keys_of_shop()});
  TestClient& client = add_client("app", app_);
  client.connect(path, shop_->public_key);
  ASSERT_TRUE(run_until([&] { return client.socket().is_up(); }));
  TestClient& plain = add_client("app");
  plain.connect(path);
  ASSERT_TRUE(run_until([&] { return plain.count<LinkDown>() == 1; }));
  EXPECT_EQ(plain.count<LinkUp>(), 0u);

  const Keys next = new_keys();
  NodeKeys changed = keys_of_shop();
  changed.own = next;
  ASSERT_TRUE(shop.sockets().set_keys(clock_now(), changed).has_value());

  EXPECT_EQ(shop.sockets().client_count(), 0u);
  ASSERT_TRUE(run_until([&] { return client.count<LinkDown>() == 1; }));
  client.connect(path, next->public_key);
  EXPECT_TRUE(run_until([&] { return client.count<LinkUp>() == 2; }));
}

TEST_F(Secured, NodeThatWasRefusedIsThereWhenItsKeyIsKnown) {
  // ZeroMQ itself gives up a connection for ever after such a refusal.
  TestNode& billing = add_billing();
  TestNode& shop = add_node({.name = "shop",
                             .endpoint = shop_at_,
                             .peers = {{"billing", billing_at_}},
                             .keys = NodeKeys{.own = shop_, .peers = {}, .clients = {}}});
  ASSERT_TRUE(run_until([&] { return shop.counters().keys_refused >= 2; }));
  ASSERT_TRUE(run_until([&] { return billing.count<LinkTrouble>() == 1; }));
  EXPECT_NE(troubles(billing).find("it does not know our key"), std::string::npos);

  ASSERT_TRUE(shop.sockets().set_keys(clock_now(), keys_of_shop()).has_value());

  EXPECT_TRUE(run_until([&] { return are_up(shop, billing); }));
}

TEST_F(Secured, GarbageInsteadOfAGreetingIsGotOver) {
  // Somebody else has the address first, and answers with what ZeroMQ itself never gets over.
  TestNode& shop = add_shop();
  {
    RawListener garbage(billing_at_);
    garbage.make_nonblocking();
    ASSERT_TRUE(run_until([&] {
      garbage.turn(bogus_greeting());
      return garbage.connection_count() >= 3;
    }));
  }

  TestNode& billing = add_billing();

  EXPECT_TRUE(run_until([&] { return are_up(shop, billing); }));
}

// ---- somebody on the path -------------------------------------------------------------------

// A question that is easily recognised.
core::Request question() {
  return core::Open{.request = 1, .name = "app/attack-at-dawn"};
}

TEST_F(Secured, WhoListensOnThePathReadsNothing) {
  for (const bool has_keys : {true, false}) {
    nodes.clear();
    clients.clear();
    const std::string endpoint = free_tcp_endpoint();
    TestNode::Options options{.name = "shop", .endpoint = endpoint};
    if (has_keys) options.keys = keys_of_shop();
    TestNode& shop = add_node(options);
    Relay relay(endpoint);
    TestClient& client = has_keys ? add_client("", app_) : add_client("");
    client.connect(relay.endpoint(), has_keys ? std::optional(shop_->public_key) : std::nullopt);
    ASSERT_TRUE(run_until([&] {
      relay.turn();
      return client.socket().is_up();
    }));
    EXPECT_EQ(client.send(question()), SendResult::sent);
    ASSERT_TRUE(run_until([&] {
      relay.turn();
      return shop.count<core::ClientRequested>() == 1;
    }));

    const bool is_readable = relay.heard().find("attack-at-dawn") != std::string::npos;
    EXPECT_EQ(is_readable, !has_keys);
  }
}

TEST_F(Secured, WhatIsChangedOnThePathIsNotReadAndEndsTheConnection) {
  TestNode& shop = add_shop();
  Relay relay(shop_at_);
  TestClient& client = add_client("app", app_);
  client.connect(relay.endpoint(), shop_->public_key);
  ASSERT_TRUE(run_until([&] {
    relay.turn();
    return client.socket().is_up();
  }));

  relay.change_next();
  EXPECT_EQ(client.send(question()), SendResult::sent);

  ASSERT_TRUE(run_until([&] {
    relay.turn();
    return client.count<LinkDown>() == 1;
  }));
  EXPECT_EQ(shop.count<core::ClientRequested>(), 0u);
  EXPECT_EQ(shop.counters().frames_malformed, 0u);
}

}  // namespace
}  // namespace nemcon::transport
