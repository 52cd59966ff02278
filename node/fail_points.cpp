#include "node/fail_points.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <csignal>
#include <thread>
#include <utility>

#include <unistd.h>

namespace nemcon::node {

namespace {

// What was handed to ZeroMQ is sent by a thread of its own. A kill at once would nearly always be a
// kill before the send; waiting makes `after-send` mean that it has left.
constexpr std::chrono::milliseconds send_time{50};

constexpr std::array request_names = {
    "open",   "submit", "ask",     "acknowledge",  "subscribe",    "add-credit", "unsubscribe",
    "settle", "serve",  "unserve", "service-vote", "service-done", "inspect"};
static_assert(request_names.size() == std::variant_size_v<core::Request>);

constexpr std::array reply_names = {
    "opened",  "denied",          "concluded",        "delivered", "subscription-ended",
    "settled", "service-prepare", "service-decision", "serving",   "report"};
static_assert(reply_names.size() == std::variant_size_v<core::Reply>);

const char* moment_name(Moment moment) {
  switch (moment) {
    case Moment::before_receive:
      return "before-receive";
    case Moment::after_receive:
      return "after-receive";
    case Moment::before_send:
      return "before-send";
    case Moment::after_send:
      return "after-send";
    case Moment::before_append:
      return "before-append";
    case Moment::after_append:
      return "after-append";
    case Moment::before_reply:
      return "before-reply";
    case Moment::after_reply:
      return "after-reply";
    case Moment::before_checkpoint:
      return "before-checkpoint";
    case Moment::after_checkpoint:
      return "after-checkpoint";
  }
  return "";
}

std::string point_name(Moment moment, std::string_view kind) {
  std::string name = moment_name(moment);
  if (!kind.empty()) name += ':' + std::string(kind);
  return name;
}

// One value of each alternative, for its name.
template <class Variant, std::size_t... Index>
std::vector<std::string> kinds_of(std::index_sequence<Index...>) {
  return {std::string(kind_of(Variant(std::in_place_index<Index>)))...};
}

template <class Variant>
std::vector<std::string> kinds() {
  using core::kind_of;
  return kinds_of<Variant>(std::make_index_sequence<std::variant_size_v<Variant>>{});
}

void add_points(std::vector<std::string>& names, Moment moment,
                const std::vector<std::string>& kinds) {
  for (const std::string& kind : kinds)
    names.push_back(point_name(moment, kind));
}

[[noreturn]] void die() {
  kill(getpid(), SIGKILL);
  // The signal may reach another thread first.
  for (;;)
    pause();
}

}  // namespace

const char* kind_of(const core::Request& request) {
  return request_names[request.index()];
}

const char* kind_of(const core::Reply& reply) {
  return reply_names[reply.index()];
}

std::vector<std::string> FailPoints::names() {
  std::vector<std::string> names;
  const auto messages = kinds<core::Message>();
  std::vector<std::string> received = messages;
  const auto requests = kinds<core::Request>();
  received.insert(received.end(), requests.begin(), requests.end());
  add_points(names, Moment::before_receive, received);
  add_points(names, Moment::after_receive, received);
  add_points(names, Moment::before_send, messages);
  add_points(names, Moment::after_send, messages);
  add_points(names, Moment::before_append, kinds<core::Record>());
  add_points(names, Moment::after_append, kinds<core::Record>());
  add_points(names, Moment::before_reply, kinds<core::Reply>());
  add_points(names, Moment::after_reply, kinds<core::Reply>());
  names.push_back(point_name(Moment::before_checkpoint, ""));
  names.push_back(point_name(Moment::after_checkpoint, ""));
  std::sort(names.begin(), names.end());
  return names;
}

bool FailPoints::try_arm(std::string_view text) {
  if (!has_fail_points) return false;
  auto armed = std::make_unique<Armed>();
  const auto all = names();
  armed->name = text;
  if (!std::binary_search(all.begin(), all.end(), armed->name)) {
    const std::size_t colon = text.rfind(':');
    if (colon == std::string_view::npos) return false;
    armed->name = text.substr(0, colon);
    const char* const end = text.data() + text.size();
    const auto [stopped, error] = std::from_chars(text.data() + colon + 1, end, armed->count);
    if (error != std::errc{} || stopped != end || armed->count == 0) return false;
    if (!std::binary_search(all.begin(), all.end(), armed->name)) return false;
  }
  armed_.push_back(std::move(armed));
  return true;
}

void FailPoints::hit(Moment moment, std::string_view kind) {
  if (!is_armed()) return;
  const std::string name = point_name(moment, kind);
  for (const auto& armed : armed_) {
    if (armed->name != name || ++armed->reached != armed->count) continue;
    if (moment == Moment::after_send || moment == Moment::after_reply) {
      std::this_thread::sleep_for(send_time);
    }
    die();
  }
}

}  // namespace nemcon::node
