#include "tests/sim/service.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

namespace nemcon::sim {
namespace {

// "call|<transaction>|<place>", as Session makes it.
std::optional<std::pair<std::uint32_t, std::uint32_t>> parse_call(const core::Content& content) {
  const std::string_view body = content.body.view();
  if (body.rfind("call|", 0) != 0) return std::nullopt;
  std::pair<std::uint32_t, std::uint32_t> result;
  const char* const end = body.data() + body.size();
  const auto first = std::from_chars(body.data() + 5, end, result.first);
  if (first.ec != std::errc{} || first.ptr == end) return std::nullopt;
  const auto second = std::from_chars(first.ptr + 1, end, result.second);
  if (second.ec != std::errc{}) return std::nullopt;
  return result;
}

}  // namespace

std::size_t ServiceStore::prepared_count() const {
  return static_cast<std::size_t>(
      std::count_if(entries.begin(), entries.end(),
                    [](const auto& entry) { return entry.second.state == State::prepared; }));
}

Service::Service(World& world, Session& session, std::string name, std::size_t home,
                 std::shared_ptr<ServiceStore> store, ServiceHabits habits)
    : world_(world),
      session_(session),
      random_(world.random.fork()),
      name_(std::move(name)),
      home_(home),
      store_(std::move(store)),
      habits_(habits) {
  session_.owner.opened = [this] { on_opened(); };
  session_.owner.lost = [this] { ++epoch_; };
  session_.owner.replied = [this](const core::Reply& reply) { on_reply(reply); };
}

void Service::behave() {
  habits_ = {};
  habits_.refuses = habits_.read_only = habits_.hangs = 0;
  habits_.dies_prepared = habits_.dies_done = 0;
}

void Service::plan(Time delay, std::function<void()> action) {
  world_.schedule.at(world_.schedule.now() + delay, Nature::timer,
                     [this, epoch = epoch_, action = std::move(action)] {
                       if (epoch == epoch_ && session_.is_open()) action();
                     });
}

void Service::record(Happened what, const core::CallKey& call, std::uint32_t transaction,
                     std::uint32_t place) {
  HistoryEvent event;
  event.node = static_cast<std::uint32_t>(home_);
  event.submission = call.transaction.digest.low;
  event.what = what;
  event.transaction = transaction;
  event.place = place;
  world_.add_event(event);
}

void Service::on_opened() {
  ++epoch_;
  thinking_.clear();
  serve(0);
}

void Service::serve(std::uint64_t looked) {
  core::Serve serve;
  serve.request = session_.take_request();
  serve.service = name_;
  serve.looked = looked;
  for (const auto& [call, entry] : store_->entries) {
    if (entry.state == ServiceStore::State::prepared) serve.in_doubt.push_back(call);
  }
  counts_.in_doubt_count += serve.in_doubt.size();
  session_.send(serve);
}

void Service::on_reply(const core::Reply& reply) {
  if (const auto* prepare = std::get_if<core::ServicePrepare>(&reply)) {
    take(*prepare);
  } else if (const auto* decision = std::get_if<core::ServiceDecision>(&reply)) {
    take(*decision);
  } else if (const auto* serving = std::get_if<core::Serving>(&reply)) {
    if (serving->look_again != 0) serve(serving->look_again);
  }
}

void Service::take(const core::ServicePrepare& prepare) {
  const auto known = store_->entries.find(prepare.call);
  if (known == store_->entries.end() && random_.chance(habits_.hangs)) {
    ++counts_.hung_count;
    return;
  }
  thinking_.insert(prepare.call);
  const auto most = static_cast<std::uint64_t>(habits_.think_max.count()) + 1;
  plan(Time{static_cast<std::int64_t>(random_.below(most))}, [this, prepare] {
    // It may have been rolled back meanwhile: then there is nothing to prepare any more.
    if (thinking_.erase(prepare.call) != 0) answer(prepare);
  });
}

void Service::answer(const core::ServicePrepare& prepare) {
  const auto known = store_->entries.find(prepare.call);
  if (known != store_->entries.end()) {
    // Asked again: the same answer, unless it is over already.
    vote(prepare.call, known->second.state == ServiceStore::State::prepared, false);
    return;
  }
  const auto place = parse_call(prepare.content);
  if (!place) {
    world_.add_violation("service " + name_ + " got a request that nobody made");
    return;
  }
  if (const auto given = store_->answers.find(prepare.call); given != store_->answers.end()) {
    const bool read_only = given->second == ServiceStore::Answer::read_only;
    vote(prepare.call, read_only, read_only);
    return;
  }
  if (random_.chance(habits_.refuses)) {
    ++counts_.refused_count;
    store_->answers[prepare.call] = ServiceStore::Answer::no;
    record(Happened::service_no, prepare.call, place->first, place->second);
    vote(prepare.call, false, false);
  } else if (random_.chance(habits_.read_only)) {
    store_->answers[prepare.call] = ServiceStore::Answer::read_only;
    record(Happened::service_read_only, prepare.call, place->first, place->second);
    vote(prepare.call, true, true);
  } else {
    ++counts_.prepared_count;
    store_->entries[prepare.call] = {ServiceStore::State::prepared, place->first, place->second};
    record(Happened::service_yes, prepare.call, place->first, place->second);
    if (random_.chance(habits_.dies_prepared)) {
      ++counts_.died_count;
      session_.restart();
    } else {
      vote(prepare.call, true, false);
    }
  }
}

void Service::vote(const core::CallKey& call, bool yes, bool read_only) {
  core::ServiceVote vote;
  vote.call = call;
  vote.yes = yes;
  vote.read_only = read_only;
  if (!yes) vote.text = "not today";
  session_.send(vote);
}

void Service::take(const core::ServiceDecision& decision) {
  if (random_.chance(habits_.hangs)) {
    ++counts_.hung_count;  // Its function failed: it is told again.
    return;
  }
  thinking_.erase(decision.call);
  const auto found = store_->entries.find(decision.call);
  if (found == store_->entries.end()) {
    if (decision.commit) {
      world_.add_violation("service " + name_ + " is told to commit what it never prepared");
    }
  } else if (found->second.state == ServiceStore::State::prepared) {
    ++counts_.decided_count;
    found->second.state =
        decision.commit ? ServiceStore::State::committed : ServiceStore::State::rolled_back;
    record(decision.commit ? Happened::service_committed : Happened::service_rolled_back,
           decision.call, found->second.transaction, found->second.place);
  } else {
    ++counts_.redelivered_count;
    const bool was_commit = found->second.state == ServiceStore::State::committed;
    if (was_commit != decision.commit) {
      record(decision.commit ? Happened::service_committed : Happened::service_rolled_back,
             decision.call, found->second.transaction, found->second.place);
    }
  }
  if (random_.chance(habits_.dies_done)) {
    ++counts_.died_count;
    session_.restart();
    return;
  }
  session_.send(core::ServiceDone{decision.call});
}

}  // namespace nemcon::sim
