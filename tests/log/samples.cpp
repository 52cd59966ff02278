#include "tests/log/samples.hpp"

#include <map>
#include <memory>
#include <optional>
#include <sstream>
#include <type_traits>
#include <utility>
#include <variant>

#include "log/archive.hpp"

namespace nemcon::log::test {

namespace {

// An archive that sets every field.
class Filler {
 public:
  explicit Filler(Random& random) : random_(random) {}

  template <class... Values>
  void operator()(Values&... values) {
    (fill(values), ...);
  }

 private:
  // Of every width, so that every length of varint comes up.
  std::uint64_t number() { return (random_.next() >> random_.below(64)) | 1U; }

  void fill(bool& value) { value = random_.one_in(2); }

  void fill(std::string& value) { value = random_.bytes(1 + random_.below(40)); }

  void fill(core::Bytes& value) { value = core::Bytes{random_.bytes(random_.below(300))}; }

  void fill(core::Hlc& value) { value = core::Hlc{random_.next()}; }

  template <class Tag, class Number>
  void fill(core::Id<Tag, Number>& value) {
    value = core::Id<Tag, Number>{static_cast<Number>(number())};
  }

  template <class T>
  void fill(std::vector<T>& values) {
    values.resize(1 + random_.below(3));
    for (T& value : values)
      fill(value);
  }

  template <class Key, class T>
  void fill(std::map<Key, T>& values) {
    for (std::uint64_t i = 0; i < 3; ++i) {
      Key key{};
      fill(key);
      fill(values[key]);
    }
  }

  template <class T>
  void fill(std::optional<T>& value) {
    value.reset();
    if (!random_.one_in(4)) fill(value.emplace());
  }

  void fill(core::DescriptorPtr& value) {
    if (random_.one_in(4)) return;
    auto descriptor = std::make_shared<core::Descriptor>();
    fill(*descriptor);
    value = std::move(descriptor);
  }

  template <class T>
  void fill(T& value) {
    if constexpr (std::is_enum_v<T>) {
      value = static_cast<T>(random_.below(static_cast<std::uint64_t>(last_of(T{})) + 1));
    } else if constexpr (std::is_integral_v<T>) {
      value = static_cast<T>(number());
    } else {
      fields(*this, value);
    }
  }

  Random& random_;
};

// An archive that prints every field.
class Printer {
 public:
  template <class... Values>
  void operator()(Values&... values) {
    (print(values), ...);
  }

  [[nodiscard]] std::string text() const { return out_.str(); }

 private:
  void print(std::string& value) { out_ << value.size() << ':' << value << ' '; }

  void print(core::Bytes& value) { out_ << value.byte_count() << ':' << value.view() << ' '; }

  void print(core::Hlc& value) { out_ << 'h' << value.value() << ' '; }

  template <class Tag, class Number>
  void print(core::Id<Tag, Number>& value) {
    out_ << '#' << value.value() << ' ';
  }

  template <class T>
  void print(std::vector<T>& values) {
    out_ << "[ ";
    for (T& value : values)
      print(value);
    out_ << "] ";
  }

  template <class Key, class T>
  void print(std::map<Key, T>& values) {
    out_ << "{ ";
    for (auto& [key, value] : values) {
      Key copy = key;
      print(copy);
      print(value);
    }
    out_ << "} ";
  }

  template <class T>
  void print(std::optional<T>& value) {
    out_ << (value.has_value() ? "? " : "- ");
    if (value.has_value()) print(*value);
  }

  void print(core::DescriptorPtr& value) {
    out_ << (value != nullptr ? "* " : "null ");
    if (value == nullptr) return;
    core::Descriptor copy = *value;
    print(copy);
  }

  template <class T>
  void print(T& value) {
    if constexpr (std::is_enum_v<T>) {
      out_ << 'e' << static_cast<unsigned>(value) << ' ';
    } else if constexpr (std::is_integral_v<T>) {
      out_ << static_cast<std::uint64_t>(value) << ' ';
    } else {
      out_ << "( ";
      fields(*this, value);
      out_ << ") ";
    }
  }

  std::ostringstream out_;
};

template <class Variant, std::size_t... Index>
std::vector<Variant> one_of_each(Random& random, std::index_sequence<Index...> /*all*/) {
  std::vector<Variant> all;
  Filler filler{random};
  const auto add = [&](Variant value) {
    std::visit([&](auto& kind) { filler(kind); }, value);
    all.push_back(std::move(value));
  };
  (add(Variant{std::in_place_index<Index>}), ...);
  return all;
}

template <class Variant>
std::string dump_variant(Variant copy) {
  Printer printer;
  std::visit([&](auto& kind) { printer(kind); }, copy);
  return std::to_string(copy.index()) + " " + printer.text();
}

}  // namespace

std::vector<core::Record> all_records(Random& random) {
  constexpr std::size_t count = std::variant_size_v<core::Record>;
  return one_of_each<core::Record>(random, std::make_index_sequence<count>{});
}

std::vector<core::Row> all_rows(Random& random) {
  constexpr std::size_t count = std::variant_size_v<core::Row>;
  return one_of_each<core::Row>(random, std::make_index_sequence<count>{});
}

std::string dump(const core::Record& record) {
  return dump_variant(record);
}

std::string dump(const core::Row& row) {
  return dump_variant(row);
}

core::Record sent(const std::string& text, std::size_t body_bytes) {
  core::Sent record;
  record.producer = text;
  record.at = core::Hlc{7};
  std::string body = text;
  while (body.size() < body_bytes)
    body += text + ".";
  record.content.body = core::Bytes{body};
  return record;
}

core::Write write(std::uint64_t lsn, core::Record record) {
  return {.lsn = core::Lsn{lsn}, .record = std::move(record), .urgent = true};
}

core::MessageRow message(std::uint32_t queue, std::uint64_t at, const std::string& body) {
  core::MessageRow row;
  row.queue = core::QueueId{queue};
  row.position.at = core::Hlc{at};
  row.message.producer = "test";
  row.message.content.body = core::Bytes{body};
  return row;
}

ChecksumKey key_of(unsigned char first_byte) {
  ChecksumKey key;
  for (std::size_t i = 0; i < key.bytes.size(); ++i) {
    key.bytes[i] = static_cast<unsigned char>(first_byte + i);
  }
  return key;
}

}  // namespace nemcon::log::test
