#include <array>
#include <charconv>
#include <cstdio>

#include <nemcon/service.hpp>

namespace nemcon {
inline namespace v0 {

namespace {

template <class Number>
bool try_parse_hex(std::string_view text, Number& number) {
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number, 16);
  return error == std::errc{} && stop == end && !text.empty();
}

// Takes what is before the next slash, or all of it, off the front.
std::string_view take_word(std::string_view& text) {
  const std::size_t slash = text.find('/');
  const std::string_view word = text.substr(0, slash);
  text.remove_prefix(slash == std::string_view::npos ? text.size() : slash + 1);
  return word;
}

}  // namespace

std::string CallId::text() const {
  std::array<char, 48> rest{};
  std::snprintf(rest.data(), rest.size(), "/%016llx%016llx/%x/%x",
                static_cast<unsigned long long>(digest_high_),
                static_cast<unsigned long long>(digest_low_), unsigned{branch_},
                unsigned{operation_});
  return transaction_.text() + rest.data();
}

std::optional<CallId> CallId::parse(std::string_view text) {
  CallId id;
  const std::optional<TransactionId> transaction = TransactionId::parse(take_word(text));
  if (!transaction) return std::nullopt;
  id.transaction_ = *transaction;
  const std::string_view digest = take_word(text);
  const std::string_view branch = take_word(text);
  if (digest.size() != 32 || !try_parse_hex(digest.substr(0, 16), id.digest_high_) ||
      !try_parse_hex(digest.substr(16), id.digest_low_) || !try_parse_hex(branch, id.branch_) ||
      !try_parse_hex(text, id.operation_)) {
    return std::nullopt;
  }
  return id;
}

}  // namespace v0
}  // namespace nemcon
