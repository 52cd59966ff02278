// nemcond: one node of the mesh as a process.
#include <csignal>
#include <cstdio>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "node/accepted_members.hpp"
#include "node/config.hpp"
#include "node/fail_points.hpp"
#include "node/node.hpp"
#include "node/node_keys.hpp"
#include "node/reload.hpp"
#include "node/storage_failure.hpp"
#include "node/trace.hpp"

namespace {

using nemcon::node::CheckedConfig;
using nemcon::node::FailPoints;
using nemcon::node::has_fail_points;
using nemcon::node::Node;
using nemcon::node::Trace;
using nemcon::node::TraceFormat;
using nemcon::node::TraceLevel;

constexpr int exit_done = 0;
constexpr int exit_cannot_start = 1;
constexpr int exit_wrong_usage = 2;

struct Arguments {
  std::string config_file;
  bool check = false;
  bool data_moved = false;
  bool list_fail_points = false;
  std::vector<std::string> fail_points;
  Trace::Options trace;
};

template <class Value>
using Names = std::vector<std::pair<std::string, Value>>;

// Takes one of the names for its value, and says which there are.
template <class Value>
CLI::Validator one_of(const Names<Value>& names) {
  const auto take = [names](std::string& text) -> std::string {
    std::string allowed;
    for (const auto& [name, value] : names) {
      if (name == text) {
        text = std::to_string(static_cast<int>(value));
        return {};
      }
      allowed += (allowed.empty() ? "" : ", ") + name;
    }
    return '"' + text + "\" is not allowed; allowed: " + allowed;
  };
  return {take, ""};
}

void declare(CLI::App& app, Arguments& arguments) {
  app.set_version_flag("--version", "nemcond " NEMCON_VERSION);
  app.add_option("--config", arguments.config_file,
                 "TOML file of this node; a relative `data` in it counts from the current "
                 "directory. Without it: a node named after the host, at tcp://127.0.0.1:7411, "
                 "data in ./nemcon-data, one queue `inbox`")
      ->type_name("FILE");
  app.add_flag("--check", arguments.check,
               "Only check the configuration and print what it means, with every default");
  const Names<TraceLevel> levels = {{"debug", TraceLevel::debug},
                                    {"info", TraceLevel::info},
                                    {"warning", TraceLevel::warning},
                                    {"error", TraceLevel::error},
                                    {"off", TraceLevel::off}};
  app.add_flag("--data-moved", arguments.data_moved,
               "The data directory was moved here while the node was stopped, and no other copy of "
               "it will ever run");
  app.add_option("--log-level", arguments.trace.level,
                 "Diagnostics from this level on: debug, info (default), warning, error, off")
      ->type_name("LEVEL")
      ->transform(one_of(levels));
  const Names<TraceFormat> formats = {{"text", TraceFormat::text}, {"json", TraceFormat::json}};
  app.add_option("--log-format", arguments.trace.format,
                 "One line an event on standard error: text (default) or json")
      ->type_name("FORMAT")
      ->transform(one_of(formats));
  app.footer(
      "Exit codes: 0 stopped as asked, 1 cannot start, 2 wrong usage or configuration, 3 stopped "
      "by a storage failure.\nSignals: SIGTERM and SIGINT stop cleanly, a second one at once; "
      "kill -9 loses nothing. SIGHUP reads the configuration again (nemcon reload waits for what "
      "comes of it).");
  if (!has_fail_points) return;
  app.add_option("--fail-point", arguments.fail_points,
                 "For tests: kill this process at the Nth time (default 1) that NAME is reached")
      ->type_name("NAME[:N]");
  app.add_flag("--list-fail-points", arguments.list_fail_points, "Print every NAME");
}

std::string host_name() {
  char name[256] = {};
  // The last byte stays zero.
  if (gethostname(name, sizeof name - 1) != 0) return {};
  return name;
}

CheckedConfig load(const Arguments& arguments) {
  if (!arguments.config_file.empty()) {
    return nemcon::node::read_config(arguments.config_file, host_name());
  }
  CheckedConfig checked;
  checked.config = nemcon::node::default_config(host_name());
  return checked;
}

// One descriptor a link; the soft limit is often 1024.
void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

// Blocked in every thread, and taken one by one where stop_signal() waits.
sigset_t block_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGHUP);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  return set;
}

std::string joined(const std::vector<std::string>& texts) {
  std::string all;
  for (const std::string& text : texts)
    all += (all.empty() ? "" : "; ") + text;
  return all;
}

// Reads the file again. What cannot be taken from it is said, and nothing of it is taken if
// anything in it is wrong.
void reload(Node& node, const Arguments& arguments, const nemcon::node::Config& config,
            const Trace& trace) {
  const auto refuse = [&](const std::vector<std::string>& why) {
    trace.error("reload refused, nothing has changed", {{"why", joined(why)}});
    nemcon::node::write_answer(config.data, true, why);
  };
  if (arguments.config_file.empty()) return refuse({"there is no configuration file"});
  const CheckedConfig checked = nemcon::node::read_config(arguments.config_file, host_name());
  if (!checked.member_errors.empty()) {
    node.note_refused_members(checked.config, joined(checked.member_errors));
  }
  if (!checked.errors.empty()) return refuse(checked.errors);
  const auto reloaded = node.reload(checked.config);
  if (!reloaded) return refuse({reloaded.error().detail});
  trace.info("reloaded", {{"changed", joined(reloaded->changed)}});
  std::vector<std::string> answer;
  for (const std::string& change : reloaded->changed)
    answer.push_back("changed: " + change);
  for (const std::string& change : reloaded->needs_restart) {
    trace.warning("only a restart changes this", {{"what", change}});
    answer.push_back("needs a restart: " + change);
  }
  for (const std::string& what : reloaded->pending) {
    trace.error("not in force yet", {{"what", what}});
    answer.push_back("not in force yet: " + what);
  }
  nemcon::node::write_answer(config.data, false, answer);
}

// Empty: the membership file is none that the data directory forbids.
std::string why_not_these_members(const nemcon::node::Config& config) {
  if (config.members.file.empty()) return {};
  nemcon::log::KernelFiles files;
  const auto age = nemcon::node::compare_members(files, config);
  return age ? std::string{} : age.error().detail;
}

// Waits for SIGTERM or SIGINT.
template <class OnHangUp>
int stop_signal(const sigset_t& set, const OnHangUp& on_hang_up) {
  for (;;) {
    int signal = 0;
    if (sigwait(&set, &signal) != 0) continue;
    if (signal != SIGHUP) return signal;
    on_hang_up();
  }
}

int run(const Arguments& arguments, const nemcon::node::Config& config,
        const std::vector<std::string>& warnings) {
  const Trace trace(arguments.trace);
  for (const std::string& warning : warnings)
    trace.warning(warning, {});
  FailPoints fail_points;
  for (const std::string& point : arguments.fail_points) {
    if (fail_points.try_arm(point)) continue;
    std::fprintf(stderr, "nemcond: no fail point %s; see --list-fail-points\n", point.c_str());
    return exit_wrong_usage;
  }
  // What it makes is its owner's alone: files, directories and the sockets of ipc endpoints.
  umask(S_IRWXG | S_IRWXO);
  raise_descriptor_limit();
  if (!config.secret_key_file.empty()) nemcon::node::keep_memory_private();
  const sigset_t signals = block_signals();
  auto node = Node::start(config, trace, fail_points);
  if (!node) {
    trace.error("cannot start",
                {{"node", config.name}, {"why", nemcon::node::explain(node.error())}});
    return exit_cannot_start;
  }
  std::string listen;
  for (const std::string& endpoint : (*node)->endpoints()) {
    listen += (listen.empty() ? "" : ",") + endpoint;
  }
  trace.info("ready", {{"node", config.name}, {"listen", listen}});
  std::printf("ready node=%s listen=%s\n", config.name.c_str(), listen.c_str());
  std::fflush(stdout);
  const int signal = stop_signal(signals, [&] { reload(**node, arguments, config, trace); });
  trace.info("stopping", {{"signal", signal == SIGTERM ? "SIGTERM" : "SIGINT"}});
  // From here on a second signal ends the process by its default action.
  pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
  (*node)->stop();
  (*node)->wait();
  trace.info("stopped", {{"node", config.name}});
  return exit_done;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Nemcon node: durable queues and transactions over a mesh without a broker.",
               "nemcond");
  Arguments arguments;
  declare(app, arguments);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? exit_done : exit_wrong_usage;
  }
  if (arguments.list_fail_points) {
    for (const std::string& name : FailPoints::names())
      std::printf("%s\n", name.c_str());
    return exit_done;
  }
  CheckedConfig checked = load(arguments);
  checked.config.data_moved = arguments.data_moved;
  for (const std::string& error : checked.errors)
    std::fprintf(stderr, "%s\n", error.c_str());
  if (!checked.errors.empty()) {
    if (!arguments.check && !checked.member_errors.empty()) {
      Node::note_refused_start(checked.config, joined(checked.member_errors));
    }
    return exit_wrong_usage;
  }
  if (!arguments.check) return run(arguments, checked.config, checked.warnings);
  for (const std::string& warning : checked.warnings) {
    std::fprintf(stderr, "warning: %s\n", warning.c_str());
  }
  if (!checked.config.secret_key_file.empty()) {
    nemcon::node::keep_memory_private();
    const auto keys = nemcon::node::load_keys(checked.config);
    if (!keys) {
      std::fprintf(stderr, "%s\n", keys.error().detail.c_str());
      return exit_wrong_usage;
    }
  }
  if (const std::string why = why_not_these_members(checked.config); !why.empty()) {
    std::fprintf(stderr, "%s\n", why.c_str());
    return exit_wrong_usage;
  }
  std::fputs(nemcon::node::to_text(checked.config).c_str(), stdout);
  return exit_done;
}
