#include "tests/scenarios/stage.hpp"

#include <algorithm>
#include <sstream>
#include <stdexcept>

#include "tests/sim/describe.hpp"

namespace nemcon::scenarios {

namespace {

using core::tests::Caller;
using core::tests::Match;
using core::tests::Mesh;
using std::chrono::milliseconds;

// Words and "quoted texts" of a line.
std::vector<std::string> words_of(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> words;
  for (std::string word; stream >> word;) {
    if (word.front() == '"') {
      while (word.size() < 2 || word.back() != '"') {
        std::string more;
        if (!(stream >> more)) throw std::invalid_argument("a text does not end");
        word += ' ' + more;
      }
      word = word.substr(1, word.size() - 2);
    }
    words.push_back(word);
  }
  return words;
}

// "key=value" among the words.
std::optional<std::string> option(const std::vector<std::string>& words, const std::string& key) {
  for (const std::string& word : words) {
    if (word.rfind(key + '=', 0) == 0) return word.substr(key.size() + 1);
  }
  return std::nullopt;
}

// What a person in the story could not follow, and nothing depends on.
bool is_told(const core::Record& record) {
  const std::string kind = core::kind_of(record);
  return kind != "peer-seen" && kind != "queue-defined" && kind != "started";
}

}  // namespace

std::vector<std::string> Stage::play(const std::string& command) {
  static const std::map<std::string, Handler> handlers = {
      {"mesh", &Stage::make_mesh},
      {"client", &Stage::add_client},
      {"visitor", &Stage::add_client},
      {"move", &Stage::move_client},
      {"anew", &Stage::move_client},
      {"leave", &Stage::move_client},
      {"submit", &Stage::submit},
      {"resubmit", &Stage::submit},
      {"ask", &Stage::ask},
      {"acknowledge", &Stage::acknowledge},
      {"subscribe", &Stage::subscribe},
      {"settle", &Stage::settle},
      {"serve", &Stage::serve},
      {"vote", &Stage::vote},
      {"done", &Stage::vote},
      {"report", &Stage::report},
      {"run", &Stage::let_run},
      {"pass", &Stage::let_run},
      {"hold", &Stage::steer},
      {"release", &Stage::steer},
      {"deliver", &Stage::steer},
      {"drop", &Stage::steer},
      {"double", &Stage::steer},
      {"crash", &Stage::disturb},
      {"recover", &Stage::disturb},
      {"cut", &Stage::disturb},
      {"heal", &Stage::disturb},
      {"skew", &Stage::disturb},
      {"backup", &Stage::copy_disk},
      {"restore", &Stage::copy_disk},
      {"show", &Stage::show},
      {"rows", &Stage::show},
  };
  lines_.clear();
  try {
    const Words words = words_of(command);
    const auto handler = handlers.find(words.at(0));
    if (handler == handlers.end()) throw std::invalid_argument("no command " + words.at(0));
    if (mesh_ == nullptr && words.at(0) != "mesh") throw std::invalid_argument("no mesh yet");
    (this->*handler->second)(words);
  } catch (const std::exception& error) {
    lines_.push_back(std::string{"error: "} + error.what());
  }
  return std::move(lines_);
}

// ---- what is told -------------------------------------------------------------------------------

void Stage::line(const std::string& who, const std::string& what) {
  lines_.push_back(who + std::string(who.size() < 9 ? 9 - who.size() : 1, ' ') + what);
}

void Stage::watch(std::size_t node) {
  (*mesh_)[node].on_effects = [this, node](const core::Effects& effects) { tell(node, effects); };
}

void Stage::tell(std::size_t node, const core::Effects& effects) {
  const std::string name = core::tests::name_of(node);
  for (const core::Note& note : effects.notes)
    line(name, "~ " + sim::describe(note, names_));
  for (const core::Write& write : effects.writes) {
    if (is_told(write.record)) line(name, "write " + sim::describe(write.record, names_));
  }
  for (const core::Send& send : effects.sends) {
    if (std::holds_alternative<core::Hello>(send.message)) continue;
    line(name + " -> " + core::tests::name_of(send.to.value() - 1),
         sim::describe(send.message, names_));
  }
  for (const core::ClientReply& reply : effects.replies) {
    for (const auto& [client, caller] : clients_) {
      if (caller->link() != reply.link) continue;
      line(name + " => " + client, sim::describe(reply.reply, names_));
    }
  }
  if (effects.fenced) line(name, "FENCED: " + effects.fenced->why);
}

// ---- nodes and clients --------------------------------------------------------------------------

std::size_t Stage::node_of(const std::string& name) const {
  const auto node = static_cast<std::size_t>(name.at(0) - 'a');
  if (name.size() != 1 || node >= mesh_->node_count()) {
    throw std::invalid_argument("no node " + name);
  }
  return node;
}

Caller& Stage::client_of(const std::string& name) {
  const auto found = clients_.find(name);
  if (found == clients_.end()) throw std::invalid_argument("no client " + name);
  return *found->second;
}

void Stage::make_mesh(const Words& words) {
  core::tests::Layout layout;
  layout.node_count = std::stoul(words.at(1));
  if (const auto count = option(words, "witnesses")) {
    layout.witnesses = static_cast<std::uint32_t>(std::stoul(*count));
  }
  if (const auto name = option(words, "coordinator")) layout.coordinator = *name;
  if (const auto count = option(words, "max_messages")) {
    for (core::QueueOptions& queue : layout.queues)
      queue.max_messages = std::stoull(*count);
  }
  if (const auto count = option(words, "max_deliveries")) {
    for (core::QueueOptions& queue : layout.queues) {
      queue.max_deliveries = static_cast<std::uint32_t>(std::stoul(*count));
    }
  }
  mesh_ = std::make_unique<Mesh>(layout);
  for (std::size_t node = 0; node < layout.node_count; ++node) {
    names_.call(core::tests::node_id(node), core::tests::name_of(node));
    watch(node);
  }
}

void Stage::add_client(const Words& words) {
  const std::string& name = words.at(1);
  std::string own_name = words.size() > 5 ? words.at(5) : name;
  if (words.at(0) == "visitor") own_name.clear();
  names_.call(core::tests::client_named(own_name), own_name);
  auto caller = std::make_unique<Caller>((*mesh_)[node_of(words.at(3))], own_name);
  if (own_name.empty()) names_.call(caller->client(), name);
  clients_[name] = std::move(caller);
}

void Stage::move_client(const Words& words) {
  Caller& caller = client_of(words.at(1));
  if (words.at(0) == "move") caller.move_to((*mesh_)[node_of(words.at(3))]);
  if (words.at(0) == "anew") caller.open_anew();
  if (words.at(0) == "leave") caller.leave();
}

// ---- requests -----------------------------------------------------------------------------------

std::vector<core::Part> Stage::parts_of(const Words& words, std::size_t first,
                                        const Caller& caller) const {
  std::vector<core::Part> parts;
  for (std::size_t at = first; at < words.size(); at += 2) {
    const std::string& kind = words.at(at);
    if (kind == "after") {
      parts.at(parts.size() - 1).previous = core::Sequence{std::stoull(words.at(at + 1))};
      continue;
    }
    core::Part part;
    part.target = words.at(at + 1);
    if (kind == "consume") {
      part.kind = core::OperationKind::consume;
      part.token = caller.last<core::Delivered>().value().token;
    } else if (kind == "check") {
      part.kind = core::OperationKind::check;
      part.limit = std::stoull(words.at(at + 2));
      ++at;
    } else if (kind == "send" || kind == "call") {
      if (kind == "call") part.kind = core::OperationKind::call;
      part.content = core::tests::content(words.at(at + 2));
      ++at;
    } else {
      throw std::invalid_argument("no part " + kind);
    }
    parts.push_back(std::move(part));
  }
  return parts;
}

void Stage::submit(const Words& words) {
  Caller& caller = client_of(words.at(1));
  const std::string& name = words.at(2);
  if (words.at(0) == "resubmit") {
    caller.resubmit(transactions_.at(name), parts_of(words, 3, caller));
    return;
  }
  const core::TransactionId id = caller.next_id();
  transactions_[name] = id;
  names_.call(id, name);
  caller.submit(caller.draft(id, parts_of(words, 3, caller)));
}

void Stage::ask(const Words& words) {
  client_of(words.at(1)).ask(transactions_.at(words.at(2)));
}

void Stage::acknowledge(const Words& words) {
  client_of(words.at(1)).acknowledge(std::stoull(words.at(2)));
}

void Stage::subscribe(const Words& words) {
  client_of(words.at(1))
      .subscribe(words.at(2), static_cast<std::uint32_t>(std::stoul(words.at(3))));
}

void Stage::settle(const Words& words) {
  static const std::map<std::string, core::Settlement> ways = {
      {"ack", core::Settlement::ack},
      {"nack", core::Settlement::nack},
      {"reject", core::Settlement::reject}};
  Caller& caller = client_of(words.at(1));
  caller.settle(ways.at(words.at(2)), {caller.last<core::Delivered>().value().token});
}

void Stage::serve(const Words& words) {
  client_of(words.at(1)).serve(words.at(2));
}

void Stage::vote(const Words& words) {
  Caller& caller = client_of(words.at(1));
  if (words.at(0) == "done") {
    caller.done(caller.last<core::ServiceDecision>().value().call);
  } else if (words.at(2) == "yes") {
    caller.vote_yes(words.at(3));
  } else {
    caller.vote_no(words.at(3));
  }
}

void Stage::report(const Words& words) {
  Caller& caller = client_of(words.at(1));
  core::Serve serve{.request = 900, .service = words.at(2), .in_doubt = {}, .looked = 0};
  for (const auto& [name, other] : clients_) {
    if (const auto asked = other->last<core::ServicePrepare>()) serve.in_doubt = {asked->call};
  }
  if (const auto serving = caller.last<core::Serving>()) serve.looked = serving->look_again;
  caller.request(serve);
}

// ---- network, time, faults ----------------------------------------------------------------------

void Stage::let_run(const Words& words) {
  if (words.at(0) == "run") {
    mesh_->run();
  } else {
    mesh_->run_for(milliseconds{std::stol(words.at(1))});
  }
}

Match Stage::match_of(const Words& words) const {
  Match match;
  match.kind = words.at(1);
  if (words.size() > 3) {
    match.from = node_of(words.at(2));
    match.to = node_of(words.at(3));
  }
  return match;
}

void Stage::steer(const Words& words) {
  const std::string& what = words.at(0);
  if (what == "release") {
    mesh_->release();
    return;
  }
  const Match match = match_of(words);
  if (what == "hold") mesh_->hold(match);
  if (what == "deliver" && !mesh_->try_deliver(match)) throw std::invalid_argument("none there");
  if (what == "drop" && mesh_->drop(match) == 0) throw std::invalid_argument("none there");
  if (what == "double") mesh_->duplicate(match);
}

void Stage::disturb(const Words& words) {
  const std::string& what = words.at(0);
  const std::size_t node = node_of(words.at(1));
  if (what == "crash") mesh_->crash(node);
  if (what == "recover") mesh_->recover(node);
  if (what == "cut") mesh_->cut(node, node_of(words.at(2)));
  if (what == "heal") mesh_->heal(node, node_of(words.at(2)));
  if (what == "skew") (*mesh_)[node].skew_ms = std::stol(words.at(2));
}

void Stage::copy_disk(const Words& words) {
  const std::size_t node = node_of(words.at(1));
  if (words.at(0) == "backup") {
    backups_.insert_or_assign(node, (*mesh_)[node].disk());
    return;
  }
  mesh_->crash(node);
  (*mesh_)[node].disk() = backups_.at(node);
  mesh_->recover(node);
}

void Stage::show(const Words& words) {
  core::tests::Node& node = (*mesh_)[node_of(words.at(1))];
  if (words.at(0) == "show") {
    std::string text = words.at(2) + ':';
    for (const std::string& body : node.bodies(words.at(2)))
      text += " \"" + body + '"';
    line(words.at(1), text);
    return;
  }
  for (const auto& [name, id] : transactions_) {
    std::string text = name + ": ";
    const std::optional<core::Transaction> row = node.transaction(id);
    const std::optional<core::Remembered> remembered = node.remembered(id);
    if (row) {
      text += row->outcome ? "a row, " + sim::describe(*row->outcome, names_) : "a row, undecided";
    } else if (remembered) {
      text += "remembered, " + sim::describe(remembered->outcome, names_);
    } else {
      text += "nothing";
    }
    line(words.at(1), text);
  }
}

}  // namespace nemcon::scenarios
