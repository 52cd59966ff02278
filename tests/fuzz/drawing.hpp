// Drawing: any message or request, filled field by field from the fuzzer's bytes. Names, ids and
// times come from a few that the engine knows, most of the time: random ones would only ever be
// strangers. What a decoder would never let through (an unknown enumerator) is not drawn. One
// thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "core/request.hpp"
#include "tests/core/parts.hpp"
#include "transport/wire_types.hpp"

namespace nemcon::fuzz {

// Numbers out of the input, in order; zeros after its end.
class Dice {
 public:
  explicit Dice(std::string_view bytes) : bytes_(bytes) {}

  [[nodiscard]] bool is_empty() const { return bytes_.empty(); }

  std::uint8_t byte() {
    if (bytes_.empty()) return 0;
    const auto first = static_cast<std::uint8_t>(bytes_.front());
    bytes_.remove_prefix(1);
    return first;
  }

  std::size_t below(std::size_t limit) { return limit < 2 ? 0 : byte() % limit; }

  std::uint64_t number() {
    std::uint64_t all = 0;
    for (int count = 0; count < 8; ++count)
      all = all << 8U | byte();
    return all;
  }

 private:
  std::string_view bytes_;
};

// How many enumerators the decoder lets through.
template <class Enum>
std::size_t count_of() {
  std::size_t count = 0;
  while (transport::is_known(static_cast<Enum>(count)))
    ++count;
  return count;
}

class Drawing {
 public:
  // What is known: transactions whose descriptors, ids and digests are drawn; the present time.
  // Must outlive it.
  Drawing(Dice& dice, const std::vector<core::tests::Told>& told, core::Hlc present)
      : dice_(dice), told_(told), present_(present) {}

  template <class... T>
  void operator()(T&... values) {
    (draw(values), ...);
  }

  // One of the alternatives from `first` on.
  template <class Variant>
  Variant one_of(std::size_t first) {
    constexpr std::size_t count = std::variant_size_v<Variant>;
    return alternative<Variant>(first + dice_.below(count - first),
                                std::make_index_sequence<count>{});
  }

  template <class T>
  void draw(T& value) {
    if constexpr (std::is_same_v<T, bool>) {
      value = dice_.below(2) == 1;
    } else if constexpr (std::is_enum_v<T>) {
      value = static_cast<T>(dice_.below(count_of<T>()));
    } else if constexpr (std::is_integral_v<T>) {
      value = static_cast<T>(draw_number());
    } else {
      fields(*this, value);
    }
  }

  template <class Tag, class Number>
  void draw(core::Id<Tag, Number>& value) {
    value = core::Id<Tag, Number>{static_cast<Number>(draw_number())};
  }

  void draw(core::NodeId& value);
  void draw(core::ClientId& value);
  void draw(core::Digest& value);
  void draw(core::Incarnation& value);
  void draw(core::Epoch& value);
  void draw(core::Hlc& value);
  void draw(core::TransactionKey& value);
  void draw(core::TransactionId& value);
  void draw(core::DescriptorPtr& value);
  void draw(core::Bytes& value);
  void draw(std::string& value);
  void draw(core::AskPromise& value);
  void draw(core::Prepare& value);
  void draw(core::Propose& value);

  template <class T>
  void draw(std::vector<T>& values) {
    values.resize(dice_.below(4));
    for (T& value : values)
      draw(value);
  }

  template <class T>
  void draw(std::optional<T>& value) {
    if (dice_.below(2) == 0) return value.reset();
    draw(value.emplace());
  }

 private:
  template <class Variant, std::size_t... index>
  Variant alternative(std::size_t wanted, std::index_sequence<index...>) {
    Variant value;
    (static_cast<void>(wanted == index ? (draw(value.template emplace<index>()), true) : false),
     ...);
    return value;
  }

  std::uint64_t draw_number();

  const core::tests::Told& draw_told() { return told_[dice_.below(told_.size())]; }

  // The digest that belongs to the descriptor, most of the time: others are refused at once.
  void draw_pair(core::DescriptorPtr& descriptor, core::Digest& digest);

  Dice& dice_;
  const std::vector<core::tests::Told>& told_;
  core::Hlc present_;
};

}  // namespace nemcon::fuzz
