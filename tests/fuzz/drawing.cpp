#include "tests/fuzz/drawing.hpp"

#include <array>
#include <limits>

namespace nemcon::fuzz {

using core::tests::Told;

std::uint64_t Drawing::draw_number() {
  constexpr std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
  switch (dice_.below(8)) {
    case 0:
      return 0;
    case 1:
      return most - dice_.below(2);
    case 2:
      return dice_.number();
    case 3:
      return dice_.byte();
    default:
      return dice_.below(4);
  }
}

void Drawing::draw(core::NodeId& value) {
  const std::size_t which = dice_.below(6);
  if (which < 3) value = core::tests::node_id(which);
  if (which == 3) value = {dice_.number(), dice_.number()};
}

void Drawing::draw(core::ClientId& value) {
  const std::size_t which = dice_.below(4);
  if (which == 0) value = {0, dice_.byte()};
  if (which == 1) value = core::tests::client_named("bob");
  if (which > 1) value = core::tests::client_named("alice");
}

void Drawing::draw(core::Digest& value) {
  if (dice_.below(6) > 0) value = draw_told().digest;
}

void Drawing::draw(core::Incarnation& value) {
  const std::size_t which = dice_.below(5);
  value = which < 3 ? core::tests::incarnation_of(which) : core::Incarnation{draw_number()};
}

void Drawing::draw(core::Epoch& value) {
  value = dice_.below(3) > 0 ? draw_told().descriptor->id.epoch : core::Epoch{draw_number()};
}

void Drawing::draw(core::Hlc& value) {
  switch (dice_.below(8)) {
    case 0:
      value = core::Hlc{};
      break;
    case 1:
      value = core::Hlc::never();
      break;
    case 2:
      value = core::Hlc{dice_.number()};
      break;
    case 3:
      value = core::Hlc{present_.value() - dice_.byte()};
      break;
    default:
      value = core::Hlc{present_.value() + dice_.byte()};
      break;
  }
}

void Drawing::draw(core::TransactionId& value) {
  if (dice_.below(4) > 0) {
    value = draw_told().descriptor->id;
    return;
  }
  fields(*this, value);
}

void Drawing::draw(core::TransactionKey& value) {
  if (dice_.below(4) > 0) {
    value = draw_told().key();
    return;
  }
  fields(*this, value);
}

void Drawing::draw(core::DescriptorPtr& value) {
  const std::size_t which = dice_.below(8);
  if (which == 0) return;
  if (which > 1) {
    value = draw_told().descriptor;
    return;
  }
  auto drawn = std::make_shared<core::Descriptor>(*draw_told().descriptor);
  fields(*this, *drawn);
  value = std::move(drawn);
}

void Drawing::draw_pair(core::DescriptorPtr& descriptor, core::Digest& digest) {
  draw(descriptor);
  draw(digest);
  if (descriptor != nullptr && dice_.below(8) > 0) digest = core::tests::digest_of(*descriptor);
}

void Drawing::draw(core::AskPromise& value) {
  draw_pair(value.descriptor, value.digest);
  (*this)(value.ballot, value.response);
}

void Drawing::draw(core::Propose& value) {
  draw_pair(value.descriptor, value.digest);
  (*this)(value.ballot, value.values);
}

void Drawing::draw(core::Prepare& value) {
  // Contents that fit, or no PREPARE ever passes.
  if (dice_.below(8) > 0) {
    std::vector<std::uint8_t> branches;
    draw(branches);
    const Told& told = draw_told();
    for (std::uint8_t& branch : branches)
      branch = static_cast<std::uint8_t>(branch % told.descriptor->branches.size());
    value = told.prepare(branches);
    (*this)(value.remaining_ms, value.ack_upto);
    return;
  }
  draw_pair(value.descriptor, value.digest);
  (*this)(value.branches, value.contents, value.remaining_ms, value.ack_upto);
}

void Drawing::draw(core::Bytes& value) {
  value = core::Bytes{std::string(dice_.below(4), 'x')};
}

void Drawing::draw(std::string& value) {
  static const std::array<const char*, 16> words = {
      "",         "orders",  "ledger",      "logs",    "orders@a",  "orders@b",
      "ledger@b", "logs@c",  "orders.dead", "reserve", "reserve@b", "alice",
      "bob",      "nowhere", "orders@",     "@b"};
  value = words[dice_.below(words.size())];
}

}  // namespace nemcon::fuzz
