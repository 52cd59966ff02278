// Doubts: which node waits since when for the end of what it voted yes to. Once everything is
// mended nobody waits for long, for what the protocol can end without those who are gone: each
// branch has a majority of its witnesses left (Rules P-9 and P-19).
//
// Not judged is what a liar has part in: as initiator, participant or witness.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>

#include "tests/sim/world.hpp"

namespace nemcon::sim {

class Doubts {
 public:
  // Six of the longest intervals at which nodes ask again.
  static constexpr Time wait_max = std::chrono::seconds{60};

  // `lost`: gone for good, fenced, or running twice; must outlive this.
  Doubts(World& world, const std::set<std::size_t>& lost) : world_(world), lost_(lost) {}

  // Looks at all nodes now. A wait that is too long, in words; empty: there is none.
  [[nodiscard]] std::string look();

  // How many waits were seen of transactions that name somebody lost.
  [[nodiscard]] std::size_t count_with_lost() const { return with_lost_.size(); }

  // How many were seen that may last for ever.
  [[nodiscard]] std::size_t count_excused() const { return excused_.size(); }

 private:
  using Wait = std::pair<std::size_t, core::TransactionId>;

  [[nodiscard]] bool must_end(const core::Descriptor& descriptor) const;
  [[nodiscard]] bool is_lost(const core::NodeRef& ref) const;

  World& world_;
  const std::set<std::size_t>& lost_;
  std::map<Wait, Time> since_;
  std::set<Wait> with_lost_;
  std::set<Wait> excused_;
};

}  // namespace nemcon::sim
