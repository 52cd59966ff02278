#include "core/bytes.hpp"

namespace nemcon::core {

Bytes::Bytes(std::string_view text) {
  if (text.empty()) return;
  auto copy = std::make_shared<const std::string>(text);
  view_ = *copy;
  owner_ = std::move(copy);
}

}  // namespace nemcon::core
