#include "tests/crash/write_cache.hpp"

#include <algorithm>
#include <cstdint>
#include <string_view>

namespace nemcon::crash {

namespace {

constexpr std::size_t sector_bytes = 512;

void write_over(std::string& content, std::uint64_t offset, std::string_view bytes) {
  if (content.size() < offset + bytes.size()) content.resize(offset + bytes.size());
  std::ranges::copy(bytes, content.begin() + static_cast<std::ptrdiff_t>(offset));
}

}  // namespace

void WriteCache::write(const std::string& path, const Event& event) {
  pending_.push_back({path, &event});
}

void WriteCache::flush(const std::string& path, const Event* only) {
  const auto is_meant = [&](const Pending& one) {
    return one.path == path && (only == nullptr || one.event == only);
  };
  for (const Pending& one : pending_) {
    if (is_meant(one)) write_over(durable_[path], one.event->offset, one.event->bytes);
  }
  std::erase_if(pending_, is_meant);
}

Bytes WriteCache::everything() const {
  Bytes whole = durable_;
  for (const Pending& one : pending_)
    write_over(whole[one.path], one.event->offset, one.event->bytes);
  return whole;
}

Bytes WriteCache::some(log::test::Random& random) const {
  Bytes state = durable_;
  for (const Pending& one : pending_) {
    const std::uint64_t how = random.below(3);
    if (how == 0) continue;
    const std::string_view bytes = one.event->bytes;
    // Smaller than a sector, and in one: whole or not at all.
    for (std::size_t from = 0; from < bytes.size();) {
      const std::size_t place = one.event->offset + from;
      const std::size_t count = std::min(bytes.size() - from, sector_bytes - place % sector_bytes);
      if (how == 1 || random.one_in(2))
        write_over(state[one.path], place, bytes.substr(from, count));
      from += count;
    }
  }
  return state;
}

}  // namespace nemcon::crash
