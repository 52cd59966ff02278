// Bytes: an immutable buffer that many may hold. A body is one of these from the socket to
// the store and back, so that it is never copied on the way. Copying a Bytes is cheap; safe to
// share between threads.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace nemcon::core {

class Bytes {
 public:
  Bytes() = default;

  // Copies the text.
  explicit Bytes(std::string_view text);

  // Refers to `view`, which must stay valid and unchanged as long as `owner` lives.
  Bytes(std::shared_ptr<const void> owner, std::string_view view)
      : owner_(std::move(owner)), view_(view) {}

  [[nodiscard]] std::string_view view() const { return view_; }

  [[nodiscard]] std::size_t byte_count() const { return view_.size(); }

  friend bool operator==(const Bytes& a, const Bytes& b) { return a.view_ == b.view_; }

 private:
  std::shared_ptr<const void> owner_;
  std::string_view view_;
};

// What a producer hands over and a consumer gets. The headers are an encoded map that only
// transport and client look into.
struct Content {
  Bytes headers;
  Bytes body;

  [[nodiscard]] std::uint64_t byte_count() const {
    return headers.byte_count() + body.byte_count();
  }

  friend bool operator==(const Content&, const Content&) = default;
};

template <class Archive>
void fields(Archive& archive, Content& content) {
  archive(content.headers, content.body);
}

}  // namespace nemcon::core
