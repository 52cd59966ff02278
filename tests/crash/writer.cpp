#include "tests/crash/writer.hpp"

#include <new>

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/check.hpp"
#include "log/log.hpp"
#include "tests/crash/disk_tap.hpp"
#include "tests/crash/place.hpp"

namespace nemcon::crash {

SharedProgress share_progress() {
  void* memory =
      ::mmap(nullptr, sizeof(Progress), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  NEMCON_CHECK(memory != MAP_FAILED);
  return {new (memory) Progress, [](Progress* progress) { ::munmap(progress, sizeof(Progress)); }};
}

Ending write_script(const std::string& directory, const Script& script, Progress& progress) {
  auto opened = log::open_log(small_log(directory, script.grows()));
  if (!opened) return Ending::refused;
  for (const Step& step : script.steps()) {
    const core::Lsn last = step.batch.back().lsn;
    progress.begun = last.value();
    tap::mark(Deed::begun, last.value());
    if (!opened->journal->append(step.batch)) return Ending::failed;
    progress.acked = last.value();
    tap::mark(Deed::acked, last.value());
    if (!step.checkpoint) continue;
    const auto applied = opened->store->apply(*step.checkpoint);
    if (!applied) return Ending::failed;
    // Without room the node would try again later; what follows needs the rows of this one.
    if (*applied == log::Applied::no_room) return Ending::failed;
    opened->journal->release_upto(step.checkpoint->upto);
  }
  progress.calls = tap::call_count();
  return Ending::whole;
}

std::string start_again(const std::string& directory, const Script& script,
                        const Progress& progress) {
  const std::string wrong =
      judge(look(directory, script), script, core::Lsn{progress.acked}, core::Lsn{progress.begun});
  return wrong.empty() ? go_on(directory, script) : wrong;
}

int run_child(const std::function<int()>& work) {
  const pid_t child = ::fork();
  NEMCON_CHECK(child >= 0);
  if (child == 0) ::_exit(work());
  int status = 0;
  NEMCON_CHECK(::waitpid(child, &status, 0) == child);
  return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace nemcon::crash
