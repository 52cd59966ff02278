// Message: headers and a body. Values; no part of Nemcon looks into a body.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace nemcon {
inline namespace v0 {

// Header names and values are any bytes; by custom lower-case names such as "content-type".
using Headers = std::map<std::string, std::string, std::less<>>;

// Implicit from every form of bytes on purpose, so that send("orders", "order 17") reads as it
// should. The bytes are copied once.
struct Message {
  std::string body;
  Headers headers;

  Message() = default;

  // NOLINTNEXTLINE(google-explicit-constructor)
  Message(std::string bytes, Headers fields = {})
      : body(std::move(bytes)), headers(std::move(fields)) {}

  // NOLINTNEXTLINE(google-explicit-constructor)
  Message(std::string_view bytes, Headers fields = {}) : body(bytes), headers(std::move(fields)) {}

  // NOLINTNEXTLINE(google-explicit-constructor)
  Message(const char* text, Headers fields = {}) : body(text), headers(std::move(fields)) {}

  // NOLINTNEXTLINE(google-explicit-constructor)
  Message(std::span<const std::byte> bytes, Headers fields = {}) : headers(std::move(fields)) {
    body.reserve(bytes.size());
    for (const std::byte b : bytes)
      body.push_back(static_cast<char>(b));
  }

  friend bool operator==(const Message&, const Message&) = default;
};

}  // namespace v0
}  // namespace nemcon
