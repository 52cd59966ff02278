#include "tests/chaos/server.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <stdexcept>
#include <string_view>
#include <utility>

namespace nemcon::chaos {
namespace {

using sim::Happened;

constexpr std::chrono::milliseconds deadline{2'000};

// "call|TRANSACTION|PLACE".
std::optional<std::pair<std::uint32_t, std::uint32_t>> parse_call(std::string_view body) {
  if (!body.starts_with("call|")) return std::nullopt;
  std::pair<std::uint32_t, std::uint32_t> call;
  const char* const end = body.data() + body.size();
  const auto first = std::from_chars(body.data() + 5, end, call.first);
  if (first.ec != std::errc{} || first.ptr == end) return std::nullopt;
  const auto second = std::from_chars(first.ptr + 1, end, call.second);
  if (second.ec != std::errc{}) return std::nullopt;
  return call;
}

}  // namespace

ServiceStore::ServiceStore(Recorder& recorder, ServicePlan plan, std::uint64_t seed)
    : recorder_(recorder), plan_(std::move(plan)), random_(seed) {}

Service ServiceStore::service() {
  return {.prepare = [this](const Branch& branch) { return prepare(branch); },
          .commit = [this](const Branch& branch) { finish(branch, true); },
          .roll_back = [this](const Branch& branch) { finish(branch, false); },
          .in_doubt = [this] { return in_doubt(); }};
}

std::size_t ServiceStore::prepared_count() const {
  return in_doubt().size();
}

std::chrono::milliseconds ServiceStore::think() {
  const std::scoped_lock lock(mutex_);
  const auto most = static_cast<std::uint64_t>(plan_.think_max.count());
  return std::chrono::milliseconds{is_good_ ? 0 : random_.below(most + 1)};
}

void ServiceStore::record(Happened what, const CallId& id, const Call& call) {
  recorder_.service(what, call.transaction, call.place, static_cast<std::uint32_t>(plan_.node),
                    id.digest_low());
}

Vote ServiceStore::prepare(const Branch& branch) {
  std::this_thread::sleep_for(think());
  const std::scoped_lock lock(mutex_);
  const auto place = parse_call(branch.request.body);
  if (!place) {
    recorder_.blame("phantom-call: " + branch.request.body);
    return Vote::no("what is this?");
  }
  const auto [found, is_new] =
      calls_.try_emplace(branch.id, Call{Answer::no, place->first, place->second});
  Call& call = found->second;
  if (is_new && random_.chance(plan_.refuses) && !is_good_) {
    record(Happened::service_no, branch.id, call);
  } else if (is_new && random_.chance(plan_.read_only)) {
    call.answer = Answer::read_only;
    record(Happened::service_read_only, branch.id, call);
  } else if (is_new) {
    call.answer = Answer::prepared;
    record(Happened::service_yes, branch.id, call);
  }
  // Asked again: the same answer, unless it is over already.
  if (call.answer == Answer::read_only) return Vote::read_only("read");
  if (call.answer == Answer::prepared) return Vote::yes("prepared");
  return Vote::no("not today");
}

void ServiceStore::finish(const Branch& branch, bool commits) {
  const std::scoped_lock lock(mutex_);
  if (!is_good_ && random_.chance(plan_.fails)) throw std::runtime_error("not now");
  const auto found = calls_.find(branch.id);
  const Answer after = commits ? Answer::committed : Answer::rolled_back;
  if (found == calls_.end()) {
    if (commits) recorder_.blame("service-unasked: commit of what was never prepared");
    return;
  }
  if (found->second.answer == after) return;
  found->second.answer = after;
  record(commits ? Happened::service_committed : Happened::service_rolled_back, branch.id,
         found->second);
}

std::vector<CallId> ServiceStore::in_doubt() const {
  const std::scoped_lock lock(mutex_);
  std::vector<CallId> ids;
  for (const auto& [id, call] : calls_) {
    if (call.answer == Answer::prepared) ids.push_back(id);
  }
  return ids;
}

Server::Server(Stage& stage, std::uint64_t seed, std::string service, ClientOptions door,
               std::shared_ptr<ServiceStore> store)
    : Actor(stage, seed),
      service_(std::move(service)),
      door_(std::move(door)),
      store_(std::move(store)) {}

void Server::live() {
  ClientOptions options = door_;
  options.deadline = deadline;
  Client client(options);
  bool is_served = false;
  while (!is_over()) {
    if (!is_served) {
      try {
        // Active or standing by.
        (void)client.serve(service_, store_->service());
        is_served = true;
      } catch (const Error&) {
        // No node answered; it may be down.
      }
    }
    rest(std::chrono::milliseconds{20});
  }
}

}  // namespace nemcon::chaos
