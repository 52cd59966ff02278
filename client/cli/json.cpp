#include "client/cli/json.hpp"

#include <array>
#include <cstdio>

namespace nemcon::cli {

namespace {

// How many bytes the UTF-8 sequence at the front has; 0 when it is none.
std::size_t sequence_bytes(std::string_view bytes) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80U) return 1;
  std::size_t count = 0;
  std::uint32_t point = 0;
  if ((first & 0xe0U) == 0xc0U) {
    count = 2;
    point = first & 0x1fU;
  } else if ((first & 0xf0U) == 0xe0U) {
    count = 3;
    point = first & 0x0fU;
  } else if ((first & 0xf8U) == 0xf0U) {
    count = 4;
    point = first & 0x07U;
  } else {
    return 0;
  }
  if (bytes.size() < count) return 0;
  for (std::size_t i = 1; i < count; ++i) {
    if ((byte(i) & 0xc0U) != 0x80U) return 0;
    point = (point << 6U) | (byte(i) & 0x3fU);
  }
  constexpr std::array<std::uint32_t, 5> smallest = {0, 0, 0x80, 0x800, 0x10000};
  const bool is_surrogate = point >= 0xd800 && point <= 0xdfff;
  return point < smallest[count] || is_surrogate || point > 0x10ffff ? 0 : count;
}

void append_escaped(std::string& out, char c) {
  switch (c) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      break;
  }
  if (static_cast<unsigned char>(c) >= 0x20U) {
    out += c;
    return;
  }
  std::array<char, 8> code{};
  std::snprintf(code.data(), code.size(), "\\u%04x", static_cast<unsigned>(c));
  out += code.data();
}

}  // namespace

bool is_utf8(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::size_t count = sequence_bytes(bytes);
    if (count == 0) return false;
    bytes.remove_prefix(count);
  }
  return true;
}

std::string quoted(std::string_view text) {
  std::string out = "\"";
  while (!text.empty()) {
    const std::size_t count = sequence_bytes(text);
    if (count == 0) {
      out += "\xef\xbf\xbd";
    } else if (count == 1) {
      append_escaped(out, text.front());
    } else {
      out += text.substr(0, count);
    }
    text.remove_prefix(count == 0 ? 1 : count);
  }
  return out + "\"";
}

std::string base64(std::string_view bytes) {
  constexpr std::string_view digits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::string_view group = bytes.substr(i, 3);
    std::uint32_t bits = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      bits = (bits << 8U) | (k < group.size() ? static_cast<unsigned char>(group[k]) : 0U);
    }
    for (std::size_t k = 0; k < 4; ++k) {
      const std::uint32_t digit = (bits >> (18U - 6U * k)) & 0x3fU;
      out += k <= group.size() ? digits[digit] : '=';
    }
  }
  return out;
}

void Json::begin(std::string_view name) {
  if (members_.size() > 1) members_ += ",";
  members_ += quoted(name) + ":";
}

Json& Json::text(std::string_view name, std::string_view value) {
  begin(name);
  members_ += quoted(value);
  return *this;
}

Json& Json::text_if(std::string_view name, std::string_view value) {
  return value.empty() ? *this : text(name, value);
}

Json& Json::number(std::string_view name, std::uint64_t value) {
  begin(name);
  members_ += std::to_string(value);
  return *this;
}

Json& Json::truth(std::string_view name, bool value) {
  begin(name);
  members_ += value ? "true" : "false";
  return *this;
}

Json& Json::raw(std::string_view name, std::string_view json) {
  begin(name);
  members_ += json;
  return *this;
}

Json& Json::texts(std::string_view name, const std::vector<std::string>& values) {
  std::vector<std::string> jsons;
  for (const std::string& value : values)
    jsons.push_back(cli::quoted(value));  // Not std::quoted, which takes a string as it is.
  return list(name, jsons);
}

Json& Json::list(std::string_view name, const std::vector<std::string>& jsons) {
  begin(name);
  members_ += "[";
  for (std::size_t i = 0; i < jsons.size(); ++i) {
    if (i > 0) members_ += ",";
    members_ += jsons[i];
  }
  members_ += "]";
  return *this;
}

Json& Json::message(const Message& message) {
  Json headers;
  for (const auto& [name, value] : message.headers)
    headers.text(name, value);
  raw("headers", headers.str());
  if (is_utf8(message.body)) return text("body", message.body);
  return text("body_base64", base64(message.body));
}

}  // namespace nemcon::cli
