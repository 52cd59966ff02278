// What several commands have in common.
#include <utility>

#include "client/cli/commands.hpp"
#include "client/cli/json.hpp"
#include "client/cli/words.hpp"

namespace nemcon::cli {

Client connect(const Globals& globals) {
  return Client({.nodes = globals.nodes, .deadline = globals.timeout});
}

Exit exit_of(const Outcome& outcome) {
  switch (outcome.state) {
    case State::committed:
      return Exit::done;
    case State::rolled_back:
      return Exit::refused;
    case State::unknown:
      return Exit::unknown;
  }
  return Exit::unknown;
}

std::string outcome_json(const Outcome& outcome) {
  Json json;
  json.text("state", to_name(outcome.state)).text("id", outcome.id.text());
  if (outcome.committed()) json.number("at_ms", outcome.at.value >> 16U);
  if (outcome.reason != Reason::none) json.text("reason", to_name(outcome.reason));
  json.text_if("text", outcome.text).text_if("by", outcome.by);
  if (!outcome.replies.empty()) {
    std::vector<std::string> replies;
    for (const Message& reply : outcome.replies)
      replies.push_back(Json{}.message(reply).str());
    json.list("replies", replies);
  }
  return json.str();
}

TransactionId parse_id(const std::string& text) {
  const std::optional<TransactionId> id = TransactionId::parse(text);
  if (!id) {
    throw Misuse("\"" + text +
                 "\" is no transaction id; they look like "
                 "00000000000000000000000000000001-00000000000000000000000000000002-7-1");
  }
  return *id;
}

}  // namespace nemcon::cli
