#include "tests/bench/meter.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <system_error>

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "core/check.hpp"

namespace nemcon::bench {

namespace {

constexpr std::size_t page_bytes = 4096;
constexpr int probe_flushes = 100;

std::vector<std::string> words_of(const std::string& line) {
  std::istringstream rest(line);
  std::vector<std::string> words;
  for (std::string word; rest >> word;)
    words.push_back(word);
  return words;
}

struct Process {
  pid_t parent = 0;
  double cpu_seconds = 0;
};

// From /proc/PID/stat, after the command name, which may hold blanks.
std::map<pid_t, Process> all_processes() {
  const auto ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
  std::map<pid_t, Process> all;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const std::string name = entry.path().filename();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    std::ifstream file(entry.path() / "stat");
    std::string text;
    std::getline(file, text);
    const std::size_t end = text.rfind(')');
    if (end == std::string::npos) continue;  // It has ended meanwhile.
    const std::vector<std::string> fields = words_of(text.substr(end + 2));
    if (fields.size() < 15) continue;
    // User and system time, and that of children which have ended.
    double cpu = 0;
    for (std::size_t index = 11; index < 15; ++index)
      cpu += std::stod(fields[index]);
    all[static_cast<pid_t>(std::stol(name))] = {static_cast<pid_t>(std::stol(fields[1])),
                                                cpu / ticks};
  }
  return all;
}

std::set<pid_t> with_descendants(const std::map<pid_t, Process>& all,
                                 const std::vector<pid_t>& roots) {
  std::set<pid_t> wanted(roots.begin(), roots.end());
  for (bool has_grown = true; has_grown;) {
    has_grown = false;
    for (const auto& [id, process] : all) {
      if (wanted.contains(process.parent)) has_grown = wanted.insert(id).second || has_grown;
    }
  }
  return wanted;
}

// Kilobytes of a field of /proc/PID/smaps_rollup: shared pages are divided among their owners.
void add_memory(pid_t process, Cost& cost) {
  std::ifstream file("/proc/" + std::to_string(process) + "/smaps_rollup");
  for (std::string line; std::getline(file, line);) {
    const std::vector<std::string> words = words_of(line);
    if (words.size() < 2) continue;
    if (words[0] == "Pss:") cost.resident += std::stoull(words[1]) * 1024;
    if (words[0] == "Pss_Anon:") cost.resident_anon += std::stoull(words[1]) * 1024;
  }
}

// Voluntary context switches of all threads of the process.
std::uint64_t switches_of(pid_t process) {
  std::uint64_t total = 0;
  std::error_code ended;
  const std::string tasks = "/proc/" + std::to_string(process) + "/task";
  for (const auto& entry : std::filesystem::directory_iterator(tasks, ended)) {
    std::ifstream file(entry.path() / "status");
    for (std::string line; std::getline(file, line);) {
      const std::vector<std::string> words = words_of(line);
      if (words.size() == 2 && words[0] == "voluntary_ctxt_switches:")
        total += std::stoull(words[1]);
    }
  }
  return total;
}

struct MachineCpu {
  double busy_seconds = 0;
  double stolen_seconds = 0;  // By others on the same host.
};

MachineCpu machine_cpu() {
  std::ifstream file("/proc/stat");
  std::string line;
  std::getline(file, line);
  const std::vector<std::string> words = words_of(line);
  NEMCON_CHECK(words.size() > 8, line);
  double ticks = 0;
  // user, nice, system, then idle and iowait, which are not busy; irq, softirq.
  for (const std::size_t index : {1U, 2U, 3U, 6U, 7U})
    ticks += std::stod(words[index]);
  const auto per_second = static_cast<double>(::sysconf(_SC_CLK_TCK));
  return {.busy_seconds = ticks / per_second, .stolen_seconds = std::stod(words[8]) / per_second};
}

double own_cpu_seconds() {
  rusage usage{};
  NEMCON_CHECK(::getrusage(RUSAGE_SELF, &usage) == 0);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// Column 18 of /proc/diskstats (since Linux 5.5): flush requests that were completed. Whole
// disks only: a partition's are counted at its disk.
std::uint64_t flushes_of_machine() {
  std::ifstream file("/proc/diskstats");
  std::uint64_t total = 0;
  for (std::string line; std::getline(file, line);) {
    const std::vector<std::string> fields = words_of(line);
    if (fields.size() > 18) total += std::stoull(fields[18]);
  }
  return total;
}

double percentile(const std::vector<double>& sorted, double part) {
  if (sorted.empty()) return 0;
  const auto index = static_cast<std::size_t>(part * static_cast<double>(sorted.size() - 1));
  return sorted[index];
}

}  // namespace

Cost cost_of(const std::vector<pid_t>& processes) {
  Cost cost;
  const std::map<pid_t, Process> all = all_processes();
  for (const pid_t process : with_descendants(all, processes)) {
    const auto found = all.find(process);
    if (found == all.end()) continue;
    cost.cpu_seconds += found->second.cpu_seconds;
    add_memory(process, cost);
    cost.switches += switches_of(process);
  }
  cost.own_cpu_seconds = own_cpu_seconds();
  const MachineCpu machine = machine_cpu();
  cost.busy_cpu_seconds = machine.busy_seconds;
  cost.stolen_cpu_seconds = machine.stolen_seconds;
  cost.flushes = flushes_of_machine();
  return cost;
}

double flush_probe(const std::string& directory) {
  const std::string path = directory + "/probe";
  const int file = ::open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
  NEMCON_CHECK(file >= 0, path);
  const std::vector<char> page(page_bytes, 'x');
  const auto write_page = [&](int index) {
    const auto written = ::pwrite(file, page.data(), page.size(), index * off_t{page_bytes});
    NEMCON_CHECK(written == static_cast<ssize_t>(page.size()), path);
  };
  for (int index = 0; index < probe_flushes; ++index)
    write_page(index);
  NEMCON_CHECK(::fsync(file) == 0, path);
  std::vector<double> times;
  for (int index = 0; index < probe_flushes; ++index) {
    const auto begin = std::chrono::steady_clock::now();
    write_page(index);
    NEMCON_CHECK(::fdatasync(file) == 0, path);
    times.push_back(
        std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  }
  ::close(file);
  ::unlink(path.c_str());
  std::ranges::sort(times);
  return percentile(times, 0.5);
}

void JsonLine::put(const std::string& key, const std::string& text) {
  std::string escaped;
  for (const char character : text) {
    if (character == '"' || character == '\\') escaped += '\\';
    escaped += character;
  }
  append(key, "\"" + escaped + "\"");
}

void JsonLine::put(const std::string& key, double number) {
  std::array<char, 64> text{};
  const int length = std::snprintf(text.data(), text.size(), "%.6g", number);
  append(key, {text.data(), static_cast<std::size_t>(length)});
}

void JsonLine::put(const std::string& key, std::uint64_t number) {
  append(key, std::to_string(number));
}

void JsonLine::append(const std::string& key, const std::string& value) {
  text_ += (text_.empty() ? "\"" : ",\"") + key + "\":" + value;
}

std::string to_json(Result result) {
  std::ranges::sort(result.latencies);
  const auto count = static_cast<double>(std::max<std::uint64_t>(result.operations, 1));
  const double seconds = result.seconds > 0 ? result.seconds : 1;
  const Cost& before = result.before;
  const Cost& after = result.after;
  const double nodes = after.cpu_seconds - before.cpu_seconds;
  const double load = after.own_cpu_seconds - before.own_cpu_seconds;
  const double foreign = after.busy_cpu_seconds - before.busy_cpu_seconds - nodes - load;
  constexpr double mebibyte = 1024.0 * 1024.0;
  JsonLine line;
  line.put("system", result.system);
  line.put("run", result.name);
  line.put("mode", result.mode);
  line.put("links", result.links);
  line.put("settings", result.settings);
  line.put("in_flight", std::uint64_t{result.in_flight});
  line.put("body_bytes", std::uint64_t{result.body_bytes});
  line.put("operations", result.operations);
  line.put("refused", result.refused);
  line.put("seconds", result.seconds);
  line.put("per_second", count / seconds);
  line.put("p50_ms", 1e3 * percentile(result.latencies, 0.5));
  line.put("p99_ms", 1e3 * percentile(result.latencies, 0.99));
  line.put("cpu_us_per_operation", 1e6 * nodes / count);
  line.put("load_cpu_us_per_operation", 1e6 * load / count);
  line.put("flushes_per_operation", static_cast<double>(after.flushes - before.flushes) / count);
  line.put("switches_per_operation",
           static_cast<double>(after.switches - std::min(before.switches, after.switches)) / count);
  line.put("resident_mib", static_cast<double>(after.resident) / mebibyte);
  line.put("resident_less_map_mib", static_cast<double>(after.resident_anon) / mebibyte);
  line.put("probe_flush_ms", 1e3 * result.flush_seconds);
  line.put("foreign_cpu", std::max(foreign, 0.0) / seconds);
  line.put("busy_cpu", (after.busy_cpu_seconds - before.busy_cpu_seconds) / seconds);
  line.put("stolen_cpu", (after.stolen_cpu_seconds - before.stolen_cpu_seconds) / seconds);
  for (const auto& [key, value] : result.more)
    line.put(key, value);
  return line.text();
}

}  // namespace nemcon::bench
