#include "tests/bench/meter.hpp"

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <numeric>
#include <sstream>

#include <fcntl.h>
#include <unistd.h>

#include "core/check.hpp"

namespace nemcon::bench {

namespace {

constexpr std::size_t page_bytes = 4096;
constexpr int probe_flushes = 200;

// Fields of /proc/PID/stat after the command name, which may hold blanks.
std::vector<std::string> stat_of(pid_t process) {
  std::ifstream file("/proc/" + std::to_string(process) + "/stat");
  std::string text;
  std::getline(file, text);
  const std::size_t end = text.rfind(')');
  if (end == std::string::npos) return {};
  std::istringstream rest(text.substr(end + 2));
  std::vector<std::string> words;
  for (std::string word; rest >> word;)
    words.push_back(word);
  return words;
}

// Column 18 of /proc/diskstats (since Linux 5.5): flush requests that were completed. Whole
// disks only: a partition's are counted at its disk.
std::uint64_t flushes_of_machine() {
  std::ifstream file("/proc/diskstats");
  std::uint64_t total = 0;
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::vector<std::string> fields;
    for (std::string word; words >> word;)
      fields.push_back(word);
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
  const auto ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
  const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  for (const pid_t process : processes) {
    const std::vector<std::string> fields = stat_of(process);
    if (fields.size() < 22) continue;
    cost.cpu_seconds += (std::stod(fields[11]) + std::stod(fields[12])) / ticks;
    cost.resident += std::stoull(fields[21]) * page;
  }
  cost.flushes = flushes_of_machine();
  return cost;
}

double flush_probe(const std::string& directory) {
  const std::string path = directory + "/probe";
  const int file = ::open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
  NEMCON_CHECK(file >= 0, path);
  const std::vector<char> page(page_bytes, 'x');
  for (int index = 0; index < probe_flushes; ++index) {
    const auto written = ::pwrite(file, page.data(), page.size(), index * off_t{page_bytes});
    NEMCON_CHECK(written == static_cast<ssize_t>(page.size()));
  }
  ::fsync(file);
  std::vector<double> times;
  for (int index = 0; index < probe_flushes; ++index) {
    const auto begin = std::chrono::steady_clock::now();
    const auto written = ::pwrite(file, page.data(), page.size(), index * off_t{page_bytes});
    NEMCON_CHECK(written == static_cast<ssize_t>(page.size()));
    ::fdatasync(file);
    times.push_back(
        std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  }
  ::close(file);
  ::unlink(path.c_str());
  std::ranges::sort(times);
  return percentile(times, 0.5);
}

std::string to_json(Result result) {
  std::ranges::sort(result.latencies);
  const auto count = static_cast<double>(std::max<std::uint64_t>(result.operations, 1));
  std::vector<char> text(1024);
  const int length = std::snprintf(
      text.data(), text.size(),
      R"({"run":"%s","mode":"%s","in_flight":%zu,"body_bytes":%zu,"operations":%llu,)"
      R"("refused":%llu,"seconds":%.3f,"per_second":%.1f,"p50_ms":%.3f,"p99_ms":%.3f,)"
      R"("cpu_us_per_operation":%.1f,"flushes_per_operation":%.4f,)"
      R"("resident_mib":%.1f,"probe_flush_ms":%.3f})",
      result.name.c_str(), result.mode.c_str(), result.in_flight, result.body_bytes,
      static_cast<unsigned long long>(result.operations),
      static_cast<unsigned long long>(result.refused), result.seconds, count / result.seconds,
      1e3 * percentile(result.latencies, 0.5), 1e3 * percentile(result.latencies, 0.99),
      1e6 * result.cost.cpu_seconds / count, static_cast<double>(result.cost.flushes) / count,
      static_cast<double>(result.cost.resident) / (1024.0 * 1024.0), 1e3 * result.flush_seconds);
  return {text.data(), static_cast<std::size_t>(length)};
}

}  // namespace nemcon::bench
