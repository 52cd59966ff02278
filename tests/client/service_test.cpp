// Goal: what a service may rely on: votes, decisions until they are done, no repetitions, the
// whole list of what is in doubt after a loss.
// Method: a scripted node on a real socket that prepares and decides as the test says.
#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <stdexcept>
#include <thread>

#include <gtest/gtest.h>
#include <nemcon/nemcon.hpp>

#include "tests/client/answers.hpp"
#include "tests/client/fake_node.hpp"

namespace nemcon::tests {
namespace {

using namespace std::chrono_literals;

core::CallKey call_key(std::uint64_t sequence) {
  return {.transaction = {.id = {.initiator = {1, 1},
                                 .client = {2, 2},
                                 .epoch = core::Epoch{1},
                                 .sequence = core::Sequence{sequence}},
                          .digest = {3, sequence}},
          .branch = 1,
          .operation = 2};
}

core::ServicePrepare prepare_of(std::uint64_t sequence, std::string body = "two pens") {
  return {.call = call_key(sequence),
          .service = "reserve",
          .principal = "checkout",
          .content = {.headers = {}, .body = core::Bytes{body}},
          .remaining_ms = 10'000};
}

core::ServiceDecision decision_of(std::uint64_t sequence, bool commit) {
  return {.call = call_key(sequence),
          .service = "reserve",
          .commit = commit,
          .at = core::Hlc::from_ms(6'000),
          .content = {.headers = {}, .body = core::Bytes{"two pens"}}};
}

class ClientService : public ::testing::Test {
 protected:
  // Serves, and answers the registration.
  void serve(Service service, std::size_t threads = 1) {
    std::future<bool> active =
        client_.serve_async("reserve", std::move(service), {.threads = threads});
    const auto serve = node_.wait_for_nth<core::Serve>(1);
    node_.reply(core::Serving{.request = serve.request, .active = true});
    EXPECT_TRUE(active.get());
  }

  FakeNode node_;
  Client client_{{.nodes = {node_.endpoint()}, .name = "stock-app", .deadline = 30s}};
};

TEST_F(ClientService, VotesWithWhatPrepareReturned) {
  std::promise<Branch> asked;
  serve({.prepare = [&](const Branch& branch) {
    asked.set_value(branch);
    return Vote::yes("receipt 5");
  }});

  node_.reply(prepare_of(1));

  const auto vote = node_.wait_for_nth<core::ServiceVote>(1);
  EXPECT_EQ(vote.call, call_key(1));
  EXPECT_TRUE(vote.yes);
  EXPECT_FALSE(vote.read_only);
  EXPECT_EQ(vote.reply.body.view(), "receipt 5");
  const Branch branch = asked.get_future().get();
  EXPECT_EQ(branch.request.body, "two pens");
  EXPECT_EQ(branch.caller, "checkout");
  EXPECT_EQ(branch.service, "reserve");
  EXPECT_GT(branch.deadline, std::chrono::steady_clock::now());
}

TEST_F(ClientService, NoAndReadOnlyAndExceptionsAreVotesToo) {
  serve({.prepare = [](const Branch& branch) -> Vote {
    if (branch.request.body == "no") return Vote::no("sold out");
    if (branch.request.body == "look") return Vote::read_only("7 left");
    throw std::runtime_error("no connection to the database");
  }});

  node_.reply(prepare_of(1, "no"));
  node_.reply(prepare_of(2, "look"));
  node_.reply(prepare_of(3, "throw"));

  const auto votes = node_.wait_for<core::ServiceVote>(3);
  EXPECT_FALSE(votes[0].yes);
  EXPECT_EQ(votes[0].text, "sold out");
  EXPECT_TRUE(votes[1].yes);
  EXPECT_TRUE(votes[1].read_only);
  EXPECT_FALSE(votes[2].yes);
  EXPECT_EQ(votes[2].text, "no connection to the database");
}

// A client of its own: the scripted node answers the one that greeted last, so there is no other.
TEST(ClientServiceAlone, CallsADecisionAgainUntilItReturns) {
  FakeNode node;
  std::atomic<int> commits = 0;
  std::atomic<int> notices = 0;
  Client client({.nodes = {node.endpoint()}, .on_notice = [&](const Notice& notice) {
                   if (notice.kind == Notice::Kind::service) ++notices;
                 }});
  auto active = client.serve_async("reserve", {.prepare = [](const Branch&) { return Vote::yes(); },
                                               .commit =
                                                   [&](const Branch& branch) {
                                                     EXPECT_EQ(branch.request.body, "two pens");
                                                     if (++commits < 3) {
                                                       throw std::runtime_error("not now");
                                                     }
                                                   }});
  node.reply(core::Serving{.request = node.wait_for_nth<core::Serve>(1).request, .active = true});
  ASSERT_TRUE(active.get());
  node.reply(prepare_of(1));
  (void)node.wait_for_nth<core::ServiceVote>(1);

  node.reply(decision_of(1, true));

  EXPECT_EQ(node.wait_for_nth<core::ServiceDone>(1).call, call_key(1));
  EXPECT_EQ(commits, 3);
  EXPECT_TRUE(client.drain(patience));
  EXPECT_EQ(notices, 2);
}

TEST_F(ClientService, ARepetitionDoesNotReachTheApplication) {
  std::atomic<int> prepares = 0;
  std::atomic<int> roll_backs = 0;
  serve({.prepare =
             [&](const Branch&) {
               ++prepares;
               return Vote::yes("receipt");
             },
         .roll_back = [&](const Branch&) { ++roll_backs; }});

  node_.reply(prepare_of(1));
  (void)node_.wait_for_nth<core::ServiceVote>(1);
  node_.reply(prepare_of(1));
  const auto again = node_.wait_for_nth<core::ServiceVote>(2);
  EXPECT_TRUE(again.yes);
  EXPECT_EQ(again.reply.body.view(), "receipt");

  node_.reply(decision_of(1, false));
  (void)node_.wait_for_nth<core::ServiceDone>(1);
  node_.reply(decision_of(1, false));
  (void)node_.wait_for_nth<core::ServiceDone>(2);
  // A prepare that arrives after the end prepares nothing any more.
  node_.reply(prepare_of(1));
  EXPECT_FALSE(node_.wait_for_nth<core::ServiceVote>(3).yes);

  EXPECT_EQ(prepares, 1);
  EXPECT_EQ(roll_backs, 1);
}

TEST_F(ClientService, TheFunctionsOfOneCallNeverOverlap) {
  std::promise<void> entered;
  std::promise<void> leave;
  std::atomic<bool> is_preparing = false;
  std::atomic<bool> overlapped = false;
  serve({.prepare =
             [&](const Branch&) {
               is_preparing = true;
               entered.set_value();
               leave.get_future().wait();
               is_preparing = false;
               return Vote::yes();
             },
         .roll_back = [&](const Branch&) { overlapped = is_preparing.load(); }},
        4);
  node_.reply(prepare_of(1));
  entered.get_future().wait();

  // The deadline is over there, while the application still thinks.
  node_.reply(decision_of(1, false));
  leave.set_value();

  (void)node_.wait_for_nth<core::ServiceDone>(1);
  EXPECT_FALSE(overlapped);
}

TEST_F(ClientService, SeveralThreadsPrepareAtTheSameTime) {
  std::mutex mutex;
  std::condition_variable changed;
  int inside = 0;
  serve({.prepare =
             [&](const Branch&) {
               std::unique_lock lock{mutex};
               ++inside;
               changed.notify_all();
               const bool both = changed.wait_for(lock, patience, [&] { return inside >= 2; });
               return both ? Vote::yes() : Vote::no("alone");
             }},
        2);

  node_.reply(prepare_of(1));
  node_.reply(prepare_of(2));

  for (const auto& vote : node_.wait_for<core::ServiceVote>(2))
    EXPECT_TRUE(vote.yes);
  // Both have left: the thread sanitizer does not see that their votes say so.
  const std::lock_guard lock{mutex};
}

TEST_F(ClientService, ReportsWhatIsInDoubtOnEveryLink) {
  std::vector<CallId> kept;
  std::atomic<bool> committed = false;
  const auto other = CallId::parse(
      "00000000000000000000000000000009-00000000000000000000000000000009-1-5/"
      "00000000000000010000000000000002/0/1");
  ASSERT_TRUE(other);
  kept.push_back(*other);
  serve({.prepare = [](const Branch&) { return Vote::yes(); },
         .commit = [&](const Branch&) { committed = true; },
         .in_doubt = [&] { return kept; }});
  const auto first = node_.wait_for_nth<core::Serve>(1);
  ASSERT_EQ(first.in_doubt.size(), 1U);
  EXPECT_EQ(first.in_doubt[0].branch, 0);
  EXPECT_EQ(first.in_doubt[0].operation, 1);
  EXPECT_EQ(first.in_doubt[0].transaction.digest, (core::Digest{1, 2}));
  node_.reply(prepare_of(1));
  (void)node_.wait_for_nth<core::ServiceVote>(1);

  node_.die();
  node_.revive();

  // What the application keeps, and what the library has seen it promise.
  const auto second = node_.wait_for_nth<core::Serve>(2);
  EXPECT_EQ(second.in_doubt.size(), 2U);
  EXPECT_NE(std::find(second.in_doubt.begin(), second.in_doubt.end(), call_key(1)),
            second.in_doubt.end());
  node_.reply(core::Serving{.request = second.request, .active = true});
  node_.reply(decision_of(1, true));
  (void)node_.wait_for_nth<core::ServiceDone>(1);
  EXPECT_TRUE(committed);
}

TEST_F(ClientService, WaitsForARunningPrepareBeforeItReportsWhatIsInDoubt) {
  std::promise<void> entered;
  std::promise<void> leave;
  serve({.prepare = [&](const Branch&) {
    entered.set_value();
    leave.get_future().wait();
    return Vote::yes();
  }});
  node_.reply(prepare_of(1));
  entered.get_future().wait();

  node_.die();
  node_.revive();
  (void)node_.wait_for_nth<core::Open>(2);
  EXPECT_EQ(node_.seen<core::Serve>().size(), 1U);
  leave.set_value();

  const auto again = node_.wait_for_nth<core::Serve>(2);
  EXPECT_EQ(again.in_doubt, std::vector{call_key(1)});
  EXPECT_TRUE(node_.seen<core::ServiceVote>().empty()) << "the vote was for the old link";
}

TEST_F(ClientService, LooksAgainWhenTheNodeKnowsNothingOfACall) {
  const auto kept = CallId::parse(
      "00000000000000000000000000000009-00000000000000000000000000000009-1-5/"
      "00000000000000010000000000000002/0/1");
  ASSERT_TRUE(kept);
  std::atomic<int> looked = 0;
  auto active = client_.serve_async(
      "reserve",
      {.prepare = [](const Branch&) { return Vote::yes(); },
       .in_doubt = [&] { return looked++ == 0 ? std::vector{*kept} : std::vector<CallId>{}; }});
  const auto first = node_.wait_for_nth<core::Serve>(1);
  EXPECT_EQ(first.in_doubt.size(), 1U);
  EXPECT_EQ(first.looked, 0U);

  node_.reply(core::Serving{.request = first.request, .active = true});
  node_.reply(core::Serving{.request = first.request, .active = true, .look_again = 9});

  const auto second = node_.wait_for_nth<core::Serve>(2);
  EXPECT_TRUE(second.in_doubt.empty());
  EXPECT_EQ(second.looked, 9U);
  EXPECT_TRUE(active.get());
}

TEST_F(ClientService, ForgetsAPromiseThatAnotherInstanceHasFinished) {
  // What the application keeps, shared by its instances: the other one has committed it meanwhile.
  std::atomic<int> rolled_back = 0;
  serve({.prepare = [](const Branch&) { return Vote::yes(); },
         .roll_back = [&](const Branch&) { ++rolled_back; },
         .in_doubt = [] { return std::vector<CallId>{}; }});
  node_.reply(prepare_of(1));
  (void)node_.wait_for_nth<core::ServiceVote>(1);
  node_.die();
  node_.revive();
  const auto again = node_.wait_for_nth<core::Serve>(2);
  EXPECT_EQ(again.in_doubt, std::vector{call_key(1)});

  node_.reply(core::Serving{.request = again.request, .active = true, .look_again = 9});

  const auto looked = node_.wait_for_nth<core::Serve>(3);
  EXPECT_EQ(looked.looked, 9U);
  EXPECT_TRUE(looked.in_doubt.empty());
  EXPECT_EQ(rolled_back, 0);
}

TEST_F(ClientService, StandsByForAnotherInstance) {
  auto active =
      client_.serve_async("reserve", {.prepare = [](const Branch&) { return Vote::yes(); }});
  node_.reply(
      core::Serving{.request = node_.wait_for_nth<core::Serve>(1).request, .active = false});

  EXPECT_FALSE(active.get());
}

TEST_F(ClientService, ARefusedServiceIsAnError) {
  auto active =
      client_.serve_async("reserve", {.prepare = [](const Branch&) { return Vote::yes(); }});
  node_.reply(denied(node_.wait_for_nth<core::Serve>(1).request, core::Reason::forbidden, false));

  try {
    (void)active.get();
    ADD_FAILURE() << "it must throw";
  } catch (const Error& error) {
    EXPECT_EQ(error.reason(), Reason::forbidden);
    EXPECT_EQ(error.error_class(), ErrorClass::rolled_back);
  }
}

TEST_F(ClientService, UnserveWaitsForWhatRuns) {
  std::promise<void> entered;
  std::atomic<bool> returned = false;
  serve({.prepare = [&](const Branch&) {
    entered.set_value();
    std::this_thread::sleep_for(20ms);  // So that returning early would show.
    returned = true;
    return Vote::yes();
  }});
  node_.reply(prepare_of(1));
  entered.get_future().wait();

  client_.unserve("reserve");

  EXPECT_TRUE(returned);
  EXPECT_EQ(node_.wait_for_nth<core::Unserve>(1).service, "reserve");
}

TEST_F(ClientService, AServiceMayUseTheClient) {
  serve({.prepare = [&](const Branch& branch) {
    return client_.begin().send("log@shop", branch.request).commit().committed()
               ? Vote::yes()
               : Vote::no("the log is full");
  }});

  node_.reply(prepare_of(1));
  node_.reply(committed(node_.wait_for_nth<core::Submit>(1)));

  EXPECT_TRUE(node_.wait_for_nth<core::ServiceVote>(1).yes);
}

TEST_F(ClientService, WrongUseThrows) {
  EXPECT_THROW((void)client_.serve_async("", {}), std::invalid_argument);
  EXPECT_THROW((void)client_.serve_async("reserve", {}), std::invalid_argument);
  EXPECT_THROW((void)client_.serve_async("reserve@shop",
                                         {.prepare = [](const Branch&) { return Vote::yes(); }}),
               std::invalid_argument);
}

}  // namespace
}  // namespace nemcon::tests
