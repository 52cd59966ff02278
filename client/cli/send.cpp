// nemcon send, nemcon transact, nemcon outcome.
#include <charconv>
#include <iostream>
#include <iterator>

#include "client/cli/commands.hpp"
#include "client/cli/json.hpp"
#include "client/cli/whole_file.hpp"

namespace nemcon::cli {

namespace {

Headers headers_of(const Pairs& pairs) {
  Headers headers;
  for (const auto& [name, value] : pairs)
    headers.insert_or_assign(name, value);
  return headers;
}

std::string read_all(const std::string& file) {
  if (file == "-") {
    return {std::istreambuf_iterator<char>(std::cin), std::istreambuf_iterator<char>()};
  }
  core::Result<std::string> text = read_whole_file(file);
  if (text) return std::move(text).value();
  throw Refusal(text.error().detail);
}

void print(const Globals& globals, const Outcome& outcome) {
  if (globals.json) {
    std::cout << outcome_json(outcome) << "\n";
    return;
  }
  std::cout << outcome.summary() << "\n";
  if (!outcome.id.is_none()) std::cout << "id: " << outcome.id.text() << "\n";
  for (std::size_t i = 0; i < outcome.replies.size(); ++i) {
    std::cout << "reply " << i + 1 << ": " << outcome.replies[i].body << "\n";
  }
}

// What became of the lines so far; written by callbacks, one at a time.
struct Tally {
  std::uint64_t committed = 0;
  std::uint64_t rolled_back = 0;
  std::uint64_t unknown = 0;
};

void count(const Globals& globals, Tally& tally, std::uint64_t line, const Outcome& outcome) {
  if (outcome.state == State::committed) ++tally.committed;
  if (outcome.state == State::rolled_back) ++tally.rolled_back;
  if (outcome.state == State::unknown) ++tally.unknown;
  if (globals.json) {
    std::cout << Json{}.number("line", line).raw("outcome", outcome_json(outcome)).str() << "\n";
  } else if (!outcome.committed()) {
    std::cerr << "nemcon: line " << line << ": " << outcome.summary() << "\n";
  }
}

Exit send_lines(const Globals& globals, const SendArguments& arguments) {
  Client client = connect(globals);
  const Headers headers = headers_of(arguments.headers);
  Tally tally;
  std::string line;
  std::uint64_t number = 0;
  while (std::getline(std::cin, line)) {
    ++number;
    const auto tell = [&, number](const Outcome& outcome) {
      count(globals, tally, number, outcome);
    };
    client.send_async(arguments.queue, {line, headers}, tell, {.deadline = globals.timeout});
  }
  // Every one of them ends by its own deadline.
  while (!client.drain(globals.timeout)) {
  }
  if (!globals.json) {
    std::cout << "sent " << tally.committed << " of " << number << " lines\n";
  }
  if (tally.unknown > 0) return Exit::unknown;
  return tally.rolled_back > 0 ? Exit::refused : Exit::done;
}

std::uint64_t parse_limit(const std::string& address, const std::string& text) {
  std::uint64_t limit = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), limit);
  if (error != std::errc{} || stop != text.data() + text.size()) {
    throw Misuse("--check " + address + "=" + text +
                 ": write a number of messages after the \"=\"");
  }
  return limit;
}

}  // namespace

Exit run_send(const Globals& globals, const SendArguments& arguments) {
  const int sources =
      (arguments.has_body ? 1 : 0) + (arguments.file.empty() ? 0 : 1) + (arguments.lines ? 1 : 0);
  if (sources != 1) {
    throw Misuse(
        "send: give the message as BODY, or with --file FILE, or --lines for one message "
        "per line of standard input");
  }
  if (arguments.lines) return send_lines(globals, arguments);
  std::string body = arguments.has_body ? arguments.body : read_all(arguments.file);
  Client client = connect(globals);
  const Outcome outcome =
      client.begin({.deadline = globals.timeout})
          .send(arguments.queue, {std::move(body), headers_of(arguments.headers)})
          .commit();
  print(globals, outcome);
  return exit_of(outcome);
}

Exit run_transact(const Globals& globals, const TransactArguments& arguments) {
  if (arguments.sends.empty() && arguments.calls.empty() && arguments.checks.empty()) {
    throw Misuse("transact: give at least one --send, --call or --check");
  }
  Client client = connect(globals);
  Transaction transaction = client.begin({.deadline = globals.timeout});
  for (const auto& [address, body] : arguments.sends)
    transaction.send(address, body);
  for (const auto& [address, body] : arguments.calls)
    transaction.call(address, body);
  for (const auto& [address, limit] : arguments.checks) {
    transaction.check(address, parse_limit(address, limit));
  }
  const Outcome outcome = transaction.commit();
  print(globals, outcome);
  return exit_of(outcome);
}

Exit run_outcome(const Globals& globals, const std::string& text) {
  const TransactionId id = parse_id(text);
  Client client = connect(globals);
  const Outcome outcome = client.outcome(id);
  print(globals, outcome);
  return exit_of(outcome);
}

}  // namespace nemcon::cli
