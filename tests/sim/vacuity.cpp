#include "tests/sim/vacuity.hpp"

namespace nemcon::sim {
namespace {

// A new kind of fault belongs here, or nobody notices when it stops happening.
const char* const wanted_faults[] = {"bit rot",
                                     "bit rot, found by the log",
                                     "broken link",
                                     "client restart",
                                     "clock jump",
                                     "clone",
                                     "crash",
                                     "crash between two effects",
                                     "cut in two",
                                     "cut one way",
                                     "cut past retention",
                                     "cut partly",
                                     "delayed frame",
                                     "doubled frame",
                                     "failed flush",
                                     "frame into a cut",
                                     "full disk",
                                     "gone for good",
                                     "lie: a copy of what another said",
                                     "lie: a forged decision",
                                     "lie: a forged promise",
                                     "lie: a forged vote",
                                     "lie: a header",
                                     "lie: its own word, twisted",
                                     "lost checkpoint",
                                     "lost frame",
                                     "lost record",
                                     "pause",
                                     "restored backup",
                                     "resubmitted elsewhere",
                                     "service died in a call",
                                     "service hung",
                                     "service refused",
                                     "service restart",
                                     "silent link",
                                     "slow disk",
                                     "lost batch",
                                     "two processes of one client",
                                     "version skew",
                                     "very late frame"};

const char* const wanted_marks[] = {"crashes in doubt",
                                    "decided by recovery",
                                    "unknown outcome",
                                    "refused for a full disk",
                                    "waits for an end without one who is lost",
                                    "transactions that must end beside a liar",
                                    "node back after retention",
                                    "node goes on after retention",
                                    "asked after retention, amid faults",
                                    "expired amid faults",
                                    "fenced session",
                                    "service in doubt",
                                    "leases lost"};

// Under all these faults two thirds and more commit; far less would be a mesh that refuses.
constexpr std::uint64_t committed_percent_min = 50;

// How much the checker may leave unjudged, in thousandths: half as much again as 2,000 seeds show.
struct Unjudged {
  const char* what;
  std::uint64_t permille_max;
};

constexpr Unjudged unjudged[] = {{"outcomes", 107}, {"messages", 101}, {"calls", 122}};

std::uint64_t count_of(const std::map<std::string, std::uint64_t>& counts,
                       const std::string& name) {
  const auto found = counts.find(name);
  return found == counts.end() ? 0 : found->second;
}

bool has(const std::map<std::string, std::uint64_t>& counts, const std::string& name) {
  return count_of(counts, name) > 0;
}

}  // namespace

std::vector<std::string> what_is_missing(const Happenings& seen) {
  std::vector<std::string> missing;
  for (const char* fault : wanted_faults) {
    if (!has(seen.faults, fault)) missing.push_back(std::string{"no fault \""} + fault + '"');
  }
  for (const char* mark : wanted_marks) {
    if (!has(seen.marks, mark)) missing.push_back(std::string{"nothing of \""} + mark + '"');
  }
  if (seen.committed_count * 100 < seen.transaction_count * committed_percent_min ||
      seen.committed_count == 0) {
    missing.push_back("only " + std::to_string(seen.committed_count) + " of " +
                      std::to_string(seen.transaction_count) + " transactions committed");
  }
  for (const Unjudged& one : unjudged) {
    const std::uint64_t all = count_of(seen.marks, one.what);
    const std::uint64_t excused = count_of(seen.marks, std::string{one.what} + " not judged");
    if (excused * 1'000 <= all * one.permille_max) continue;
    missing.push_back(std::to_string(excused) + " of " + std::to_string(all) + ' ' + one.what +
                      " are not judged");
  }
  return missing;
}

bool is_lie(const std::string& fault) {
  return fault.starts_with("lie: ");
}

}  // namespace nemcon::sim
