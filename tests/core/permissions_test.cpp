// Goal: a grant means what it says and nothing more. Method: the matcher alone.
#include "core/permissions.hpp"

#include <gtest/gtest.h>

namespace nemcon::core::tests {
namespace {

Permissions granting(const std::vector<std::string>& allow) {
  return Permissions{"shop", {.secured = true, .clients = {{.name = "till", .allow = allow}}}};
}

TEST(Grants, AreReadAsTheConfigurationWritesThem) {
  EXPECT_EQ(*parse_grant("consume stock"),
            (Grant{.verb = Verb::consume, .name = "stock", .node = ""}));
  EXPECT_EQ(*parse_grant("send *@*"), (Grant{.verb = Verb::send, .name = "*", .node = "*"}));
  EXPECT_EQ(*parse_grant("admin *@shop"),
            (Grant{.verb = Verb::admin, .name = "*", .node = "shop"}));
}

TEST(Grants, WhatIsNoneIsRefusedAndSaysWhatIsAllowed) {
  for (const char* text : {"", "send", "send ", "sends stock", "send @shop", "send stock@",
                           "send a b", "send a@b@c", " send stock", "SEND stock"}) {
    const Result<Grant> grant = parse_grant(text);
    ASSERT_FALSE(grant.has_value()) << text;
    EXPECT_NE(grant.error().detail.find("VERB NAME@NODE"), std::string::npos);
  }
}

TEST(Grants, AStarIsAnyRunOfCharacters) {
  EXPECT_TRUE(matches("*", ""));
  EXPECT_TRUE(matches("*", "stock"));
  EXPECT_TRUE(matches("st*", "stock"));
  EXPECT_TRUE(matches("*ck", "stock"));
  EXPECT_TRUE(matches("s*o*k", "stock"));
  EXPECT_TRUE(matches("a*b*b", "abab.b"));
  EXPECT_FALSE(matches("st*", "sock"));
  EXPECT_FALSE(matches("stock", "stock2"));
  EXPECT_FALSE(matches("s*k", "stocks"));
  EXPECT_FALSE(matches("", "stock"));
}

TEST(Permission, IsNeededWhereThereAreKeysOnly) {
  EXPECT_TRUE(Permissions("shop", {}).allows("", Verb::admin, "*"));
  EXPECT_FALSE(Permissions("shop", {.secured = true}).allows("till", Verb::send, "orders"));
}

TEST(Permission, IsForOneVerbAtOneQueueOfOneNode) {
  const Permissions permissions = granting({"send orders", "send invoices@billing"});

  EXPECT_TRUE(permissions.allows("till", Verb::send, "orders"));
  EXPECT_TRUE(permissions.allows("till", Verb::send, "invoices", "billing"));
  EXPECT_FALSE(permissions.allows("till", Verb::consume, "orders"));
  EXPECT_FALSE(permissions.allows("till", Verb::send, "orders", "billing"));
  EXPECT_FALSE(permissions.allows("till", Verb::send, "invoices"));
  EXPECT_FALSE(permissions.allows("till", Verb::send, "orders.dead"));
  EXPECT_FALSE(permissions.allows("other", Verb::send, "orders"));
  EXPECT_FALSE(permissions.allows("", Verb::send, "orders"));
}

TEST(Permission, OfAPatternIsForAllItStandsFor) {
  const Permissions permissions = granting({"send *@*", "browse *", "consume eu-*@ware*"});

  EXPECT_TRUE(permissions.allows("till", Verb::send, "anything", "anywhere"));
  EXPECT_TRUE(permissions.allows("till", Verb::browse, "*"));
  EXPECT_FALSE(permissions.allows("till", Verb::browse, "*", "billing"));
  EXPECT_TRUE(permissions.allows("till", Verb::consume, "eu-1", "warehouse"));
  EXPECT_FALSE(permissions.allows("till", Verb::consume, "us-1", "warehouse"));
}

// "browse st*" is for queues; to look at the whole node takes the star itself.
TEST(Permission, OfTheWholeNodeTakesTheStar) {
  EXPECT_FALSE(granting({"browse st*"}).allows("till", Verb::browse, "*"));
}

TEST(Permission, OfANameIsThatOfItsSessions) {
  const Permissions permissions = granting({"send orders"});

  EXPECT_TRUE(permissions.allows("till/3", Verb::send, "orders"));
  EXPECT_FALSE(permissions.allows("tills/3", Verb::send, "orders"));
  EXPECT_FALSE(permissions.allows("/till", Verb::send, "orders"));
}

TEST(Permission, OfEverybodyIsForWhoeverHasAName) {
  const Permissions permissions{
      "shop", {.secured = true, .clients = {{.name = "*", .allow = {"send news"}}}}};

  EXPECT_TRUE(permissions.allows("anybody", Verb::send, "news"));
  EXPECT_FALSE(permissions.allows("", Verb::send, "news"));
}

TEST(Permission, ToSpeakForClientsIsEveryPeersUnlessItIsNarrowed) {
  const Permissions permissions{
      "shop", {.secured = true, .vouches = {{.peer = "kiosk", .clients = {"till-*"}}}}};

  EXPECT_TRUE(permissions.lets_vouch("kiosk", "till-3/a"));
  EXPECT_FALSE(permissions.lets_vouch("kiosk", "bank"));
  EXPECT_FALSE(permissions.lets_vouch("kiosk", ""));
  EXPECT_TRUE(permissions.lets_vouch("billing", "bank"));
}

TEST(Permission, ItsRefusalNamesWhoWhatWhereAndTheRemedy) {
  const std::string text = granting({}).refusal("till/3", Verb::send, "stock", "warehouse");

  for (const char* part :
       {"till/3", "send", "stock@warehouse", "allow = [\"send stock@warehouse\"]", "[[client]]",
        "node shop", "\"till\""}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << " in: " << text;
  }
}

}  // namespace
}  // namespace nemcon::core::tests
