// demo-charge: the service `charge` at billing. It puts what an order costs on the customer's
// account, and keeps that in SQLite.
#include <optional>
#include <string>

#include <CLI/CLI.hpp>
#include <nemcon/service.hpp>

#include "deploy/demo/accounts.hpp"
#include "deploy/demo/northwind.hpp"
#include "deploy/demo/program.hpp"
#include "deploy/demo/service_program.hpp"

namespace nemcon::demo {
namespace {

struct Arguments {
  std::string node = "tcp://127.0.0.1:7413";
  std::string database = "accounts.sqlite";
  std::size_t threads = 32;
};

Vote prepare(Accounts& accounts, const Branch& branch) {
  const std::optional<Order> order = parse_order(branch.request.body);
  if (!order) return Vote::no("this is no order");
  accounts.reserve({branch.id.text(), branch.id.transaction().text()}, *order);
  return Vote::yes();
}

std::vector<CallId> in_doubt(Accounts& accounts) {
  std::vector<CallId> calls;
  for (const std::string& text : accounts.reserved_calls()) {
    if (const auto call = CallId::parse(text)) calls.push_back(*call);
  }
  return calls;
}

void run(const Arguments& arguments) {
  block_stop_signals();
  Accounts accounts{arguments.database};
  serve_until_stopped({
      .node = arguments.node,
      .name = "charge",
      .service = {.prepare = [&](const Branch& branch) { return prepare(accounts, branch); },
                  .commit = [&](const Branch& branch) { accounts.charge(branch.id.text()); },
                  .roll_back = [&](const Branch& branch) { accounts.release(branch.id.text()); },
                  .in_doubt = [&] { return in_doubt(accounts); }},
      .threads = arguments.threads,
  });
}

}  // namespace
}  // namespace nemcon::demo

int main(int argc, char** argv) {
  nemcon::demo::Arguments arguments;
  CLI::App app{"Keeps the accounts of the demo, as the service `charge`."};
  app.add_option("--node", arguments.node, "Address of the node")->capture_default_str();
  app.add_option("--database", arguments.database, "SQLite file")->capture_default_str();
  app.add_option("--threads", arguments.threads, "Calls at a time")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  return nemcon::demo::run_program("demo-charge", [&] { nemcon::demo::run(arguments); });
}
