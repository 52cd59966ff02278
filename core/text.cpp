// The words for ids, reasons and kinds, as people and diagnostics see them.
#include <algorithm>
#include <bit>
#include <charconv>

#include "core/message.hpp"
#include "core/record.hpp"
#include "core/transaction.hpp"

namespace nemcon::core {

namespace {

template <class Number>
bool try_take_hex(std::string_view& text, std::size_t digit_count, Number& number) {
  if (text.size() < digit_count) return false;
  const char* end = text.data() + digit_count;
  const auto [stop, error] = std::from_chars(text.data(), end, number, 16);
  if (error != std::errc{} || stop != end) return false;
  text.remove_prefix(digit_count);
  return true;
}

bool try_take_dash(std::string_view& text) {
  if (text.empty() || text.front() != '-') return false;
  text.remove_prefix(1);
  return true;
}

bool try_take_number(std::string_view& text, std::uint64_t& number) {
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number, 16);
  if (error != std::errc{}) return false;
  text.remove_prefix(static_cast<std::size_t>(stop - text.data()));
  return true;
}

void append_hex(std::string& text, std::uint64_t number, int digits_min) {
  const int digits = std::max(digits_min, (static_cast<int>(std::bit_width(number)) + 3) / 4);
  text.append(static_cast<std::size_t>(digits), '0');
  for (auto digit = text.rbegin(); number != 0; ++digit, number >>= 4U)
    *digit = "0123456789abcdef"[number & 15U];
}

template <class Tag>
void append(std::string& text, const Id128<Tag>& id) {
  append_hex(text, id.high, 16);
  append_hex(text, id.low, 16);
}

}  // namespace

// These two go with every message that is delivered: too often for printf.
std::string to_text(const NodeId& id) {
  std::string text;
  text.reserve(32);
  append(text, id);
  return text;
}

std::string to_text(const TransactionId& id) {
  std::string text;
  text.reserve(104);
  append(text, id.initiator);
  text += '-';
  append(text, id.client);
  text += '-';
  append_hex(text, id.epoch.value(), 1);
  text += '-';
  append_hex(text, id.sequence.value(), 1);
  return text;
}

bool try_parse(const std::string& text, TransactionId& id) {
  std::string_view rest = text;
  TransactionId parsed;
  std::uint64_t epoch = 0;
  std::uint64_t sequence = 0;
  const bool ok = try_take_hex(rest, 16, parsed.initiator.high) &&
                  try_take_hex(rest, 16, parsed.initiator.low) && try_take_dash(rest) &&
                  try_take_hex(rest, 16, parsed.client.high) &&
                  try_take_hex(rest, 16, parsed.client.low) && try_take_dash(rest) &&
                  try_take_number(rest, epoch) && try_take_dash(rest) &&
                  try_take_number(rest, sequence) && rest.empty();
  if (!ok) return false;
  parsed.epoch = Epoch{epoch};
  parsed.sequence = Sequence{sequence};
  id = parsed;
  return true;
}

const char* to_text(Ordering ordering) {
  switch (ordering) {
    case Ordering::producer:
      return "producer";
    case Ordering::mesh:
      return "mesh";
    case Ordering::none:
      return "none";
  }
  return "?";
}

const char* to_text(Reason reason) {
  switch (reason) {
    using enum Reason;
    case none:
      return "none";
    case unknown_queue:
      return "unknown queue";
    case unknown_service:
      return "unknown service";
    case ambiguous_name:
      return "ambiguous name";
    case queue_full:
      return "queue full";
    case queue_closing:
      return "queue closing";
    case lease_lost:
      return "lease lost";
    case out_of_order:
      return "out of order";
    case service_refused:
      return "refused by service";
    case service_unavailable:
      return "service unavailable";
    case deadline:
      return "deadline passed";
    case preempted:
      return "preempted by recovery";
    case fenced:
      return "fenced by a newer session";
    case descriptor_conflict:
      return "conflicting submission";
    case clock_drift:
      return "clock drift";
    case check_failed:
      return "check failed";
    case too_large:
      return "too large";
    case too_many_branches:
      return "too many branches";
    case unavailable:
      return "unavailable";
    case disk_full:
      return "disk full";
    case window_full:
      return "window full";
    case too_old:
      return "too old";
    case forbidden:
      return "forbidden";
    case stopping:
      return "stopping";
    case malformed:
      return "malformed";
    case not_found:
      return "not found";
    case rolled_back_node:
      return "node restored from an old state";
  }
  return "unknown";
}

const char* to_text(BranchState state) {
  switch (state) {
    using enum BranchState;
    case none:
      return "none";
    case voted_no:
      return "voted no";
    case voted_yes:
      return "voted yes";
    case committed:
      return "committed";
    case rolled_back:
      return "rolled back";
  }
  return "unknown";
}

const char* kind_of(const Message& message) {
  static constexpr std::array names = {
      "hello",  "prepare", "vote",   "accepted", "ask-promise",  "promise", "propose",
      "refuse", "query",   "status", "decision", "decision-ack", "forget",  "forget-ack"};
  static_assert(names.size() == std::variant_size_v<Message>);
  return names[message.index()];
}

const char* kind_of(const Record& record) {
  static constexpr std::array names = {
      "started",          "queue-defined", "peer-seen",      "session-opened", "acknowledged-up-to",
      "floor-raised",     "voted",         "accepted-votes", "promised",       "decided",
      "decided-alone",    "sent",          "turned-away",    "all-informed",   "forgotten",
      "service-notified", "removed",       "returned",       "dead-lettered"};
  static_assert(names.size() == std::variant_size_v<Record>);
  return names[record.index()];
}

}  // namespace nemcon::core
