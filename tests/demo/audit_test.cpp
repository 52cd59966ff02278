// Goal: the audit sees every way in which a demo can go wrong. Method: a world in which all agrees,
// then one planted difference at a time.
#include "deploy/demo/audit.hpp"

#include <functional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/demo/directory.hpp"

namespace nemcon::demo {
namespace {

constexpr std::int64_t sold_out = 9;

// Orders 7 and 8 are committed, 9 is rolled back.
Facts agreeing() {
  Facts facts;
  facts.orders = {{7, "VINET", 100, {{1, 1000, 2, 0}}},
                  {8, "TOMSP", 0, {{1, 1000, 1, 0}, {2, 500, 4, 1000}}},
                  {sold_out, "VINET", 0, {{2, 500, 99, 0}}}};
  facts.products = {{1, "Chai", 1000, 5}, {2, "Chang", 500, 3}};
  facts.stock_factor = 2;
  facts.outcomes = {{7, OrderState::committed, "t7", "", "", 1},
                    {8, OrderState::committed, "t8", "", "", 2},
                    {sold_out, OrderState::rolled_back, "t9", "sold out", "warehouse", 1}};
  for (const Order& order : {facts.orders[0], facts.orders[1]}) {
    const std::string transaction = "t" + std::to_string(order.id);
    const auto sequence = static_cast<std::uint64_t>(order.id);
    facts.orders_queue.push_back({transaction, 1, sequence, true, order_text(order)});
    facts.invoices_queue.push_back({transaction, 1, sequence, true, invoice_text(order)});
    facts.stock.calls.push_back({transaction, order.id, false, order.lines});
    facts.accounts.calls.push_back(
        {transaction, order.id, order.customer, order.total_cents(), false});
    facts.accounts.accounts.push_back({order.customer, order.total_cents()});
  }
  facts.stock.products = {{1, 10, 7, 0}, {2, 6, 2, 0}};
  return facts;
}

// How many differences a change of the world makes.
std::size_t seen(const std::function<void(Facts&)>& plant) {
  Facts facts = agreeing();
  plant(facts);
  return differences(facts).size();
}

TEST(Audit, IsContentWhenAllAgrees) {
  EXPECT_EQ(differences(agreeing()), std::vector<std::string>{});
}

TEST(Audit, SeesWhatIsMissing) {
  EXPECT_EQ(seen([](Facts& f) { f.orders_queue.pop_back(); }), 1U);
  EXPECT_EQ(seen([](Facts& f) { f.invoices_queue.pop_back(); }), 1U);
  // A call that is gone also makes the sums wrong.
  EXPECT_GE(seen([](Facts& f) { f.stock.calls.pop_back(); }), 2U);
  EXPECT_GE(seen([](Facts& f) { f.accounts.calls.pop_back(); }), 2U);
  EXPECT_EQ(seen([](Facts& f) { f.outcomes.pop_back(); }), 1U);
  EXPECT_EQ(seen([](Facts& f) { f.stock.products.pop_back(); }), 1U);
  EXPECT_EQ(seen([](Facts& f) { f.accounts.accounts.pop_back(); }), 1U);
}

TEST(Audit, SeesWhatIsThereTwice) {
  EXPECT_GE(seen([](Facts& f) { f.orders_queue.push_back(f.orders_queue.back()); }), 1U);
  EXPECT_GE(seen([](Facts& f) { f.invoices_queue.push_back(f.invoices_queue.back()); }), 1U);
  EXPECT_GE(seen([](Facts& f) { f.stock.calls.push_back(f.stock.calls.back()); }), 1U);
  EXPECT_GE(seen([](Facts& f) { f.accounts.calls.push_back(f.accounts.calls.back()); }), 1U);
  EXPECT_EQ(seen([](Facts& f) { f.outcomes.push_back(f.outcomes.back()); }), 1U);
}

TEST(Audit, SeesEffectsOfWhatWasRolledBack) {
  EXPECT_EQ(seen([](Facts& f) {
              f.orders_queue.push_back({"t9", 1, sold_out, true, order_text(f.orders[2])});
            }),
            1U);
  EXPECT_GE(seen([](Facts& f) {
              f.stock.calls.push_back({"t9", sold_out, false, f.orders[2].lines});
            }),
            1U);
  EXPECT_GE(seen([](Facts& f) {
              f.accounts.calls.push_back({"t9", sold_out, "VINET", 49'500, false});
            }),
            1U);
}

TEST(Audit, SeesAnEffectOfAnotherAttempt) {
  EXPECT_EQ(seen([](Facts& f) { f.orders_queue[1].transaction = "t6"; }), 1U);
  EXPECT_EQ(seen([](Facts& f) { f.stock.calls[1].transaction = "t6"; }), 1U);
}

TEST(Audit, SeesWrongContent) {
  EXPECT_EQ(seen([](Facts& f) { f.orders_queue[0].body += "line,1,1,1,0\n"; }), 1U);
  EXPECT_EQ(seen([](Facts& f) { f.invoices_queue[0].body = "invoice,7,VINET,1\n"; }), 1U);
  EXPECT_EQ(seen([](Facts& f) { f.orders_queue[0].body = "?"; }), 2U);
  EXPECT_GE(seen([](Facts& f) { f.stock.calls[0].lines[0].quantity = 1; }), 2U);
  EXPECT_GE(seen([](Facts& f) { f.accounts.calls[0].amount_cents = 1; }), 2U);
}

TEST(Audit, SeesSumsThatDoNotAddUp) {
  EXPECT_EQ(seen([](Facts& f) { f.stock.products[0].stock = 8; }), 1U);
  EXPECT_EQ(seen([](Facts& f) { f.stock.products[0].initial = 11; }), 1U);
  EXPECT_EQ(seen([](Facts& f) { f.stock.products[0].held = 1; }), 1U);
  EXPECT_EQ(seen([](Facts& f) { f.accounts.accounts[0].owed_cents += 1; }), 1U);
  EXPECT_EQ(seen([](Facts& f) { f.accounts.accounts.push_back({"NOONE", 5}); }), 1U);
}

TEST(Audit, SeesWhatIsInDoubt) {
  EXPECT_GE(seen([](Facts& f) { f.stock.calls[0].held = true; }), 1U);
  EXPECT_GE(seen([](Facts& f) { f.accounts.calls[0].reserved = true; }), 1U);
  EXPECT_EQ(seen([](Facts& f) { f.outcomes[2].state = OrderState::unknown; }), 1U);
  EXPECT_EQ(seen([](Facts& f) { f.leftovers.push_back("shop: a transaction"); }), 1U);
}

TEST(Audit, SeesAProducersMessagesOutOfOrder) {
  EXPECT_EQ(seen([](Facts& f) { std::swap(f.orders_queue[0], f.orders_queue[1]); }), 1U);
  EXPECT_EQ(seen([](Facts& f) {
              std::swap(f.orders_queue[0], f.orders_queue[1]);
              f.orders_queue[1].first_delivery = false;
            }),
            0U);
}

TEST(Outcomes, AreReadAsTheyWereWritten) {
  const tests::TemporaryDirectory directory;
  const std::string file = directory.file("outcomes.csv");
  const std::vector<OrderOutcome> outcomes = {
      {7, OrderState::committed, "t7", "", "", 1},
      {8, OrderState::rolled_back, "t8", "service refused: sold out: \"A, B\"", "warehouse", 3},
      {9, OrderState::unknown, "t9", "too old", "", 1}};
  {
    OutcomeFile out{file};
    for (const OrderOutcome& outcome : outcomes)
      out.write(outcome);
  }

  EXPECT_EQ(read_outcomes(file), outcomes);
}

}  // namespace
}  // namespace nemcon::demo
