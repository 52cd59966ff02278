#include "tests/crash/flips.hpp"

#include <csignal>
#include <cstdio>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include <unistd.h>

#include "core/check.hpp"
#include "tests/crash/signals.hpp"
#include "tests/log/random.hpp"

namespace nemcon::crash {

namespace {

constexpr unsigned patience_s = 20;  // For one look; LMDB may walk in circles.

enum class End : std::uint8_t { harmless, refused, shorter, scrubbed, wrong };

using Bit = std::pair<std::string, std::uint64_t>;  // Of a file.

void tell(const Bit& bit, const char* what) {
  std::printf("  bit %llu of byte %llu of %s: %s\n",
              static_cast<unsigned long long>(bit.second % 8),
              static_cast<unsigned long long>(bit.second / 8), bit.first.c_str(), what);
  std::fflush(stdout);  // What comes next may end this process.
}

// Where the bit is, for a reader who knows the files.
std::string kind_of(const Bit& bit, const std::string& content) {
  if (!bit.first.ends_with(".mdb")) return "no page of LMDB";
  constexpr std::uint64_t page_bytes = 4096;
  constexpr std::uint64_t flags_at = 10;
  const auto flags =
      static_cast<unsigned char>(content.at(bit.second / 8 / page_bytes * page_bytes + flags_at));
  if ((flags & 8U) != 0) return "a meta page";
  if ((flags & 1U) != 0) return "a branch page";
  return (flags & 2U) != 0 ? "a leaf page" : "an overflow page";
}

class Flipping {
 public:
  explicit Flipping(const Script& script) : script_(script) {
    const SharedProgress progress = share_progress();
    NEMCON_CHECK(write_script(place_.directory(), script, *progress) == Ending::whole);
    whole_ = place_.read();
    before_last_ = script.steps().size() < 2
                       ? core::Lsn{}
                       : script.steps()[script.steps().size() - 2].batch.back().lsn;
  }

  [[nodiscard]] const Bytes& whole() const { return whole_; }

  // In a child, as far as it gets; `progress.place` says where it is.
  void walk(const std::vector<Bit>& bits, Progress& progress) {
    for (std::uint64_t at = progress.place; at < bits.size(); at = progress.place) {
      progress.place += 1;
      progress.origin = Origin::unknown;
      ::alarm(patience_s);
      const End end = flip(bits[at].first, bits[at].second);
      progress.ends[static_cast<std::size_t>(end)] += 1;
      if (end != End::wrong) continue;
      tell(bits[at], "not what was written");
    }
  }

 private:
  End flip(const std::string& path, std::uint64_t bit) {
    Bytes state = whole_;
    char& byte = state[path][bit / 8];
    byte = static_cast<char>(byte ^ (1 << (bit % 8)));
    place_.put(state);
    const Found found = look(place_.directory(), script_);
    if (found.is_foreign) return End::wrong;  // Also before a refusal.
    if (!found.refusal.empty()) return End::refused;
    const bool is_whole = is_as_written(found, script_);
    if (is_whole && found.last == script_.last()) return End::harmless;
    if (is_whole && found.last >= before_last_) return End::shorter;
    // Messages are missing, or are there again; the journal cannot do that.
    return found.scrub_complains && found.last == script_.last() ? End::scrubbed : End::wrong;
  }

  const Script& script_;
  Place place_;
  Bytes whole_;
  core::Lsn before_last_;
};

void count_signal(FlipVerdict& verdict, int number, Origin origin, const std::string& kind) {
  const bool is_lmdb = origin == Origin::lmdb;
  std::uint64_t& count = is_lmdb ? verdict.signalled : verdict.outside;
  count += 1;
  std::string what = std::string("SIG") + ::sigabbrev_np(number);
  what += is_lmdb ? " in LMDB, after a bit of " : " outside of LMDB, after a bit of ";
  verdict.signals[what + kind] += 1;
}

// How a look at one bit ended the process, as run_child() says it.
void count_end(FlipVerdict& verdict, int ended, Origin origin, const Bit& bit,
               const std::string& content) {
  switch (-ended) {
    case SIGABRT:
      // Only what LMDB reads of its own pages comes before any checksum.
      verdict.checked += 1;
      if (!bit.first.ends_with(".mdb")) {
        verdict.wrong += 1;
        tell(bit, "an end by a check");
      }
      return;
    case SIGSEGV:
    case SIGBUS:
    case SIGFPE:
      count_signal(verdict, -ended, origin, kind_of(bit, content));
      if (origin != Origin::lmdb) tell(bit, "a signal outside of LMDB");
      return;
    case SIGALRM:
      verdict.hung += 1;
      tell(bit, "no end within 20 s");
      return;
    default:
      verdict.wrong += 1;
      tell(bit, "an end of the process that nobody knows");
  }
}

}  // namespace

FlipVerdict flip_bits(const Script& script, std::uint64_t seed, std::uint64_t one_in) {
  Flipping flipping(script);
  log::test::Random random(seed);
  std::vector<Bit> bits;
  for (const auto& [path, content] : flipping.whole()) {
    for (std::uint64_t bit = 0; bit < content.size() * 8; ++bit) {
      if (random.one_in(one_in)) bits.emplace_back(path, bit);
    }
  }
  const SharedProgress progress = share_progress();
  FlipVerdict verdict{.count = bits.size()};
  while (progress->place < bits.size()) {
    const std::uint64_t before = progress->place;
    const int ended = run_child([&] {
      watch_signals(progress->origin);
      flipping.walk(bits, *progress);
      std::fflush(stdout);
      return 0;
    });
    NEMCON_CHECK(progress->place > before, ended);
    if (ended == 0) continue;
    const Bit& bit = bits[progress->place - 1];
    count_end(verdict, ended, progress->origin, bit, flipping.whole().at(bit.first));
  }
  const auto count_of = [&](End end) {
    return progress->ends[static_cast<std::size_t>(end)].load();
  };
  verdict.harmless = count_of(End::harmless);
  verdict.refused = count_of(End::refused);
  verdict.shorter = count_of(End::shorter);
  verdict.scrubbed = count_of(End::scrubbed);
  verdict.wrong += count_of(End::wrong);
  return verdict;
}

Verdict flip_before_checksums(const Script& script, std::uint64_t seed) {
  log::test::Random random(seed);
  Verdict verdict;
  constexpr std::uint64_t bits_of_each = 6;
  const std::uint64_t first = script.first_of_last().value() * bits_of_each;
  for (std::uint64_t at = first; at < (script.last().value() + 1) * bits_of_each; ++at) {
    const core::Lsn lsn{at / bits_of_each};
    const std::optional<Script> other = script.with_flipped_bit(lsn, random.below(8192));
    if (!other) continue;
    const int ended = run_child([&] {
      const Place place;
      const SharedProgress progress = share_progress();
      NEMCON_CHECK(write_script(place.directory(), *other, *progress) == Ending::whole);
      const Found found = look(place.directory(), script);
      return found.refusal.empty() && found.is_foreign ? 1 : 0;
    });
    verdict.count += 1;
    if (ended == 1) verdict.bad_count += 1;
  }
  return verdict;
}

}  // namespace nemcon::crash
