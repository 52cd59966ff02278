// What an Acceptor tells of those who are not let in.
#include <utility>

#include "transport/acceptor.hpp"
#include "transport/text.hpp"

namespace nemcon::transport {

namespace {

// A table that strangers can make grow.
constexpr std::size_t reported_count_max = 1024;

// What strangers can bring about as often as they like is told so often.
constexpr auto told_again_after = std::chrono::minutes{1};
constexpr std::size_t keys_told_max = 16;

const char* to_text(Role role) {
  return role == Role::peer ? "node" : "client";
}

}  // namespace

void Acceptor::report(const Inbound& inbound, RefusalReason reason, const std::string& text) {
  if (reported_.size() >= reported_count_max) reported_.clear();
  const bool is_new = reported_
                          .insert({.role = inbound.role,
                                   .name = inbound.name,
                                   .address = inbound.address,
                                   .reason = reason})
                          .second;
  std::string what = to_text(inbound.role);
  what += inbound.name.empty() ? " without a name" : " " + printable(inbound.name);
  if (!inbound.address.empty()) what += " at " + inbound.address;
  LinkTrouble trouble{
      .reason = reason, .peer = std::nullopt, .what = what + ": " + printable(text)};
  const PeerEndpoint* peer = inbound.role == Role::peer ? find_peer(inbound.name) : nullptr;
  if (peer != nullptr) trouble.peer = peer->peer;
  tell(std::move(trouble), is_new, 1);
}

void Acceptor::tell(LinkTrouble trouble, bool is_new, std::uint64_t count) {
  if (is_new) pending_.emplace_back(trouble);
  const std::uint64_t more = is_new ? count - 1 : count;
  if (more > 0)
    pending_.emplace_back(LinkTroubleAgain{.trouble = std::move(trouble), .count = more});
}

// Where such a connection came from ZeroMQ does not say.
void Acceptor::count_strangers() {
  const std::uint64_t count = socket_.take_failed_handshakes();
  if (count == 0) return;
  parts_.counters.handshakes_failed += count;
  tell({.reason = RefusalReason::malformed,
        .peer = std::nullopt,
        .what = "somebody connected who does not speak ZeroMQ's protocol, has no key or the wrong "
                "one of this node, or left at once"},
       !std::exchange(has_met_strangers_, true), count);
}

void Acceptor::count_floods() {
  const std::uint64_t count = socket_.intake().cut_count() - parts_.counters.connections_cut;
  if (count == 0) return;
  const bool is_first = parts_.counters.connections_cut == 0;
  parts_.counters.connections_cut += count;
  tell({.reason = RefusalReason::fault,
        .peer = std::nullopt,
        .what = "somebody sent more than may wait here, and was cut"},
       is_first, count);
}

void Acceptor::watch_admission() {
  const Admission& admission = socket_.admission();
  parts_.counters.links_held_off = admission.held_off_count();
  const bool is_faster = admission.addresses_held_off_count() > parts_.counters.addresses_held_off;
  parts_.counters.addresses_held_off = admission.addresses_held_off_count();
  if (is_faster && now_ >= tell_of_speed_at_) {
    tell_of_speed_at_ = now_ + told_again_after;
    tell({.reason = RefusalReason::full,
          .peer = std::nullopt,
          .what = to_text(*admission.last_held_off()) + " makes more than " +
                  std::to_string(parts_.options.connect_rate_max) +
                  " connections a second: it is held off at times (max_connects_per_second in "
                  "[limits])"},
         true, 1);
  }
  if (!admission.is_holding_off() || now_ < tell_of_crowd_at_) return;
  tell_of_crowd_at_ = now_ + told_again_after;
  tell({.reason = RefusalReason::full,
        .peer = std::nullopt,
        .what = std::to_string(admission.connections_max()) +
                " connections: no further ones are accepted until some have gone (max_clients in "
                "[limits], ulimit -n)"},
       true, 1);
}

// The gatekeeper let none of it in; what it saw of them is told.
void Acceptor::count_refused_keys() {
  if (parts_.security == nullptr) return;
  const Gatekeeper::Refusals refusals = parts_.security->take_refusals();
  parts_.counters.keys_refused += refusals.count;
  if (now_ >= tell_of_keys_again_at_) {
    tell_of_keys_again_at_ = now_ + told_again_after;
    keys_told_ = 0;
  }
  std::uint64_t unnamed = refusals.count;
  for (const Gatekeeper::Refusals::One& one : refusals.first) {
    // Whoever likes can make keys without end.
    if (keys_told_ == keys_told_max) break;
    ++keys_told_;
    --unnamed;
    Inbound stranger{.name = "with the key " + one.key, .address = one.address};
    report(stranger, RefusalReason::forbidden, "nobody here knows it");
  }
  tell({.reason = RefusalReason::forbidden,
        .peer = std::nullopt,
        .what = "further ones with keys that nobody here knows"},
       false, unnamed);
}

}  // namespace nemcon::transport
