#include "tests/sim/world.hpp"

#include <charconv>
#include <limits>
#include <optional>
#include <string_view>

#include "tests/sim/archive.hpp"
#include "tests/sim/describe.hpp"

namespace nemcon::sim {
namespace {

constexpr std::uint32_t nothing = std::numeric_limits<std::uint32_t>::max();

const char* event_name(const core::Event& event) {
  constexpr const char* names[] = {"starts",   "frame",   "peer up", "peer down",  "request",
                                   "gone",     "durable", "read",    "checkpoint", "disk full",
                                   "deadline", "stop",    "known",   "permissions"};
  static_assert(std::variant_size_v<core::Event> == std::size(names));
  return names[event.index()];
}

// What a blame is about: the engine notes every one of them, and just before it what went wrong in
// which transaction. Nothing where it does not say.
std::optional<core::TransactionId> transaction_of_blame(const core::Effects& effects,
                                                        std::size_t number) {
  std::optional<core::TransactionId> before;
  for (const core::Note& note : effects.notes) {
    const bool is_blame = std::string_view{note.what} == "peer blamed";
    if (is_blame && number-- == 0) return before;
    before = is_blame ? std::nullopt : note.transaction;
  }
  return std::nullopt;
}

}  // namespace

core::Content make_content(std::uint32_t message, std::size_t filling_bytes) {
  std::string body = std::to_string(message) + '|';
  body.append(filling_bytes, static_cast<char>('a' + message % 26));
  core::Content content;
  content.body = core::Bytes{body};
  return content;
}

World::World(WorldSetup setup)
    : random(setup.seed),
      story(schedule, setup.story_line_count),
      watcher([this](std::size_t node, const std::string& what) { on_violation(node, what); }),
      network(schedule, random.fork(), setup.nodes.size(),
              {.arrived = [this](std::size_t to, std::size_t from,
                                 const Frame& frame) { on_arrived(to, from, frame); },
               .view_changed = [this](std::size_t at, std::size_t peer,
                                      bool up) { on_view_changed(at, peer, up); },
               .filter =
                   [this](std::size_t from, std::size_t to, const core::Message& message) {
                     return filter ? filter(from, to, message) : Fate::pass;
                   }}),
      links(schedule, random.fork(),
            {.request = [this](
                            std::size_t node,
                            core::Event event) { nodes_[node]->deliver_request(std::move(event)); },
             .is_alive = [this](std::size_t node) { return nodes_[node]->is_alive(); },
             .life = [this](std::size_t node) { return nodes_[node]->life(); },
             .trouble = [this](std::size_t node,
                               const std::string& what) { on_violation(node, what); }}),
      expected_node_count_(setup.nodes.size()) {
  watcher.on_outcome = [this](std::size_t node, const core::TransactionId& id, bool committed) {
    on_outcome(node, id, committed);
  };
  std::vector<std::string> columns;
  for (const core::Options& options : setup.nodes)
    columns.push_back(options.name);
  story.set_columns(columns);
  std::vector<core::Options> all = setup.nodes;
  for (core::Options& options : all) {
    const std::size_t index = nodes_.size();
    for (std::size_t peer = 0; peer < all.size(); ++peer) {
      if (peer != index) options.peers.push_back({peer_index(index, peer), all[peer].name});
    }
    add_node(options, setup.shuffles);
  }
  if (!setup.liar) return;
  std::vector<core::NodeId> ids;
  for (const auto& node : nodes_)
    ids.push_back(node->options().node);
  liar_at_ = *setup.liar;
  liar_.emplace(random.fork(), ids[liar_at_], nodes_[liar_at_]->name(), ids);
  watcher.tell_liar(liar_at_,
                    [this](const core::TransactionId& id) { return liar_->is_touched(id); });
  plan_lies();
}

void World::plan_lies() {
  const Time pause = std::chrono::milliseconds{random.between(2, 60)};
  schedule.at(schedule.now() + pause, Nature::timer, [this] {
    if (!liar_->lies()) return;
    plan_lies();
    const Node& node = *nodes_[liar_at_];
    const std::size_t target = random.below(nodes_.size());
    if (!node.is_running() || target == liar_at_) return;
    const core::FrameHeader header = node.engine().header_for(peer_index(liar_at_, target));
    Frame frame = liar_->invent(header);
    for (const core::Message& message : frame.messages) {
      if (!story.is_told()) break;
      story.tell(static_cast<int>(liar_at_), '>',
                 "=> " + nodes_[target]->name() + "  LIE " + describe(message, names));
    }
    send(liar_at_, target, frame);
  });
}

History World::history_without_liar() const {
  std::set<std::uint32_t> touched;
  for (const auto& [id, index] : transaction_indices_) {
    if (liar_->is_touched(id)) touched.insert(index);
  }
  return without(history, touched);
}

void World::leave_open_for_liar() {
  for (const auto& [id, index] : transaction_indices_) {
    if (liar_->is_touched(id) || liar_->may_hide(id))
      history.transactions[index].may_stay_open = true;
  }
}

void World::add_node(core::Options options, bool shuffles) {
  options.hashing = test_hashing();
  options.node = options.hashing.of_node(options.name, random.id());
  options.incarnation = core::Incarnation{random.id()};
  const std::size_t index = nodes_.size();
  names.call(options.node, options.name);
  watcher.add_node(index, {options.node, options.incarnation});
  for (const core::QueueOptions& queue : options.queues) {
    const std::string address = queue.name + '@' + options.name;
    const auto order = static_cast<QueueOrder>(queue.ordering);
    const std::uint32_t base = add_queue(address, order, nothing);
    add_queue(queue.name + ".dead@" + options.name, QueueOrder::none, base);
  }
  nodes_.push_back(std::make_unique<Node>(schedule, random.fork(), index, options,
                                          static_cast<NodeSurroundings&>(*this)));
  nodes_.back()->shuffles = shuffles;
  nodes_.back()->disk().shuffles = shuffles;
}

core::PeerIndex World::peer_index(std::size_t at, std::size_t peer) const {
  const std::size_t count = expected_node_count_;
  return core::PeerIndex{static_cast<std::uint32_t>((peer + count - at) % count)};
}

std::size_t World::node_of(std::size_t at, core::PeerIndex peer) const {
  return (at + peer.value()) % expected_node_count_;
}

std::size_t World::find_node(const std::string& name) const {
  for (std::size_t index = 0; index < nodes_.size(); ++index) {
    if (nodes_[index]->name() == name) return index;
  }
  return nodes_.size();
}

// ---- processes ------------------------------------------------------------------------------

void World::start(std::size_t node) {
  story.mix(1000 + node);
  story.tell(static_cast<int>(node), '^', "starts");
  network.node_started(node);
  nodes_[node]->start();
}

void World::crash(std::size_t node) {
  nodes_[node]->crash();
}

void World::start_clone(std::size_t node) {
  NEMCON_CHECK(clone_ == nullptr);
  clone_ = std::make_unique<Node>(schedule, random.fork(), node, nodes_[node]->options(),
                                  static_cast<NodeSurroundings&>(*this));
  clone_->disk().image = nodes_[node]->disk().image;
  clone_->start();
  for (std::size_t peer = 0; peer < nodes_.size(); ++peer) {
    if (peer != node) clone_->deliver(core::PeerUp{peer_index(node, peer)});
  }
}

void World::on_crashed(std::size_t node) {
  story.mix(2000 + node);
  story.tell(static_cast<int>(node), 'X', "crashes");
  network.node_stopped(node);
  links.node_stopped(node);
}

void World::tell_fault(int node, const std::string& what) {
  story.tell(node, '#', what);
}

// ---- what happens at nodes ------------------------------------------------------------------

void World::on_input(std::size_t node, const core::Event& event) {
  story.mix(node * 100 + event.index());
  if (liar_) {
    if (const auto* heard = std::get_if<core::ClientRequested>(&event)) {
      liar_->overhear(heard->request);
    }
  }
  if (!story.is_told()) return;
  const int column = static_cast<int>(node);
  if (const auto* request = std::get_if<core::ClientRequested>(&event)) {
    story.tell(column, '?', describe(request->request, names));
  } else if (std::holds_alternative<core::PeerUp>(event) ||
             std::holds_alternative<core::PeerDown>(event) ||
             std::holds_alternative<core::DiskFull>(event) ||
             std::holds_alternative<core::StopRequested>(event)) {
    story.tell(column, '*', event_name(event));
  }
}

void World::on_emitted(std::size_t node, const core::Effects& effects) {
  const int column = static_cast<int>(node);
  for (const core::Note& note : effects.notes) {
    ++notes_[note.what];
    if (story.is_told()) story.tell(column, '~', describe(note, names));
  }
  for (std::size_t index = 0; index < effects.faults.size(); ++index) {
    const core::PeerFault& fault = effects.faults[index];
    ++fault_count_;
    story.tell(column, '#',
               "blames " + nodes_[node_of(node, fault.peer)]->name() + ": " + fault.what);
    // An honest node that was lied to passes the lie on, in a transaction of the liar's.
    const bool is_passed_on =
        fault.what == "commit without our vote" && is_of_liar(transaction_of_blame(effects, index));
    const bool is_deserved = is_liar(node_of(node, fault.peer)) || is_liar(node) || is_passed_on;
    const bool is_torn = is_excused(node) || is_excused(node_of(node, fault.peer));
    if (!is_torn && !is_deserved) {
      on_violation(node, "blames an honest peer: " + fault.what);
    }
  }
  if (effects.fenced) {
    ++fence_count_;
    story.tell(column, '#', "is fenced: " + effects.fenced->why);
    if (!is_excused(node) && !is_liar(node)) {
      on_violation(node, "fences itself: " + effects.fenced->why);
    }
  }
  for (const core::ClientReply& reply : effects.replies) {
    if (const auto* delivered = std::get_if<core::Delivered>(&reply.reply)) {
      record_delivery(reply.link, *delivered);
    }
    watcher.on_reply(node, reply.reply);
  }
}

bool World::is_of_liar(const std::optional<core::TransactionId>& id) const {
  return liar_ && id && liar_->is_touched(*id);
}

void World::on_frame(std::size_t node, core::PeerIndex to, core::FrameHeader header,
                     std::vector<core::Message> messages) {
  const std::size_t target = node_of(node, to);
  story.mix(3000 + node * 10 + target);
  for (const core::Message& message : messages) {
    story.mix(message.index());
    if (!is_liar(node)) watcher.on_send(node, message);
    if (liar_) liar_->overhear(message);
    if (!story.is_told()) continue;
    const bool drops = filter && filter(node, target, message) == Fate::drop;
    story.tell(static_cast<int>(node), drops ? 'x' : '>',
               "-> " + nodes_[target]->name() + "  " + describe(message, names) +
                   (drops ? "  (dropped)" : ""));
  }
  Frame frame{.header = header, .messages = std::move(messages)};
  if (is_liar(node)) frame = liar_->twist(std::move(frame));
  send(node, target, frame);
}

void World::send(std::size_t from, std::size_t to, const Frame& frame) {
  Carried carried = wire_.carry(frame);
  if (!carried.trouble.empty() && !is_liar(from)) {
    add_violation(nodes_[from]->name() + " sends a frame that " + carried.trouble);
  }
  const bool understand = network.version(from) == network.version(to);
  if (!understand && !wire_.is_refused_by_others(frame)) {
    add_violation("a frame of " + nodes_[from]->name() + " is understood by another version");
  }
  for (Frame& part : carried.frames)
    network.send(from, to, std::move(part));
}

void World::on_arrived(std::size_t to, std::size_t from, const Frame& frame) {
  core::FrameReceived received;
  received.from = peer_index(to, from);
  received.header = frame.header;
  received.messages = frame.messages;
  const bool reaches_clone = clone_ && clone_->index() == to && random.chance(500'000);
  Node& node = reaches_clone ? *clone_ : *nodes_[to];
  node.deliver(std::move(received));
}

void World::on_view_changed(std::size_t at, std::size_t peer, bool up) {
  const auto tell = [&](Node& node) {
    if (up) {
      node.deliver(core::PeerUp{peer_index(at, peer)});
    } else {
      node.deliver(core::PeerDown{peer_index(at, peer)});
    }
  };
  tell(*nodes_[at]);
  if (clone_ && clone_->index() == at) tell(*clone_);
}

void World::on_reply(std::size_t node, const core::ClientReply& reply) {
  story.mix(4000 + reply.reply.index());
  if (story.is_told()) {
    story.tell(static_cast<int>(node), '!', describe(reply.reply, names));
  }
  links.reply(node, reply.link, reply.reply);
}

void World::on_durable(std::size_t node, core::Lsn lsn, const core::Record& record) {
  story.mix(5000 + record.index() + lsn.value() * 64);
  if (story.is_told()) {
    story.tell(static_cast<int>(node), 'w', describe(record, names));
  }
  if (liar_) liar_->overhear(record);
  watcher.on_durable(node, record);
  if (!forbidden_.empty()) check_permission(node, record);
}

// Rule P-42: a principal that may not never has an effect, from the moment on at which a node has
// said yes to it.
void World::check_permission(std::size_t node, const core::Record& record) {
  const std::vector<core::OwnBranch>* branches = nullptr;
  if (const auto* sent = std::get_if<core::Sent>(&record)) check_permission(node, sent->content);
  if (const auto* voted = std::get_if<core::Voted>(&record)) branches = &voted->branches;
  if (const auto* alone = std::get_if<core::DecidedAlone>(&record)) branches = &alone->branches;
  if (branches == nullptr) return;
  for (const core::OwnBranch& branch : *branches) {
    for (const core::PreparedOperation& operation : branch.operations)
      check_permission(node, operation.content);
  }
}

void World::check_permission(std::size_t node, const core::Content& content) {
  const std::uint32_t message = message_of(content);
  if (message == nothing || !forbidden_.contains(message)) return;
  on_violation(node, "takes what its sender may not send: " + history.messages[message].body);
}

void World::on_violation(std::size_t node, const std::string& what) {
  add_violation(nodes_[node]->name() + " " + what);
}

void World::add_violation(const std::string& what) {
  story.tell(-1, '#', "VIOLATION " + what);
  violations_.push_back(clock_text(schedule.now()) + "  " + what);
}

// ---- the history ----------------------------------------------------------------------------

std::uint32_t World::add_queue(const std::string& address, QueueOrder order, std::uint32_t base) {
  const auto index = static_cast<std::uint32_t>(history.queues.size());
  HistoryQueue queue;
  queue.name = address;
  queue.order = order;
  queue.base = base == nothing ? index : base;
  history.queues.push_back(queue);
  queue_indices_[address] = index;
  return index;
}

std::uint32_t World::queue_index(const std::string& address) const {
  const auto found = queue_indices_.find(address);
  return found == queue_indices_.end() ? nothing : found->second;
}

std::uint32_t World::add_transaction(const core::TransactionId& id,
                                     HistoryTransaction transaction) {
  const auto index = static_cast<std::uint32_t>(history.transactions.size());
  history.transactions.push_back(std::move(transaction));
  transaction_indices_[id] = index;
  return index;
}

std::uint32_t World::add_message(HistoryMessage message) {
  const auto index = static_cast<std::uint32_t>(history.messages.size());
  history.messages.push_back(std::move(message));
  return index;
}

void World::add_event(HistoryEvent event) {
  event.time = schedule.now().count() / 1'000'000;
  history.events.push_back(event);
}

void World::subscribed(core::LinkId link, std::uint64_t subscription, std::uint32_t queue) {
  subscriptions_[{link, subscription}] = queue;
}

std::uint32_t World::message_of(const core::Content& content) const {
  const std::string_view body = content.body.view();
  std::uint32_t number = nothing;
  const auto parsed = std::from_chars(body.data(), body.data() + body.size(), number);
  if (parsed.ec != std::errc{} || number >= history.messages.size()) return nothing;
  return history.messages[number].body == body ? number : nothing;
}

void World::record_delivery(core::LinkId link, const core::Delivered& delivered) {
  const std::uint32_t message = message_of(delivered.content);
  if (message == nothing) {
    history.phantoms.emplace_back(delivered.content.body.view());
    return;
  }
  const auto queue = subscriptions_.find({link, delivered.subscription});
  if (queue == subscriptions_.end()) {
    add_violation("delivery for a subscription that nobody made");
    return;
  }
  HistoryEvent event;
  event.what = Happened::delivered;
  event.message = message;
  event.queue = queue->second;
  event.at = delivered.at.value();
  add_event(event);
}

void World::on_outcome(std::size_t node, const core::TransactionId& id, bool committed) {
  const auto found = transaction_indices_.find(id);
  if (found == transaction_indices_.end()) {
    add_violation("outcome of a transaction that nobody began");
    return;
  }
  HistoryEvent event;
  event.what = committed ? Happened::node_committed : Happened::node_rolled_back;
  event.transaction = found->second;
  event.place = static_cast<std::uint32_t>(node);
  add_event(event);
}

}  // namespace nemcon::sim
