#include "tests/chaos/liar.hpp"

#include <csignal>
#include <cstdio>
#include <filesystem>

#include <sys/prctl.h>

#include "tests/attack/peer_attacks.hpp"

namespace nemcon::chaos {

void Liar::begin(const std::string& seen) {
  order_.set_seen_id(seen);
  order_.set_on(true);
  std::vector<std::string> words = {"/usr/bin/env"};  // Which looks for the wrapper's program.
  words.insert(words.end(), wrapper_.begin(), wrapper_.end());
  words.push_back(std::filesystem::read_symlink("/proc/self/exe"));
  words.insert(words.end(), {"--as-liar", order_.directory()});
  process_ = std::async(std::launch::async, [words] { return tests::run(words); });
}

void Liar::see(const std::string& seen) {
  const auto now = std::chrono::steady_clock::now();
  if (!process_.valid() || seen.empty() || now < tell_at_) return;
  tell_at_ = now + std::chrono::milliseconds{200};
  order_.set_seen_id(seen);
}

std::uint64_t Liar::end() {
  if (!process_.valid()) return 0;
  order_.set_over();
  const tests::Ran ran = process_.get();
  if (ran.exit_code != 0) std::fprintf(stderr, "the liar failed: %s\n", ran.err.c_str());
  const attack::Tally tally = attack::parse_tally(ran.out);
  const auto said = tally.find("said");
  return said == tally.end() ? 0 : said->second;
}

int Liar::run(const std::string& directory) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  const attack::Tally tally = attack::lie_about_others(attack::Order{directory});
  std::printf("%s\n", attack::to_text(tally).c_str());
  return 0;
}

}  // namespace nemcon::chaos
