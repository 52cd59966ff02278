#include "log/store_rows.hpp"

#include <concepts>
#include <cstring>
#include <utility>
#include <variant>

#include "core/check.hpp"
#include "core/mutant.hpp"
#include "core/overloaded.hpp"
#include "log/archive.hpp"

namespace nemcon::log {

namespace {

constexpr std::size_t checksum_bytes = sizeof(std::uint64_t);

template <std::unsigned_integral Number>
void put_big_endian(std::string& key, Number number) {
  for (std::size_t i = sizeof number; i-- > 0;) {
    key.push_back(static_cast<char>(static_cast<unsigned char>(number >> (8 * i))));
  }
}

template <class Tag>
void put_big_endian(std::string& key, const core::Id128<Tag>& id) {
  put_big_endian(key, id.high);
  put_big_endian(key, id.low);
}

// Takes numbers off the front of a key; once it was too short, everything is zero.
class KeyReader {
 public:
  explicit KeyReader(std::string_view key) : left_(key) {}

  template <std::unsigned_integral Number>
  Number take() {
    if (left_.size() < sizeof(Number)) {
      is_short_ = true;
      return 0;
    }
    Number number = 0;
    for (std::size_t i = 0; i < sizeof(Number); ++i) {
      number =
          static_cast<Number>((std::uint64_t{number} << 8U) | static_cast<unsigned char>(left_[i]));
    }
    left_.remove_prefix(sizeof(Number));
    return number;
  }

  template <class Id>
  Id take_id128() {
    Id id;
    id.high = take<std::uint64_t>();
    id.low = take<std::uint64_t>();
    return id;
  }

  [[nodiscard]] bool is_done() const { return left_.empty() && !is_short_; }

 private:
  std::string_view left_;
  bool is_short_ = false;
};

bool is_zero(const core::TransactionId& id) {
  return id == core::TransactionId{};
}

template <class Number>
std::string number_key(Number number) {
  std::string key;
  put_big_endian(key, number);
  return key;
}

template <class Tag>
std::string id_key(const core::Id128<Tag>& id) {
  std::string key;
  put_big_endian(key, id);
  return key;
}

std::string checksum_name(Table table, std::string_view key) {
  if (core::planted(core::Mutant::row_checksum_without_key)) return {};
  std::string name(1, static_cast<char>(table));
  name.append(key);
  return name;
}

// What of the row goes into the value: a message's place is in its key already.
template <class Visitor>
auto visit_stored(const core::Row& row, Visitor visitor) {
  return std::visit(
      core::Overloaded{[&](const core::MessageRow& message) { return visitor(message.message); },
                       [&](const auto& other) { return visitor(other); }},
      row);
}

void seal(const ChecksumKey& key, Table table, std::string_view row_key, std::span<char> value) {
  const std::string_view body{value.data() + checksum_bytes, value.size() - checksum_bytes};
  const std::uint64_t sum = checksum(key, checksum_name(table, row_key), body);
  std::memcpy(value.data(), &sum, checksum_bytes);
}

std::string describe(const StoredBytes& stored) {
  constexpr const char* digits = "0123456789abcdef";
  std::string text = std::string{"table "} + to_text(stored.table) + ", key ";
  for (const char c : stored.key) {
    text.push_back(digits[static_cast<unsigned char>(c) >> 4U]);
    text.push_back(digits[static_cast<unsigned char>(c) & 0xfU]);
  }
  return text;
}

Error damaged(const StoredBytes& stored, const std::string& how) {
  return corrupt(describe(stored) + ": " + how);
}

// The value without its checksum, once that has been found right.
Result<std::string_view> verified(const ChecksumKey& key, const StoredBytes& stored) {
  if (stored.bytes.size() < checksum_bytes) return damaged(stored, "the value is too short");
  std::uint64_t sum = 0;
  std::memcpy(&sum, stored.bytes.data(), checksum_bytes);
  const std::string_view body = stored.bytes.substr(checksum_bytes);
  if (sum != checksum(key, checksum_name(stored.table, stored.key), body) &&
      !core::planted(core::Mutant::row_checksum_unread)) {
    return damaged(stored, "the value is not what was written");
  }
  return body;
}

template <class T>
Result<core::Row> decode_as(const StoredBytes& stored, std::string_view body) {
  T value;
  BinaryReader reader{stored.owner, body};
  reader(value);
  const Status read = reader.finish();
  if (!read) return damaged(stored, "this version of the program does not write such rows");
  return core::Row{std::move(value)};
}

Result<core::Row> decode_message(const StoredBytes& stored, std::string_view body) {
  core::MessageRow row;
  BinaryReader reader{stored.owner, body};
  reader(row.message);
  const Status read = reader.finish();
  const auto place = parse_message_key(stored.key);
  if (!read || !place) {
    return damaged(stored, "this version of the program does not write such rows");
  }
  row.queue = place->queue;
  row.position = place->position;
  return core::Row{std::move(row)};
}

}  // namespace

std::string queue_prefix(core::QueueId queue) {
  return number_key(queue.value());
}

std::string message_key(core::QueueId queue, const core::Position& position) {
  std::string key;
  key.reserve(64);
  put_big_endian(key, queue.value());
  put_big_endian(key, position.at.value());
  const bool has_tie = !is_zero(position.tie);
  put_big_endian(key, static_cast<std::uint8_t>(has_tie ? 1 : 0));
  if (has_tie) {
    put_big_endian(key, position.tie.initiator);
    put_big_endian(key, position.tie.client);
    put_big_endian(key, position.tie.epoch.value());
    put_big_endian(key, position.tie.sequence.value());
  }
  put_big_endian(key, position.part);
  return key;
}

std::optional<MessagePlace> parse_message_key(std::string_view key) {
  KeyReader reader{key};
  MessagePlace place;
  place.queue = core::QueueId{reader.take<std::uint32_t>()};
  place.position.at = core::Hlc{reader.take<std::uint64_t>()};
  const auto tie = reader.take<std::uint8_t>();
  if (tie == 1) {
    place.position.tie.initiator = reader.take_id128<core::NodeId>();
    place.position.tie.client = reader.take_id128<core::ClientId>();
    place.position.tie.epoch = core::Epoch{reader.take<std::uint64_t>()};
    place.position.tie.sequence = core::Sequence{reader.take<std::uint64_t>()};
  }
  place.position.part = reader.take<std::uint16_t>();
  if (!reader.is_done() || tie > 1 || (tie == 1) == is_zero(place.position.tie)) {
    return std::nullopt;
  }
  return place;
}

RowPlace place_of(const core::Row& row) {
  return std::visit(
      core::Overloaded{
          [](const core::MetaRow& /*row*/) {
            return RowPlace{Table::meta, std::string{state_key}};
          },
          [](const core::QueueRow& v) {
            return RowPlace{Table::queues, number_key(v.queue.value())};
          },
          [](const core::MessageRow& v) {
            return RowPlace{Table::messages, message_key(v.queue, v.position)};
          },
          [](const core::ReturnedRow& v) {
            return RowPlace{Table::returned, message_key(v.queue, v.position)};
          },
          [](const core::SessionRow& v) {
            return RowPlace{Table::sessions, id_key(v.client)};
          },
          [](const core::TransactionRow& v) {
            return RowPlace{Table::transactions, number_key(v.transaction.number.value())};
          },
          [](const core::PeerRow& v) {
            return RowPlace{Table::peers, id_key(v.node)};
          }},
      row);
}

RowPlace place_of(const core::RowKey& key) {
  return std::visit(
      core::Overloaded{[](const core::MessageKey& v) {
                         return RowPlace{Table::messages, message_key(v.queue, v.position)};
                       },
                       [](const core::ReturnedKey& v) {
                         return RowPlace{Table::returned, message_key(v.queue, v.position)};
                       },
                       [](const core::SessionKey& v) {
                         return RowPlace{Table::sessions, id_key(v.client)};
                       },
                       [](const core::TransactionRowKey& v) {
                         return RowPlace{Table::transactions, number_key(v.number.value())};
                       }},
      key);
}

std::size_t value_byte_count(const core::Row& row) {
  return checksum_bytes +
         visit_stored(row, [](const auto& stored) { return encoded_byte_count(stored); });
}

void encode_value(const ChecksumKey& key, const RowPlace& place, const core::Row& row,
                  std::span<char> into) {
  visit_stored(row, [&](const auto& stored) {
    encode(stored, into.data() + checksum_bytes, into.size() - checksum_bytes);
  });
  seal(key, place.table, place.key, into);
}

std::string upto_value(const ChecksumKey& key, core::Lsn upto) {
  std::string value(checksum_bytes, '\0');
  value += encoded(Upto{upto});
  seal(key, Table::meta, upto_key, value);
  return value;
}

std::string sums_value(const ChecksumKey& key, const Sums& sums) {
  std::string value(sums_byte_count(), '\0');
  std::memcpy(value.data() + checksum_bytes, sums.of_table.data(), sizeof sums.of_table);
  seal(key, Table::sums, sums_key, value);
  return value;
}

std::size_t sums_byte_count() {
  return checksum_bytes + sizeof(Sums::of_table);
}

std::uint64_t checksum_of(std::string_view value) {
  std::uint64_t sum = 0;
  if (value.size() >= checksum_bytes) std::memcpy(&sum, value.data(), checksum_bytes);
  return sum;
}

Result<core::Row> decode_row(const ChecksumKey& key, const StoredBytes& stored) {
  const auto body = verified(key, stored);
  if (!body) return body.error();
  switch (stored.table) {
    case Table::meta:
      return decode_as<core::MetaRow>(stored, *body);
    case Table::queues:
      return decode_as<core::QueueRow>(stored, *body);
    case Table::messages:
      return decode_message(stored, *body);
    case Table::returned:
      return decode_as<core::ReturnedRow>(stored, *body);
    case Table::sessions:
      return decode_as<core::SessionRow>(stored, *body);
    case Table::transactions:
      return decode_as<core::TransactionRow>(stored, *body);
    case Table::peers:
      return decode_as<core::PeerRow>(stored, *body);
    case Table::sums:
      break;
  }
  return damaged(stored, "there is no such table");
}

Result<core::Lsn> decode_upto(const ChecksumKey& key, const StoredBytes& stored) {
  const auto body = verified(key, stored);
  if (!body) return body.error();
  Upto upto;
  const Status read = decode(*body, upto);
  if (!read) return damaged(stored, read.error().detail);
  return upto.lsn;
}

Result<Sums> decode_sums(const ChecksumKey& key, const StoredBytes& stored) {
  const auto body = verified(key, stored);
  if (!body) return body.error();
  Sums sums;
  if (body->size() != sizeof sums.of_table) return damaged(stored, "a wrong length");
  std::memcpy(sums.of_table.data(), body->data(), sizeof sums.of_table);
  return sums;
}

}  // namespace nemcon::log
