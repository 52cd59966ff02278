#include "tests/crash/signals.hpp"

#include <array>
#include <csignal>
#include <cstddef>
#include <string_view>

#include <execinfo.h>
#include <link.h>

#include "core/check.hpp"

namespace nemcon::crash {

namespace {

// Of one part of the process that the linker put there.
struct Code {
  std::uintptr_t begin = 0;
  std::uintptr_t end = 0;

  [[nodiscard]] bool holds(const void* at) const {
    const auto address = reinterpret_cast<std::uintptr_t>(at);
    return address >= begin && address < end;
  }
};

struct Watch {
  Code lmdb;
  Code ours;
  std::atomic<Origin>* origin = nullptr;
};

Watch& watch() {
  static Watch one;
  return one;
}

// The program itself comes without a name.
int find_code(dl_phdr_info* part, std::size_t /*byte_count*/, void* /*unused*/) {
  const std::string_view name = part->dlpi_name;
  const bool is_lmdb = name.find("/liblmdb.") != std::string_view::npos;
  if (!is_lmdb && !name.empty()) return 0;
  Code& code = is_lmdb ? watch().lmdb : watch().ours;
  for (const ElfW(Phdr)* header = part->dlpi_phdr; header != part->dlpi_phdr + part->dlpi_phnum;
       ++header) {
    if (header->p_type != PT_LOAD || (header->p_flags & PF_X) == 0) continue;
    code.begin = part->dlpi_addr + header->p_vaddr;
    code.end = code.begin + header->p_memsz;
  }
  return 0;
}

// The default is back already: what was not possible is tried once more, and ends the process.
void on_signal(int /*number*/) {
  constexpr int passed_over = 2;  // This function, and the kernel's way into it.
  std::array<void*, 16> callers{};
  const int count = ::backtrace(callers.data(), static_cast<int>(callers.size()));
  for (int at = passed_over; at < count; ++at) {
    const void* const caller = callers.at(static_cast<std::size_t>(at));
    if (watch().lmdb.holds(caller)) *watch().origin = Origin::lmdb;
    if (watch().ours.holds(caller)) *watch().origin = Origin::ours;
    if (*watch().origin != Origin::unknown) return;
  }
}

}  // namespace

void watch_signals(std::atomic<Origin>& origin) {
  watch().origin = &origin;
  ::dl_iterate_phdr(find_code, nullptr);
  NEMCON_CHECK(watch().lmdb.end != 0 && watch().ours.end != 0);
  // The first one loads a library, for which a signal is no place.
  std::array<void*, 1> unused{};
  static_cast<void>(::backtrace(unused.data(), static_cast<int>(unused.size())));

  struct sigaction action {};

  action.sa_handler = on_signal;
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  for (const int number : {SIGSEGV, SIGBUS, SIGFPE})
    NEMCON_CHECK(::sigaction(number, &action, nullptr) == 0, number);
}

}  // namespace nemcon::crash
