#include "client/cli/arguments.hpp"

#include <cstdlib>
#include <iostream>
#include <memory>

#include <CLI/CLI.hpp>

namespace nemcon::cli {

namespace {

// Where CLI11 puts what it reads. Lives as long as the chosen command.
struct Read {
  Globals globals;
  std::string timeout = "10s";
  SendArguments send;
  ReceiveArguments receive;
  TransactArguments transact;
  MeshInitArguments mesh_init;
  KeygenArguments keygen;
  MembershipArguments membership;
  AuditArguments audit;
  std::string data;
  std::vector<std::string> send_headers;
  std::vector<std::string> sends;
  std::vector<std::string> calls;
  std::vector<std::string> checks;
  std::string id;
  std::string shell;
  bool in_doubt_only = false;
  std::function<Exit(const Globals&)> command;
};

// "name=value" at the first "=".
Pairs split_pairs(const std::vector<std::string>& texts, const std::string& option,
                  const std::string& form) {
  Pairs pairs;
  for (const std::string& text : texts) {
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0) {
      throw Misuse(option + " " + text + ": write " + form);
    }
    pairs.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  }
  return pairs;
}

// "500ms", "10s", "2min"; a bare number is of seconds.
std::chrono::milliseconds parse_duration(const std::string& text) {
  const Misuse misuse{"--timeout " + text + ": write a positive time such as 500ms, 10s or 2min"};
  std::size_t end = 0;
  double number = 0;
  try {
    number = std::stod(text, &end);
  } catch (const std::logic_error&) {
    throw misuse;
  }
  const std::string unit = text.substr(end);
  double factor = 0;
  if (unit.empty() || unit == "s") factor = 1'000;
  if (unit == "ms") factor = 1;
  if (unit == "min") factor = 60'000;
  const double ms = number * factor;
  if (!(ms >= 1 && ms <= 86'400'000)) throw misuse;
  return std::chrono::milliseconds{static_cast<std::int64_t>(ms)};
}

// Addresses of NEMCON_NODE are separated by commas or blanks.
std::vector<std::string> nodes_of_environment() {
  const char* value = std::getenv("NEMCON_NODE");
  std::vector<std::string> nodes;
  std::string word;
  for (const char* at = value; at != nullptr && *at != '\0'; ++at) {
    const bool is_separator = *at == ',' || *at == ' ';
    if (!is_separator) word += *at;
    if ((is_separator || at[1] == '\0') && !word.empty()) nodes.push_back(std::exchange(word, {}));
  }
  return nodes;
}

void add_send(CLI::App& app, Read& read) {
  CLI::App* command = app.add_subcommand("send", "Put a message into a queue");
  command->add_option("QUEUE", read.send.queue, "queue@node, or queue where that is unique")
      ->required();
  CLI::Option* body = command->add_option("BODY", read.send.body, "The message");
  command->add_option("--file", read.send.file, "Take the body from this file; - is standard input")
      ->type_name("FILE");
  command->add_flag("--lines", read.send.lines, "One message per line of standard input");
  command->add_option("--header", read.send_headers, "A header; repeat it for more")
      ->type_name("NAME=VALUE")
      ->allow_extra_args(false);
  command->footer(
      "Examples:\n"
      "  nemcon send orders@shop 'order 17'\n"
      "  nemcon send orders@shop --file order.json --header content-type=application/json\n"
      "  seq 1000 | nemcon send orders@shop --lines");
  command->callback([&read, body] {
    read.send.has_body = body->count() > 0;
    read.send.headers = split_pairs(read.send_headers, "--header", "NAME=VALUE");
    read.command = [&read](const Globals& globals) { return run_send(globals, read.send); };
  });
}

void add_receive(CLI::App& app, Read& read) {
  CLI::App* command = app.add_subcommand(
      "receive", "Take messages out of a queue: each is acked once it was printed");
  command->add_option("QUEUE", read.receive.queue, "A queue of the node that --node names")
      ->required();
  CLI::Option* count = command->add_option("--count", read.receive.count,
                                           "How many; exit 1 if fewer come within --timeout each");
  count->type_name("N")->capture_default_str();
  command->add_flag("--follow", read.receive.follow, "Go on until interrupted")->excludes(count);
  command->add_flag("--headers", read.receive.headers, "Print the headers before each body");
  command->footer(
      "Examples:\n"
      "  nemcon receive orders --timeout 2s\n"
      "  nemcon --node tcp://127.0.0.1:7412 receive stock --follow --json");
  command->callback([&read] {
    if (read.receive.count == 0) throw Misuse("--count 0: write how many, at least 1");
    read.command = [&read](const Globals& globals) { return run_receive(globals, read.receive); };
  });
}

void add_transact(CLI::App& app, Read& read) {
  CLI::App* command = app.add_subcommand(
      "transact", "One transaction: everything in it takes effect, or nothing does");
  const auto add = [&](const char* name, std::vector<std::string>& texts, const char* type,
                       const char* what) {
    command->add_option(name, texts, what)->type_name(type)->allow_extra_args(false);
  };
  add("--send", read.sends, "QUEUE@NODE=BODY", "Put a message into a queue; repeat it for more");
  add("--call", read.calls, "SERVICE@NODE=BODY", "Let a service vote; repeat it for more");
  add("--check", read.checks, "QUEUE@NODE=N", "Object when the queue holds more than N messages");
  command->footer(
      "Examples:\n"
      "  nemcon transact --send orders@shop='order 17' --call reserve@warehouse='2 pens' \\\n"
      "                  --send invoices@billing='invoice 17'");
  command->callback([&read] {
    read.transact.sends = split_pairs(read.sends, "--send", "QUEUE@NODE=BODY");
    read.transact.calls = split_pairs(read.calls, "--call", "SERVICE@NODE=BODY");
    read.transact.checks = split_pairs(read.checks, "--check", "QUEUE@NODE=N");
    read.command = [&read](const Globals& globals) { return run_transact(globals, read.transact); };
  });
}

void add_looking(CLI::App& app, Read& read) {
  CLI::App* outcome = app.add_subcommand(
      "outcome", "What became of a transaction: exit 0 committed, 1 rolled back, 3 unknown");
  outcome->add_option("ID", read.id, "The transaction id")->required();
  outcome->callback([&read] {
    read.command = [&read](const Globals& globals) { return run_outcome(globals, read.id); };
  });
  app.add_subcommand("status", "Nodes, queues and transactions, as the node sees them")
      ->callback([&read] { read.command = run_status; });
  app.add_subcommand("queues", "The queues and what is in them")->callback([&read] {
    read.command = run_queues;
  });
  CLI::App* transactions =
      app.add_subcommand("transactions", "What is under way at the node, and who is waited for");
  transactions->add_flag("--in-doubt", read.in_doubt_only,
                         "Only those that wait for longer than expected");
  transactions->callback([&read] {
    read.command = [&read](const Globals& globals) {
      return run_transactions(globals, read.in_doubt_only);
    };
  });
  CLI::App* transaction = app.add_subcommand("transaction", "One transaction, vote by vote");
  transaction->add_option("ID", read.id, "The transaction id")->required();
  transaction->callback([&read] {
    read.command = [&read](const Globals& globals) { return run_transaction(globals, read.id); };
  });
}

void add_mesh(CLI::App& app, Read& read) {
  CLI::App* mesh = app.add_subcommand("mesh", "Set up a mesh");
  mesh->require_subcommand(1);
  MeshInitArguments& arguments = read.mesh_init;
  CLI::App* init = mesh->add_subcommand(
      "init", "Write one ready configuration per node, each with the others as peers");
  init->add_option("NAMES", arguments.names, "The names of the nodes")->required();
  init->add_option("--directory", arguments.directory, "Where to write NAME.toml")
      ->required()
      ->type_name("DIR");
  init->add_option("--base-port", arguments.base_port,
                   "The first node's port; the others take the next ones")
      ->check(CLI::Range(1, 65'535))
      ->capture_default_str();
  init->add_option("--host", arguments.host, "The address that all nodes listen at")
      ->type_name("IPV4")
      ->capture_default_str();
  init->add_option("--queue", arguments.queues,
                   "A queue to define; repeat it for more. A node without any gets an \"inbox\"")
      ->type_name("QUEUE@NODE")
      ->allow_extra_args(false);
  CLI::Option* no_keys =
      init->add_flag("--no-keys", arguments.no_keys, "Write no keys: only for loopback");
  init->add_flag("--insecure", arguments.insecure,
                 "Write no keys, and insecure = true: plain text off loopback")
      ->excludes(no_keys);
  init->footer(
      "Writes NAME.toml and NAME.key for each node, and operator.toml and operator.key for who\n"
      "runs the mesh: nemcon --config DIR/operator.toml status\n\n"
      "Examples:\n"
      "  nemcon mesh init shop warehouse billing --directory deployment\n"
      "  nemcon mesh init shop billing --directory d --queue orders@shop --queue invoices@billing");
  init->callback([&read] {
    read.command = [&read](const Globals& globals) {
      return run_mesh_init(globals, read.mesh_init);
    };
  });
}

void add_keys(CLI::App& app, Read& read) {
  CLI::App* keygen = app.add_subcommand("keygen", "Make a secret key, and print its public key");
  keygen->add_option("FILE", read.keygen.file, "Where to write it; never overwritten")->required();
  keygen->add_flag("--show", read.keygen.show, "Only print the public key of the key in FILE");
  keygen->footer("Example:\n  nemcon keygen shop.key");
  keygen->callback([&read] {
    read.command = [&read](const Globals& globals) { return run_keygen(globals, read.keygen); };
  });
  CLI::App* audit = app.add_subcommand(
      "audit", "What is in the audit record of a node, and whether it was touched: exit 1 if so");
  audit->add_option("FILE", read.audit.files, "audit.log of a data directory; older ones first")
      ->required();
  audit->add_flag("--verify", read.audit.verify, "Only say whether it was touched");
  audit->add_option("--expect", read.audit.expect, "A head that was kept elsewhere: it must fit")
      ->type_name("NUMBER:HASH");
  audit->footer(
      "Examples:\n"
      "  nemcon audit /var/lib/nemcon/shop/audit.log\n"
      "  nemcon audit --verify data/audit.log.1 data/audit.log");
  audit->callback([&read] {
    read.command = [&read](const Globals& globals) { return run_audit(globals, read.audit); };
  });
  CLI::App* reload = app.add_subcommand(
      "reload",
      "Let the node on this machine read its configuration again: keys, members, clients");
  reload->add_option("DATA", read.data, "The data directory of the node")->required();
  reload->footer("Example:\n  nemcon reload /var/lib/nemcon/shop");
  reload->callback([&read] {
    read.command = [&read](const Globals& globals) { return run_reload(globals, read.data); };
  });
}

void add_membership(CLI::App& app, Read& read) {
  CLI::App* membership =
      app.add_subcommand("membership", "Which nodes a mesh has, by a file that its operator signs");
  membership->require_subcommand(1);
  MembershipArguments& arguments = read.membership;
  CLI::App* keygen =
      membership->add_subcommand("keygen", "Make the operator's key, and print its public key");
  keygen->add_option("FILE", arguments.file, "Where to write it; never overwritten")->required();
  keygen->footer("Example:\n  nemcon membership keygen operator-of-mesh.key");
  keygen->callback([&read] {
    read.command = [&read](const Globals& globals) {
      return run_membership_keygen(globals, read.membership.file);
    };
  });
  CLI::App* sign = membership->add_subcommand(
      "sign", "Sign a membership file as it is; a changed one gets the next serial");
  sign->add_option("FILE", arguments.file, "The file; its first line is `serial = N`")->required();
  sign->add_option("--key", arguments.key_file, "The operator's key")
      ->required()
      ->type_name("FILE");
  sign->footer("Example:\n  nemcon membership sign members.toml --key operator-of-mesh.key");
  sign->callback([&read] {
    read.command = [&read](const Globals& globals) {
      return run_membership_sign(globals, read.membership);
    };
  });
  CLI::App* verify = membership->add_subcommand(
      "verify", "Whether a membership file is as the operator signed it: exit 1 if not");
  verify->add_option("FILE", arguments.file, "The file")->required();
  verify->add_option("--operator-key", arguments.operator_key, "The operator's public key")
      ->required()
      ->type_name("KEY");
  verify->callback([&read] {
    read.command = [&read](const Globals& globals) {
      return run_membership_verify(globals, read.membership);
    };
  });
}

void add_completion(CLI::App& app, Read& read) {
  CLI::App* command = app.add_subcommand("completion", "Print a completion script for a shell");
  command->add_option("SHELL", read.shell, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  command->footer("Example:\n  source <(nemcon completion bash)");
  command->callback(
      [&read] { read.command = [&read](const Globals&) { return run_completion(read.shell); }; });
}

void add_globals(CLI::App& app, Read& read) {
  app.add_option("--node", read.globals.nodes,
                 "Address of a node, or its name in the client file; repeat it for others to fall "
                 "back to. Default: NEMCON_NODE, else all of the client file, else "
                 "tcp://127.0.0.1:7411")
      ->type_name("ENDPOINT")
      ->allow_extra_args(false);
  CLI::Option* config =
      app.add_option(
             "--config", read.globals.config_file,
             "The client file: nodes, their keys, and the key to use. Default: NEMCON_CONFIG")
          ->type_name("FILE");
  app.add_option("--key", read.globals.key_file,
                 "The secret key to use, for nodes that have keys; with --node-key")
      ->type_name("FILE")
      ->excludes(config);
  app.add_option("--node-key", read.globals.node_keys,
                 "The public key of a node: one for each --node, in the same order")
      ->type_name("KEY")
      ->allow_extra_args(false)
      ->excludes(config);
  app.add_flag("--insecure", read.globals.insecure,
               "Without keys: speak plain text to addresses that are not on this machine");
  app.add_flag("--json", read.globals.json, "Output for programs: one object, or one per line");
  app.add_option("--timeout", read.timeout, "How long to wait, e.g. 500ms, 10s, 2min")
      ->type_name("TIME")
      ->capture_default_str();
  app.set_version_flag("--version", "nemcon " NEMCON_VERSION);
}

}  // namespace

Parsed parse_arguments(int count, char** words) {
  auto read = std::make_shared<Read>();
  CLI::App app{"nemcon: talks to any node of a Nemcon mesh", "nemcon"};
  app.require_subcommand(0, 1);
  app.fallthrough();
  app.get_formatter()->column_width(34);
  add_globals(app, *read);
  add_send(app, *read);
  add_receive(app, *read);
  add_transact(app, *read);
  add_looking(app, *read);
  add_mesh(app, *read);
  add_keys(app, *read);
  add_membership(app, *read);
  add_completion(app, *read);
  // After the commands, which would inherit it.
  app.footer(
      "Examples:\n"
      "  nemcon send orders@shop 'order 17'\n"
      "  nemcon --json status\n\n"
      "Exit codes: 0 done, 1 refused or rolled back, 2 wrong usage, 3 outcome unknown or no node\n"
      "reachable. `nemcon COMMAND --help` explains a command.");
  for (CLI::App* command : app.get_subcommands({}))
    command->fallthrough();
  try {
    app.parse(count, words);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() != 0) throw Misuse(error.what());
    (void)app.exit(error, std::cout, std::cerr);  // Help or version.
    return {};
  }
  if (!read->command) {
    std::string names;
    for (const CLI::App* command : app.get_subcommands({})) {
      names += (names.empty() ? "" : ", ") + command->get_name();
    }
    throw Misuse("give a command: " + names);
  }
  if (read->globals.nodes.empty()) read->globals.nodes = nodes_of_environment();
  const char* const file = std::getenv("NEMCON_CONFIG");
  if (read->globals.config_file.empty() && file != nullptr) read->globals.config_file = file;
  read->globals.timeout = parse_duration(read->timeout);
  return {.globals = read->globals,
          .command = [read](const Globals& globals) { return read->command(globals); }};
}

}  // namespace nemcon::cli
