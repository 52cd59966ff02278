#include "tests/attack/greedy_clients.hpp"

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <thread>
#include <variant>
#include <vector>

#include "core/quotas.hpp"
#include "core/request.hpp"
#include "tests/attack/victim.hpp"
#include "transport/hashing.hpp"
#include "transport/links.hpp"

namespace nemcon::attack {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

namespace {

core::Instant present() {
  return core::Instant{Clock::now().time_since_epoch()};
}

using Requests = std::vector<core::Request>;

// A client that keeps to the protocol of a link, and connects anew when that is gone.
class Asker {
 public:
  Asker(const Victim& victim, const std::string& name)
      : victim_(victim),
        socket_(transport::process_context(),
                {.name = name,
                 .keys = std::make_shared<const transport::KeyPair>(victim.keys_of(name)),
                 .limits = victim.rogue.limits,
                 .timing = {}}) {}

  // Waits for a moment where there is nothing to do; `take` gets every reply.
  template <class Take>
  void turn(const Take& take) {
    if (!is_begun_) connect();
    socket_.poll(present(), is_stuck_ ? 5ms : 0ms, {});
    std::vector<transport::ClientEvent> events;
    socket_.receive(present(), events);
    for (const transport::ClientEvent& event : events) {
      if (const auto* const reply = std::get_if<core::Reply>(&event)) take(*reply);
      if (std::holds_alternative<transport::LinkDown>(event)) is_begun_ = false;
    }
    is_stuck_ = !socket_.is_up();
  }

  // How many of them, the first ones, were handed over.
  std::size_t ask(const Requests& requests) {
    if (!socket_.is_up()) return 0;
    std::size_t sent_count = requests.size();
    const transport::SendResult result = socket_.send(requests, sent_count);
    if (result == transport::SendResult::too_large) throw std::runtime_error("too large to ask");
    if (result == transport::SendResult::sent) return requests.size();
    is_stuck_ = true;
    return sent_count;
  }

  // Nothing more can be handed over, or nothing is to be asked, until something has come.
  void rest() { is_stuck_ = true; }

  void leave() {
    socket_.disconnect();
    is_begun_ = false;
  }

 private:
  void connect() {
    if (Clock::now() < begun_at_ + 100ms) std::this_thread::sleep_for(100ms);
    begun_at_ = Clock::now();
    const core::Status status = socket_.connect(present(), victim_.endpoint, victim_.public_key);
    if (!status) throw std::runtime_error(status.error().detail);
    is_begun_ = true;
  }

  const Victim& victim_;
  transport::ClientSocket socket_;
  bool is_begun_ = false;
  bool is_stuck_ = true;
  Clock::time_point begun_at_{};
};

void count_denied(const core::Reply& reply, Tally& tally) {
  if (std::holds_alternative<core::Denied>(reply)) ++tally["denied"];
}

}  // namespace

void add_idle_session(std::vector<core::Request>& requests, std::uint64_t number) {
  requests.emplace_back(core::Open{.request = number,
                                   .name = {},
                                   .client = transport::random_id128<core::ClientId>(),
                                   .epoch = {},
                                   .above = {}});
  requests.emplace_back(core::Acknowledge{.epoch = {}, .ack_upto = core::Sequence{1}});
}

Tally acknowledge_without_end(const Order& order) {
  const Victim victim(order.directory());
  Asker asker(victim, idler_name);
  Tally tally{{"acknowledged", 0}, {"opened", 0}, {"denied", 0}};
  constexpr std::size_t pair_count = 50;
  const auto act = [&] {
    asker.turn([&](const core::Reply& reply) {
      if (std::holds_alternative<core::Opened>(reply)) ++tally["opened"];
      count_denied(reply, tally);
    });
    Requests requests;
    for (std::size_t i = 1; i <= pair_count; ++i)
      add_idle_session(requests, i);
    tally["acknowledged"] += asker.ask(requests) / 2;
  };
  obey(order, act, [&] { asker.leave(); });
  return tally;
}

namespace {

// Its requests and what became of them.
class Opener {
 public:
  explicit Opener(const Victim& victim) : asker_(victim, opener_name) {}

  void turn() {
    Requests requests;
    asker_.turn([&](const core::Reply& reply) { take(reply, requests); });
    while (waiting_count_ < waiting_max) {
      requests.push_back(next());
      ++waiting_count_;
    }
    if (requests.empty()) return asker_.rest();
    const std::size_t sent_count = asker_.ask(requests);
    // Answers come for those that were sent.
    for (std::size_t i = sent_count; i < requests.size(); ++i)
      waiting_count_ -= std::holds_alternative<core::Open>(requests[i]) ? 1U : 0U;
  }

  void leave() {
    asker_.leave();
    waiting_count_ = 0;
  }

  [[nodiscard]] const Tally& tally() const { return tally_; }

 private:
  static constexpr std::size_t waiting_max = 32;
  static constexpr std::uint64_t epoch_step = 1U << 16U;

  void take(const core::Reply& reply, Requests& requests) {
    if (const auto* const opened = std::get_if<core::Opened>(&reply)) {
      waiting_count_ -= waiting_count_ > 0 ? 1U : 0U;
      newest_ = std::max(newest_, opened->epoch.value());
      if (epochs_.insert(opened->epoch.value()).second) count_opened();
      requests.emplace_back(
          core::Acknowledge{.epoch = opened->epoch, .ack_upto = core::Sequence{1}});
    }
    if (const auto* const denied = std::get_if<core::Denied>(&reply)) {
      waiting_count_ -= waiting_count_ > 0 ? 1U : 0U;
      newest_ = std::max(newest_, denied->epoch.value());
      const bool is_too_fast = denied->text.find("opens sessions too fast") != std::string::npos;
      const bool is_fenced = denied->reason == core::Reason::fenced;
      ++tally_[is_too_fast ? "too fast" : is_fenced ? "fenced" : "refused otherwise"];
    }
  }

  // By turns the node's next one, and one of its own.
  core::Request next() {
    ++request_;
    core::Open open{
        .request = request_, .name = opener_name, .client = {}, .epoch = {}, .above = {}};
    if (request_ % 2 == 0 && newest_ > 0) open.epoch = core::Epoch{newest_ += epoch_step};
    return open;
  }

  void count_opened() {
    if (!first_at_) first_at_ = Clock::now();
    const auto seconds = std::chrono::duration<double>(Clock::now() - *first_at_).count();
    const double most = few_clients + seconds * core::Quotas::openings_per_second + 1;
    const std::uint64_t count = ++tally_["opened"];
    if (static_cast<double>(count) > most) ++tally_["beyond"];
  }

  Asker asker_;
  Tally tally_{{"opened", 0}, {"too fast", 0}, {"beyond", 0}};
  std::size_t waiting_count_ = 0;   // Openings without an answer.
  std::set<std::uint64_t> epochs_;  // An epoch that is gone on with is not a new one.
  std::uint64_t newest_ = 0;
  std::uint64_t request_ = 0;
  std::optional<Clock::time_point> first_at_;
};

}  // namespace

Tally open_without_end(const Order& order) {
  const Victim victim(order.directory());
  Opener opener(victim);
  obey(
      order, [&] { opener.turn(); }, [&] { opener.leave(); });
  return opener.tally();
}

namespace {

// Half of them of the node that is told so, which knows that it never began them.
core::CallKey unheard_of(const core::Opened& session) {
  core::CallKey call;
  const bool is_own = transport::random_u64() % 2 == 0;
  call.transaction.id = {
      .initiator = is_own ? session.node : transport::random_id128<core::NodeId>(),
      .client = transport::random_id128<core::ClientId>(),
      .epoch = {},
      .sequence = core::Sequence{1 + transport::random_u64() % 1'000}};
  call.transaction.digest = transport::random_id128<core::Digest>();
  return call;
}

}  // namespace

Tally doubt_without_end(const Order& order) {
  const Victim victim(order.directory());
  Asker asker(victim, server_name);
  Tally tally{{"reports", 0}, {"asked again", 0}, {"denied", 0}};
  constexpr std::size_t call_count = 500;
  std::optional<core::Opened> session;
  bool is_opening = false;
  const auto take = [&](const core::Reply& reply) {
    if (const auto* const opened = std::get_if<core::Opened>(&reply)) session = *opened;
    if (const auto* const serving = std::get_if<core::Serving>(&reply))
      tally["asked again"] += serving->look_again != 0 ? 1U : 0U;
    count_denied(reply, tally);
  };
  const auto act = [&] {
    asker.turn(take);
    if (!session) {
      const core::Open open{
          .request = 1, .name = server_name, .client = {}, .epoch = {}, .above = {}};
      if (!is_opening) is_opening = asker.ask({open}) == 1;
      return asker.rest();
    }
    core::Serve serve{.request = 2, .service = doubted_service, .in_doubt = {}, .looked = 0};
    for (std::size_t i = 0; i < call_count; ++i)
      serve.in_doubt.push_back(unheard_of(*session));
    tally["reports"] += asker.ask({serve});
  };
  obey(order, act, [&] {
    asker.leave();
    session.reset();
    is_opening = false;
  });
  return tally;
}

}  // namespace nemcon::attack
