// Json: an object that is written down member by member, in order, on one line.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <nemcon/message.hpp>

namespace nemcon::cli {

// With quotation marks. Bytes that are not UTF-8 become U+FFFD.
[[nodiscard]] std::string quoted(std::string_view text);

[[nodiscard]] bool is_utf8(std::string_view bytes);
[[nodiscard]] std::string base64(std::string_view bytes);

class Json {
 public:
  Json& text(std::string_view name, std::string_view value);
  // Left out when empty.
  Json& text_if(std::string_view name, std::string_view value);
  Json& number(std::string_view name, std::uint64_t value);
  Json& truth(std::string_view name, bool value);
  Json& texts(std::string_view name, const std::vector<std::string>& values);
  // Values that are JSON already.
  Json& raw(std::string_view name, std::string_view json);
  Json& list(std::string_view name, const std::vector<std::string>& jsons);
  // "headers" and "body", or "body_base64" where the body is not UTF-8.
  Json& message(const Message& message);

  [[nodiscard]] std::string str() const { return members_ + "}"; }

 private:
  void begin(std::string_view name);

  std::string members_ = "{";
};

}  // namespace nemcon::cli
