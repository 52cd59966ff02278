#include "tests/attack/threat.hpp"

#include <algorithm>
#include <exception>
#include <stdexcept>

#include "tests/attack/flooders.hpp"
#include "tests/attack/greedy_clients.hpp"
#include "tests/attack/key_holders.hpp"
#include "tests/attack/strangers.hpp"

namespace nemcon::attack {

using namespace std::chrono_literals;

namespace {

constexpr double ratio_max = 2;
constexpr int attempts_max = 3;  // What else the machine does must not decide.
constexpr std::size_t connection_kib_max = 64;
constexpr std::size_t early_kib_max = std::size_t{1}
                                      << 10U;  // What one may send before it is known.
constexpr std::uint64_t idle_ms_max = 5000;    // The handshake time is two seconds.
constexpr auto cut_max = 1000ms;

std::string revoke(Stage& stage) {
  const std::chrono::milliseconds cut = stage.revoke_guest();
  const std::string text = "cut after " + std::to_string(cut.count()) + " ms";
  if (cut >= cut_max) throw std::runtime_error(text);
  return text;
}

// What was brought before the restart is there once, whatever was said after it.
std::string compare_recorded(Stage& stage, const Tally& tally) {
  const std::uint64_t count = stage.message_count("recorded ");
  if (count == 2 * tally.at("committed")) return {};
  return std::to_string(count) + " recorded messages, not two for each transaction";
}

std::string restart(Stage& stage) {
  stage.restart_shop();
  return "shop was restarted";
}

std::string find_stolen(Stage& stage, const Tally& /*tally*/) {
  return stage.message_count("stolen") == 0 ? "" : "a message came where it must not";
}

std::string check_idle(Stage& /*stage*/, const Tally& tally) {
  const std::uint64_t longest = tally.at("longest ms");
  return longest <= idle_ms_max ? "" : "they stayed " + std::to_string(longest) + " ms";
}

std::vector<Threat> threats_of_strangers() {
  return {
      {.name = "wrong-key",
       .expected = "refused in the handshake, counted",
       .happens = {{"refused", 1}},
       .never_happens = {"let in"},
       .counted = "keys_refused"},
      {.name = "revoked-key",
       .expected = "cut within 1 s, then refused",
       .happens = {{"refused", 1}},
       .never_happens = {"let in"},
       .counted = "keys_revoked",
       .first = revoke},
      {.name = "no-key",
       .expected = "plain text does not get in",
       .happens = {{"failed", 1}},
       .never_happens = {"let in", "refused"},
       .counted = "links_failed"},
      {.name = "garbage-greeting",
       .expected = "connections end, counted",
       .happens = {{"connections", 10}},
       .counted = "links_failed"},
      {.name = "huge-frame",
       .expected = "cut at its head, nothing allocated",
       .happens = {{"connections", 10}},
       .never_happens = {"not cut"},
       .growth_kib_max = std::size_t{8} << 10U},
      {.name = "frame-just-below",
       .expected = "cut before its handshake is done, 1 MiB each at most",
       .stage = {.limits = "max_transaction_bytes = '16MiB'"},
       .happens = {{"connections", 10}},
       .never_happens = {"not cut"},
       .growth_kib_max = huge_count * early_kib_max},
      {.name = "handshake-flood",
       .expected = "refused one by one, their address held off",
       .happens = {{"refused", 1}},
       .never_happens = {"let in"},
       .counted = "addresses_held_off"},
      {.name = "idle-connections",
       .expected = "2,000 gone after the handshake time, 64 KiB each at most",
       .happens = {{"connections", 300}},
       .counted = "links_failed",
       .growth_kib_max = idle_count * connection_kib_max,
       .last = check_idle},
      {.name = "descriptors",
       .expected = "held off before there are none",
       // As if they came from many addresses.
       .stage = {.wrapper = {"/usr/bin/prlimit", "--nofile=300:300"},
                 .limits = std::string{usual_limits} + "\nmax_connects_per_second = 100000"},
       .happens = {{"connections", 200}},
       .counted = "links_held_off"},
  };
}

std::vector<Threat> threats_with_a_key() {
  return {
      {.name = "spoofed-sender",
       .expected = "muted, counted",
       .happens = {{"refused", 5}},
       .never_happens = {"let in"},
       .counted = "senders_forged"},
      {.name = "foreign-queue",
       .expected = "denied, nothing written",
       .happens = {{"denied", 50}},
       .never_happens = {"allowed"},
       .last = find_stolen},
      {.name = "foreign-decision",
       .expected = "ignored, muted",
       .happens = {{"known"}, {"said", 5}},
       .counted = "links_muted"},
      {.name = "replay",
       .expected = "no effect a second time",
       .happens = {{"committed"}, {"replayed", 500}, {"restarts seen"}},
       .first = restart,
       .last = compare_recorded},
      {.name = "malformed",
       .expected = "muted, counted",
       .stage = {.babbler_count = babbler_count},
       .happens = {{"frames", 5}, {"muted", 3}},
       .counted = "frames_malformed"},
      {.name = "lying-peer",
       .expected = "what it has no part in stays right",
       .happens = {{"known"}, {"said", 0.5}, {"forged", 20}},
       .counted = "links_muted"},
      {.name = "key-rotation",
       .expected = "no failed transaction",
       .stage = {.changes_key = true},
       .has_attacker = false,
       .during = [](Stage& stage) { stage.change_key_of_warehouse(); }},
  };
}

// What was refused or ignored has left room for others.
std::string open_new_session(Stage& stage, const Tally& /*tally*/) {
  stage.open_new_session();
  return {};
}

std::vector<Stage::Guest> flooders() {
  std::vector<Stage::Guest> all;
  for (int i = 0; i < flooder_count; ++i)
    all.push_back({.name = flooder_name(i)});
  return all;
}

std::vector<Threat> threats_of_greedy_clients() {
  return {
      {.name = "ack-flood",
       .expected = "nothing remembered",
       .stage = {.guests = {{.name = idler_name}}},
       .happens = {{"acknowledged", 200}, {"opened", 200}},
       // The window of its link full of requests, and their answers on the way.
       .growth_kib_max = std::size_t{128} << 10U,
       .last = open_new_session},
      {.name = "session-flood",
       .expected = "refused after as many as there may be clients, then 20 a second",
       .stage = {.guests = {{.name = opener_name, .allow = R"("send other")"}},
                 .limits =
                     std::string{usual_limits} + "\nmax_clients = " + std::to_string(few_clients)},
       .happens = {{"opened", 3}, {"too fast", 100}},
       .never_happens = {"beyond", "refused otherwise"},
       .last = open_new_session},
      {.name = "serve-doubts",
       .expected = "asked to look again, a bounded part of it remembered",
       .stage = {.guests = {{.name = server_name, .allow = R"("serve ledger")"}}},
       .happens = {{"reports", 5}, {"asked again", 5}},
       .never_happens = {"denied"},
       .last = open_new_session},
      {.name = "flood-and-leave",
       .expected = "what waits is bounded, and gone with it",
       .stage = {.guests = flooders()},
       .happens = {{"floods", 0.5}},
       .growth_kib_max = std::size_t{300} << 10U,
       .last = open_new_session},
      {.name = "bye-and-stay",
       .expected = "ended, and others get in meanwhile",
       .stage = {.guests = {{.name = idler_name}},
                 .limits =
                     std::string{usual_limits} + "\nmax_clients = " + std::to_string(few_clients)},
       .happens = {{"connections", 20}, {"ended", 20}},
       .never_happens = {"stayed"},
       .growth_kib_max = std::size_t{64} << 10U,
       .during = [](Stage& stage) { stage.open_new_session(); },
       .last = open_new_session},
  };
}

// Of shop; what strangers and liars make it count.
std::string text_of(const Counts& before, const Counts& after) {
  std::string text;
  for (const char* const name :
       {"keys_refused", "keys_revoked", "senders_forged", "links_muted", "connections_cut",
        "links_failed", "links_held_off", "addresses_held_off", "frames_malformed"}) {
    const auto old = before.find(name);
    const auto now = after.find(name);
    if (old == before.end() || now == after.end() || now->second <= old->second) continue;
    text += std::string{", "} + name + " " + std::to_string(now->second - old->second);
  }
  return text;
}

// At most three times; the last one counts.
Measured measure(Stage& stage, const Threat& threat, const Effort& effort) {
  Measured measured;
  for (int attempt = 1; attempt <= attempts_max; ++attempt) {
    const bool is_first = attempt == 1;
    const std::size_t peak_kib = measured.peak_kib;
    measured = stage.measure(effort.each, is_first && threat.during
                                              ? std::function<void()>([&] { threat.during(stage); })
                                              : std::function<void()>());
    measured.peak_kib = std::max(measured.peak_kib, peak_kib);
    measured.attempt_count = attempt;
    if (!effort.is_speed_judged || measured.ratio() <= ratio_max) break;
  }
  return measured;
}

void judge_tally(const Threat& threat, const Effort& effort, const Tally& tally, Verdict& verdict) {
  const auto count_of = [&](const std::string& name) {
    const auto found = tally.find(name);
    return found == tally.end() ? 0 : found->second;
  };
  // On a busy machine once is enough.
  const double seconds =
      effort.is_speed_judged ? std::chrono::duration<double>(effort.each).count() : 0;
  for (const Threat::Happening& happening : threat.happens) {
    const std::uint64_t count = count_of(happening.name);
    const auto least = static_cast<std::uint64_t>(std::max(1.0, happening.per_second * seconds));
    if (count < least) {
      verdict.wrong.push_back(happening.name + " only " + std::to_string(count) + " times, of " +
                              std::to_string(least) + " at least");
    }
  }
  for (const std::string& name : threat.never_happens) {
    if (count_of(name) > 0) verdict.wrong.push_back(name);
  }
}

void judge_costs(const Threat& threat, const Effort& effort, Verdict& verdict) {
  const Measured& measured = verdict.measured;
  if (effort.is_speed_judged && measured.ratio() > ratio_max)
    verdict.wrong.push_back("honest transactions are too slow");
  if (measured.under_count == 0) verdict.wrong.push_back("no honest transaction under attack");
  if (measured.peak_kib > verdict.before.anonymous_kib + threat.growth_kib_max)
    verdict.wrong.push_back("too much memory under attack");
  if (!is_near(verdict.before, verdict.after))
    verdict.wrong.push_back("memory or descriptors do not come back");
}

void face(const Threat& threat, const Effort& effort, Stage& stage, Verdict& verdict) {
  Counts counts = stage.counts();
  verdict.before = stage.footprint();
  if (threat.has_attacker) stage.begin_attacker(threat.name);
  if (threat.first) verdict.seen += threat.first(stage);
  if (threat.name == "replay") {
    // Another process, which counts from zero.
    counts = stage.counts();
    verdict.before = stage.footprint();
  }
  verdict.measured = measure(stage, threat, effort);
  const Tally tally = stage.end_attacker();
  verdict.seen += (verdict.seen.empty() || tally.empty() ? "" : ", ") + to_text(tally);
  if (!stage.all_run()) throw std::runtime_error("a node has died");
  verdict.after = stage.recovered(verdict.before);
  const Counts now = stage.counts();
  verdict.seen += text_of(counts, now);
  judge_tally(threat, effort, tally, verdict);
  judge_costs(threat, effort, verdict);
  if (!threat.counted.empty() && now.at(threat.counted) == counts.at(threat.counted))
    verdict.wrong.push_back("shop has not counted " + threat.counted);
  if (!threat.has_attacker) verdict.seen += "changed under load";
  if (!stage.all_run()) verdict.wrong.push_back("a node has died");
  const std::string unsettled = stage.settle();
  if (!unsettled.empty()) verdict.wrong.push_back(unsettled);
  if (threat.last) {
    const std::string wrong = threat.last(stage, tally);
    if (!wrong.empty()) verdict.wrong.push_back(wrong);
  }
}

}  // namespace

const std::vector<Threat>& threats() {
  static const std::vector<Threat> value = [] {
    std::vector<Threat> all = threats_of_strangers();
    for (Threat& threat : threats_with_a_key())
      all.push_back(std::move(threat));
    for (Threat& threat : threats_of_greedy_clients())
      all.push_back(std::move(threat));
    return all;
  }();
  return value;
}

Verdict face(const Threat& threat, const Effort& effort) {
  Verdict verdict;
  Stage::Options options = threat.stage;
  options.is_attacker_last = effort.is_speed_judged;
  Stage stage(options);
  try {
    face(threat, effort, stage, verdict);
  } catch (const std::exception& error) {
    verdict.wrong.emplace_back(error.what());
  }
  if (!verdict.wrong.empty()) verdict.diagnostics = stage.diagnostics();
  return verdict;
}

}  // namespace nemcon::attack
