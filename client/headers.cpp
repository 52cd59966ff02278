#include "client/headers.hpp"

#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include "transport/codec.hpp"

namespace nemcon::client {

namespace {

core::Bytes to_bytes(std::string text) {
  if (text.empty()) return {};
  auto owned = std::make_shared<const std::string>(std::move(text));
  const std::string_view view = *owned;
  return {std::move(owned), view};
}

}  // namespace

core::Content to_content(Message message) {
  transport::Headers headers;
  for (auto& [name, value] : message.headers)
    headers.emplace(name, std::move(value));
  core::Result<std::string> encoded = transport::encode_headers(headers);
  if (!encoded) throw std::invalid_argument("a message with " + encoded.error().detail);
  return {.headers = to_bytes(std::move(encoded).value()),
          .body = to_bytes(std::move(message.body))};
}

Message to_message(const core::Content& content) {
  Message message{content.body.view()};
  if (content.headers.byte_count() == 0) return message;
  core::Result<transport::Headers> headers = transport::decode_headers(content.headers.view());
  if (!headers) return message;
  for (const auto& [name, value] : *headers)
    message.headers.emplace(name, value);
  return message;
}

}  // namespace nemcon::client
