// nemcon-attack: every threat of SECURITY.md that a network can bring, against real nodes with
// keys, beside an honest load.
//
// Exit: 0 every answer was the expected one, 1 not, 2 wrong usage.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>

#include "tests/attack/order.hpp"
#include "tests/attack/threat.hpp"

namespace nemcon::attack {
namespace {

struct Settings {
  std::vector<std::string> only;
  double seconds = 4;
  std::uint64_t sample = 0;
  std::uint64_t turn = 0;
  bool is_list = false;
  bool is_json = false;
  bool is_answers_only = false;
  std::string as;     // An attacker, which is a process of its own.
  std::string place;  // Of an attacker.
  bool is_last = false;
};

std::string rounded(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f", value);
  return text;
}

std::string text_of(const Threat& threat, const Verdict& verdict) {
  const Measured& measured = verdict.measured;
  std::string text = "attack " + threat.name + ": expected " + threat.expected + ", seen " +
                     verdict.seen + "; honest p99 " + rounded(measured.before_ms) + " ms before, " +
                     rounded(measured.under_ms) + " ms under attack (ratio " +
                     rounded(measured.ratio()) + ", " + std::to_string(measured.before_count) +
                     " and " + std::to_string(measured.under_count) + " transactions";
  if (measured.attempt_count > 1) text += ", attempt " + std::to_string(measured.attempt_count);
  text += "); memory " + std::to_string(verdict.before.anonymous_kib) + " KiB before, " +
          std::to_string(measured.peak_kib) + " at most, " +
          std::to_string(verdict.after.anonymous_kib) + " after; descriptors " +
          std::to_string(verdict.before.descriptor_count) + " and " +
          std::to_string(verdict.after.descriptor_count) + "; " +
          (verdict.wrong.empty() ? "passed" : "FAILED");
  for (const std::string& wrong : verdict.wrong)
    text += "\n  " + wrong;
  return text;
}

std::string quoted(const std::string& text) {
  std::string all = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') all += '\\';
    all += c == '\n' ? ' ' : c;
  }
  return all + '"';
}

std::string json_of(const Threat& threat, const Verdict& verdict) {
  const Measured& measured = verdict.measured;
  std::string wrong;
  for (const std::string& one : verdict.wrong)
    wrong += (wrong.empty() ? "" : ",") + quoted(one);
  return "{\"attack\":" + quoted(threat.name) + ",\"expected\":" + quoted(threat.expected) +
         ",\"seen\":" + quoted(verdict.seen) + ",\"p99_before_ms\":" + rounded(measured.before_ms) +
         ",\"p99_under_ms\":" + rounded(measured.under_ms) +
         ",\"transactions_before\":" + std::to_string(measured.before_count) +
         ",\"transactions_under\":" + std::to_string(measured.under_count) +
         ",\"attempts\":" + std::to_string(measured.attempt_count) +
         ",\"memory_before_kib\":" + std::to_string(verdict.before.anonymous_kib) +
         ",\"memory_peak_kib\":" + std::to_string(measured.peak_kib) +
         ",\"memory_after_kib\":" + std::to_string(verdict.after.anonymous_kib) +
         ",\"descriptors_before\":" + std::to_string(verdict.before.descriptor_count) +
         ",\"descriptors_after\":" + std::to_string(verdict.after.descriptor_count) +
         ",\"passed\":" + (verdict.wrong.empty() ? "true" : "false") + ",\"wrong\":[" + wrong +
         "]}";
}

// All, those that are named, or so many of them by turns.
std::vector<const Threat*> chosen(const Settings& settings) {
  std::vector<const Threat*> all;
  for (const Threat& threat : threats()) {
    const bool is_named = std::ranges::find(settings.only, threat.name) != settings.only.end();
    if (settings.only.empty() || is_named) all.push_back(&threat);
  }
  if (settings.sample == 0 || settings.sample >= all.size()) return all;
  const std::size_t first = settings.turn * settings.sample % all.size();
  std::rotate(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(first), all.end());
  all.resize(settings.sample);
  return all;
}

int run(const Settings& settings) {
  const Effort effort{
      .each = std::chrono::milliseconds{static_cast<std::int64_t>(settings.seconds * 1000)},
      .is_speed_judged = !settings.is_answers_only};
  std::size_t failed = 0;
  const std::vector<const Threat*> all = chosen(settings);
  for (const Threat* const threat : all) {
    const Verdict verdict = face(*threat, effort);
    const bool passed = verdict.wrong.empty();
    failed += passed ? 0U : 1U;
    std::printf("%s\n", (settings.is_json ? json_of : text_of)(*threat, verdict).c_str());
    if (!passed) {
      std::fprintf(stderr, "%s  again: ./dev attack --only %s\n", verdict.diagnostics.c_str(),
                   threat->name.c_str());
    }
    std::fflush(stdout);
  }
  if (settings.is_json) {
    std::printf("{\"attacks\":%zu,\"failed\":%zu}\n", all.size(), failed);
  } else {
    std::printf("attack: %zu attacks, %zu failed\n", all.size(), failed);
  }
  return failed == 0 && !all.empty() ? 0 : 1;
}

int attack(const Settings& settings) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (settings.is_last) {
    // Attackers have machines of their own: on this one whatever the nodes want to do goes first.
    const sched_param none{};
    ::sched_setscheduler(0, SCHED_IDLE, &none);
  }
  const Tally tally = attackers().at(settings.as)(Order{settings.place});
  std::printf("%s\n", to_text(tally).c_str());
  return 0;
}

int list() {
  for (const Threat& threat : threats())
    std::printf("%-18s %s\n", threat.name.c_str(), threat.expected.c_str());
  return 0;
}

}  // namespace
}  // namespace nemcon::attack

int main(int argc, char** argv) {
  nemcon::attack::Settings settings;
  CLI::App app{
      "Real nodes with keys, an honest load, and one attacker process after the other. Honest\n"
      "transactions are measured in windows without and with the attack by turns; they must stay\n"
      "within twice the 99th percentile, and each acknowledged one must be there once.\n"
      "Exit: 0 every answer was the expected one, 1 not, 2 usage."};
  app.add_option("--only", settings.only, "these attacks (all)");
  app.add_option("--seconds", settings.seconds, "so long without and so long with the attack (4)")
      ->check(CLI::PositiveNumber);
  app.add_option("--sample", settings.sample, "only so many, by turns");
  app.add_option("--turn", settings.turn, "which of these samples");
  app.add_flag("--answers-only", settings.is_answers_only,
               "for a busy machine: how fast honest transactions stay is not judged");
  app.add_flag("--list", settings.is_list, "what there is");
  app.add_flag("--json", settings.is_json, "a line of JSON an attack, and one for all");
  app.add_option("--as", settings.as)->group("");
  app.add_option("--place", settings.place)->group("");
  app.add_flag("--last", settings.is_last)->group("");
  try {
    app.parse(argc, argv);
    for (const std::string& name : settings.only) {
      const bool is_known = std::ranges::any_of(
          nemcon::attack::threats(), [&](const auto& threat) { return threat.name == name; });
      if (!is_known) throw CLI::ValidationError("--only", "no attack " + name + ": see --list");
    }
    if (settings.is_list) return nemcon::attack::list();
    if (!settings.as.empty()) return nemcon::attack::attack(settings);
    return nemcon::attack::run(settings);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "attack: %s\n", error.what());
    return 1;
  }
}
