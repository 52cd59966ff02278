// Two archives over the core's fields(): one makes text that can be compared (equal values give
// equal text, different ones different text), one makes a 128-bit hash. Neither is a format of
// the product: the simulator depends on core alone.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

#include "core/descriptor.hpp"
#include "core/options.hpp"

namespace nemcon::sim {

// Walks a value down to numbers and texts, which Derived::number and Derived::text take.
template <class Derived>
class Walk {
 public:
  template <class... Values>
  void operator()(const Values&... values) {
    (add(values), ...);
  }

 private:
  template <class T>
  void add(const T& value) {
    if constexpr (std::is_enum_v<T> || std::is_integral_v<T>) {
      derived().number(static_cast<std::uint64_t>(value));
    } else {
      // fields() takes a mutable reference because readers share it; nothing is changed here.
      fields(*this, const_cast<T&>(value));
    }
  }

  template <class Tag, class Number>
  void add(const core::Id<Tag, Number>& value) {
    derived().number(value.value());
  }

  void add(const core::Hlc& value) { derived().number(value.value()); }

  void add(const std::string& value) { derived().text(value); }

  void add(const core::Bytes& value) { derived().text(value.view()); }

  template <class T>
  void add(const std::vector<T>& values) {
    derived().number(values.size());
    for (const T& value : values)
      add(value);
  }

  template <class T>
  void add(const std::optional<T>& value) {
    derived().number(value.has_value() ? 1 : 0);
    if (value) add(*value);
  }

  template <class Key, class T>
  void add(const std::map<Key, T>& values) {
    derived().number(values.size());
    for (const auto& [key, value] : values) {
      add(key);
      add(value);
    }
  }

  template <class... Kinds>
  void add(const std::variant<Kinds...>& value) {
    derived().number(value.index());
    std::visit([this](const auto& kind) { this->add(kind); }, value);
  }

  void add(const core::DescriptorPtr& value) {
    derived().number(value ? 1 : 0);
    if (value) add(*value);
  }

  Derived& derived() { return static_cast<Derived&>(*this); }
};

class TextArchive : public Walk<TextArchive> {
 public:
  void number(std::uint64_t value) {
    out_ += std::to_string(value);
    out_ += ' ';
  }

  void text(std::string_view value) {
    out_ += std::to_string(value.size());
    out_ += ':';
    out_ += value;
    out_ += ' ';
  }

  [[nodiscard]] std::string take() { return std::move(out_); }

 private:
  std::string out_;
};

class HashArchive : public Walk<HashArchive> {
 public:
  void number(std::uint64_t value) {
    low_ = mix(low_ ^ value);
    high_ = mix(high_ + value * 0x9fb21c651e98df25ULL + 1);
  }

  void text(std::string_view value) {
    number(value.size());
    std::uint64_t word = 0;
    unsigned count = 0;
    for (const char letter : value) {
      word = (word << 8U) | static_cast<unsigned char>(letter);
      if (++count % 8 == 0) number(word);
    }
    if (count % 8 != 0) number(word);
  }

  [[nodiscard]] std::uint64_t low() const { return low_; }

  [[nodiscard]] std::uint64_t high() const { return high_ == 0 ? 1 : high_; }

 private:
  static std::uint64_t mix(std::uint64_t value) {
    value = (value ^ (value >> 32U)) * 0xd6e8feb86659fd93ULL;
    return value ^ (value >> 29U);
  }

  std::uint64_t low_ = 0x243f6a8885a308d3ULL;
  std::uint64_t high_ = 0x13198a2e03707344ULL;
};

template <class T>
std::string text_of(const T& value) {
  TextArchive archive;
  archive(value);
  return archive.take();
}

// What the product gets from a library, here from HashArchive.
core::Hashing test_hashing();

}  // namespace nemcon::sim
