#include "tests/core/node.hpp"

#include <algorithm>

#include <gtest/gtest.h>

#include "core/check.hpp"
#include "core/sessions.hpp"
#include "tests/sim/archive.hpp"

namespace nemcon::core::tests {

namespace {

template <class T>
void move_to(std::vector<T>& all, std::vector<T>& more) {
  all.insert(all.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

std::vector<Row> without_messages(std::vector<Row> rows) {
  std::erase_if(rows, [](const Row& row) { return std::holds_alternative<MessageRow>(row); });
  return rows;
}

}  // namespace

Node::Node(Options options) : options_(std::move(options)) {}

// ---- lives ------------------------------------------------------------------------------------

Effects Node::begin() {
  return start(disk_.from_checkpoint());
}

Effects Node::begin_from_journal() {
  return start(disk_.from_journal());
}

Effects Node::start(Restored restored) {
  NEMCON_CHECK(!is_alive(), options_.name);
  engine_ = std::make_unique<Engine>(options_, std::move(restored));
  return step(LifeBegins{});
}

void Node::crash() {
  engine_.reset();
  disk_.crash();
  asked_.clear();
  wake_at_.reset();
}

// ---- steps ------------------------------------------------------------------------------------

Effects Node::step(Event event) {
  Effects all = step_once(std::move(event));
  settle(all);
  if (checks_recovery) check_recovery();
  return all;
}

Effects Node::step_once(Event event) {
  NEMCON_CHECK(is_alive(), options_.name);
  const auto elapsed_ms = now.time_since_epoch() / std::chrono::milliseconds{1};
  const auto wall_ms = static_cast<std::int64_t>(wall_origin_ms) + elapsed_ms + skew_ms;
  Effects effects;
  engine_->step(
      {.now = now, .wall_ms = static_cast<std::uint64_t>(wall_ms), .event = std::move(event)},
      effects);
  for (const Write& write : effects.writes)
    disk_.append(write);
  for (const Send& send : effects.sends) {
    outgoing_.push_back(
        {.to = send.to, .header = engine_->header_for(send.to), .message = send.message});
  }
  for (const Read& read : effects.reads)
    asked_.emplace_back(read);
  if (effects.checkpoint) asked_.emplace_back(*effects.checkpoint);
  replies_.insert(replies_.end(), effects.replies.begin(), effects.replies.end());
  notes_.insert(notes_.end(), effects.notes.begin(), effects.notes.end());
  wake_at_ = effects.wake_at;
  if (on_effects) on_effects(effects);
  return effects;
}

void Node::take(Effects& all, Effects effects) {
  move_to(all.sends, effects.sends);
  move_to(all.writes, effects.writes);
  move_to(all.reads, effects.reads);
  move_to(all.replies, effects.replies);
  move_to(all.faults, effects.faults);
  move_to(all.notes, effects.notes);
  if (effects.checkpoint) all.checkpoint = std::move(effects.checkpoint);
  if (effects.fenced) all.fenced = std::move(effects.fenced);
  all.wake_at = effects.wake_at;
}

void Node::settle(Effects& all) {
  for (;;) {
    if (!hold_writes && disk_.durable() < disk_.written()) {
      disk_.make_durable(disk_.written());
      take(all, step_once(WriteDurable{disk_.durable()}));
    } else if (!hold_store && !asked_.empty()) {
      const std::variant<Read, Checkpoint> next = std::move(asked_.front());
      asked_.pop_front();
      if (const auto* read = std::get_if<Read>(&next)) {
        take(all, step_once(disk_.store().read(*read)));
      } else {
        const Checkpoint& checkpoint = std::get<Checkpoint>(next);
        NEMCON_CHECK(checkpoint.upto <= disk_.durable(), checkpoint.upto);
        disk_.store().apply(checkpoint);
        take(all, step_once(CheckpointDone{checkpoint.upto}));
      }
    } else {
      return;
    }
  }
}

Effects Node::request(LinkId link, Request request) {
  return step(ClientRequested{.link = link, .request = std::move(request)});
}

Effects Node::flush() {
  return flush_upto(disk_.written());
}

Effects Node::flush_upto(Lsn upto) {
  disk_.make_durable(upto);
  return step(WriteDurable{upto});
}

Effects Node::serve_store() {
  const bool held = std::exchange(hold_store, false);
  Effects all;
  settle(all);
  hold_store = held;
  if (checks_recovery) check_recovery();
  return all;
}

Effects Node::tick() {
  if (!wake_at_ || *wake_at_ > now) return {};
  return step(DeadlinePassed{});
}

Effects Node::pass(Duration by) {
  const Instant target = now + by;
  Effects all;
  for (int step_count = 0; wake_at_ && *wake_at_ <= target; ++step_count) {
    NEMCON_CHECK(step_count < 100'000, "the engine wakes up for nothing");
    now = std::max(now, *wake_at_);
    take(all, tick());
  }
  now = target;
  return all;
}

// ---- checks -----------------------------------------------------------------------------------

void Node::check_recovery() const {
  const std::string live = text_of_rows(rows());
  const Engine from_journal{options_, disk_.from_all_records()};
  EXPECT_EQ(live, text_of_rows(without_messages(from_journal.dump())))
      << "the journal of " << options_.name << " tells another story";
  const Engine from_checkpoint{options_, disk_.from_checkpoint_and_all_records()};
  EXPECT_EQ(live, text_of_rows(without_messages(from_checkpoint.dump())))
      << "checkpoint and journal of " << options_.name << " tell another story";
}

// ---- questions --------------------------------------------------------------------------------

std::size_t Node::note_count(const std::string& what) const {
  return static_cast<std::size_t>(
      std::ranges::count_if(notes_, [&](const Note& note) { return note.what == what; }));
}

std::vector<Row> Node::rows() const {
  return without_messages(engine_->dump());
}

std::vector<Transaction> Node::transactions() const {
  std::vector<Transaction> found;
  for (const Row& row : engine_->dump()) {
    if (const auto* stored = std::get_if<TransactionRow>(&row)) {
      found.push_back(stored->transaction);
    }
  }
  return found;
}

std::optional<Transaction> Node::transaction(const TransactionId& id) const {
  for (const Transaction& transaction : transactions()) {
    if (transaction.descriptor->id == id) return transaction;
  }
  return std::nullopt;
}

std::optional<SessionRow> Node::session(ClientId client) const {
  for (const Row& row : engine_->dump()) {
    const auto* session = std::get_if<SessionRow>(&row);
    if (session != nullptr && session->client == client) return *session;
  }
  return std::nullopt;
}

std::optional<Remembered> Node::remembered(const TransactionId& id) const {
  const std::optional<SessionRow> row = session(id.client);
  if (!row) return std::nullopt;
  Sessions sessions;
  sessions.load(*row);
  const Sessions::Ended* ended = sessions.find_ended(id);
  return ended == nullptr ? std::nullopt : std::optional{ended->second};
}

QueueRow Node::queue(const std::string& name) const {
  for (const Row& row : engine_->dump()) {
    const auto* queue = std::get_if<QueueRow>(&row);
    if (queue != nullptr && queue->name == name) return *queue;
  }
  ADD_FAILURE() << "no queue " << name;
  return {};
}

Hlc Node::floor() const {
  for (const Row& row : engine_->dump()) {
    if (const auto* meta = std::get_if<MetaRow>(&row)) return meta->floor;
  }
  return {};
}

std::size_t Node::record_count(const std::string& kind) const {
  return static_cast<std::size_t>(std::ranges::count_if(
      disk_.records(), [&](const Record& record) { return kind_of(record) == kind; }));
}

std::vector<std::string> Node::bodies(const std::string& name) const {
  const QueueId id = queue(name).queue;
  std::vector<std::string> found;
  for (const Row& row : engine_->dump()) {
    const auto* message = std::get_if<MessageRow>(&row);
    if (message == nullptr || message->queue != id) continue;
    found.emplace_back(message->message.content.body.view());
  }
  return found;
}

bool has_note(const Effects& effects, const std::string& what) {
  return std::ranges::any_of(effects.notes, [&](const Note& note) { return note.what == what; });
}

std::string describe(const Effects& effects) {
  std::string text;
  for (const Send& send : effects.sends) {
    text +=
        std::string("send ") + kind_of(send.message) + " to " + name_of(send.to.value() - 1) + "\n";
  }
  for (const Write& write : effects.writes) {
    text += std::string("write ") + kind_of(write.record) + "\n";
  }
  for (const ClientReply& reply : effects.replies) {
    text += "reply of kind " + std::to_string(reply.reply.index()) + "\n";
  }
  for (const Note& note : effects.notes)
    text += std::string("note ") + note.what + "\n";
  for (const PeerFault& fault : effects.faults)
    text += "fault " + fault.what + "\n";
  return text;
}

}  // namespace nemcon::core::tests
