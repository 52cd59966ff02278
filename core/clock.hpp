// HybridClock: issues the node's timestamps. Each is larger than every one it issued, merged or
// found in durable state (Rule P-21). Wall time is followed slowly: a jump of the system clock
// moves it by at most a tenth of the time that has passed, so that it never poisons the mesh. A
// node without peers has no mesh to poison and nobody to tell it better: there a step is followed
// once it has stood for a minute.
#pragma once

#include <algorithm>
#include <cstdint>

#include "core/time.hpp"

namespace nemcon::core {

enum class Peers : std::uint8_t { none, some };

class HybridClock {
 public:
  explicit HybridClock(Peers peers) : peers_(peers) {}

  // Called once for each input, before anything else. So far, and in that direction, as the peers
  // say that this clock is off, the wall time is followed at once: a system clock that was set
  // right must not keep the node away for hours.
  void observe(Instant now, std::uint64_t wall_ms, std::int64_t known_drift_ms);

  // From now on no wall time beyond this gets into timestamps: it would be refused by all peers,
  // and a timestamp that was used can never be taken back.
  void limit(std::uint64_t ceiling_ms) { ceiling_ms_ = ceiling_ms; }

  // A new timestamp, unique at this node.
  Hlc tick();

  // Makes every later tick() larger than `seen`.
  void merge(Hlc seen);

  [[nodiscard]] Hlc latest() const { return latest_; }

  // What the next timestamp will not be below.
  [[nodiscard]] Hlc present() const;

  // The followed wall time; drift of others is judged against it.
  [[nodiscard]] std::uint64_t wall_ms() const { return wall_ms_; }

  // And not beyond what the peers' clocks allow.
  [[nodiscard]] std::uint64_t limited_ms() const { return std::min(wall_ms_, ceiling_ms_); }

  [[nodiscard]] bool is_too_far_ahead(Hlc other, Duration max_drift) const;

 private:
  [[nodiscard]] bool has_stood(std::uint64_t wall_ms);

  Peers peers_;
  bool observed_ = false;
  Instant last_now_{};
  std::int64_t offset_ms_ = 0;  // Of the system clock to the monotonic one, since offset_since_.
  Instant offset_since_{};
  Duration remainder_{};  // Elapsed time that has not yet made a whole millisecond.
  std::uint64_t wall_ms_ = 0;
  std::uint64_t ceiling_ms_ = ~std::uint64_t{0};
  Hlc latest_;
};

}  // namespace nemcon::core
