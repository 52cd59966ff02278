#include "core/sessions.hpp"

#include <algorithm>
#include <utility>

#include "core/check.hpp"
#include "core/mutant.hpp"
#include "core/permissions.hpp"

namespace nemcon::core {

namespace {

const EpochMark* find_mark(const SessionRow& row, Epoch epoch) {
  const auto found = std::ranges::lower_bound(row.marks, epoch, {}, &EpochMark::epoch);
  return found == row.marks.end() || found->epoch != epoch ? nullptr : &*found;
}

bool has_open_rows(const std::map<std::pair<Epoch, Sequence>, std::uint32_t>& present,
                   const SessionRow& row) {
  std::size_t total = 0;
  for (const auto& [number, count] : present)
    total += count;
  return total > row.remembered.size();
}

// A client that submits one id over and over, each time through another node, costs no more.
constexpr std::ptrdiff_t ended_per_id_max = 16;

// See find_ended().
int weight_of(const Outcome& outcome) {
  if (outcome.committed) return 2;
  return ends_id(outcome) ? 1 : 0;
}

Sequence mark_of(const SessionRow& row, Epoch epoch) {
  if (planted(Mutant::mark_without_epoch) && !row.marks.empty()) {
    return std::ranges::max(row.marks, {}, &EpochMark::ack_upto).ack_upto;
  }
  const EpochMark* mark = find_mark(row, epoch);
  return mark == nullptr ? Sequence{} : mark->ack_upto;
}

}  // namespace

void Sessions::load(SessionRow row) {
  if (planted(Mutant::forget_stored_outcomes)) row.remembered.clear();
  Session session{.row = std::move(row), .present = {}};
  std::ranges::sort(session.row.marks, {}, &EpochMark::epoch);
  for (const auto& [key, remembered] : session.row.remembered) {
    count_present(session, key.id);
  }
  const ClientId client = session.row.client;
  sessions_.insert_or_assign(client, std::move(session));
}

Sessions::Session& Sessions::session_of(ClientId client) {
  Session& session = sessions_[client];
  session.row.client = client;
  if (!std::exchange(session.is_dirty, true)) dirty_.insert(client);
  return session;
}

void Sessions::touch(const TransactionId& id, const std::string& name, Hlc expires) {
  SessionRow& row = session_of(id.client).row;
  if (!name.empty()) row.name = name;
  row.newest = std::max(row.newest, id.epoch);
  row.expires = std::max(row.expires, expires);
}

void Sessions::open(ClientId client, const std::string& name, Epoch epoch) {
  SessionRow& row = session_of(client).row;
  row.name = name;
  row.newest = std::max(row.newest, epoch);
  row.expires = Hlc::never();
}

void Sessions::acknowledge(ClientId client, Epoch epoch, Sequence ack_upto) {
  Session& session = session_of(client);
  // The mark of a named client is kept for ever, also where nothing else of it is known yet.
  if (epoch != Epoch{}) session.row.expires = Hlc::never();
  auto& marks = session.row.marks;
  const auto mark = std::ranges::lower_bound(marks, epoch, {}, &EpochMark::epoch);
  if (mark == marks.end() || mark->epoch != epoch) {
    marks.insert(mark, {.epoch = epoch, .ack_upto = ack_upto});
  } else {
    mark->ack_upto = std::max(mark->ack_upto, ack_upto);
  }
  drop_acknowledged(session);
}

void Sessions::remember(const TransactionKey& key, const Remembered& remembered) {
  if (planted(Mutant::forget_without_refusal)) return;
  // Refused as too old from now on: nothing needs to be kept (Rule P-14).
  if (is_too_old(key.id, remembered.expires)) return;
  Session& session = session_of(key.id.client);
  // A tombstone can be all that is known of a client: the floor must not take it with the session.
  session.row.expires = std::max(session.row.expires, remembered.expires);
  auto& all = session.row.remembered;
  const std::size_t before = all.size();
  const auto at = all.try_emplace(all.end(), key, remembered);  // Nearly always the newest.
  if (all.size() > before) {
    count_present(session, key.id);
    drop_surplus(session, key.id);
  } else if (weight_of(remembered.outcome) > weight_of(at->second.outcome)) {
    at->second = remembered;
  }
}

void Sessions::drop_surplus(Session& session, const TransactionId& id) {
  auto& all = session.row.remembered;
  const auto begin = all.lower_bound(TransactionKey{.id = id, .digest = {}});
  auto end = begin;
  while (end != all.end() && end->first.id == id)
    ++end;
  if (std::distance(begin, end) <= ended_per_id_max) return;
  all.erase(std::min_element(begin, end, [](const Ended& one, const Ended& other) {
    return weight_of(one.second.outcome) < weight_of(other.second.outcome);
  }));
  release_present(session, id);
}

void Sessions::raise_high(const TransactionId& id, QueueId queue) {
  SessionRow& row = session_of(id.client).row;
  const auto found = std::ranges::find(row.highs, queue, &HighMark::queue);
  if (found == row.highs.end()) {
    row.highs.push_back({.queue = queue, .epoch = id.epoch, .sequence = id.sequence});
    return;
  }
  if (std::pair{found->epoch, found->sequence} < std::pair{id.epoch, id.sequence}) {
    found->epoch = id.epoch;
    found->sequence = id.sequence;
  }
}

void Sessions::raise_floor(Hlc floor) {
  floor_ = std::max(floor_, floor);
  for (auto at = sessions_.begin(); at != sessions_.end();) {
    Session& session = at->second;
    if (session.row.expires <= floor_ && !has_open_rows(session.present, session.row)) {
      // An anonymous client whose every transaction is refused by now, and none is open.
      dirty_.insert(at->first);
      at = sessions_.erase(at);
      continue;
    }
    std::erase_if(session.row.remembered, [&](const auto& entry) {
      if (entry.second.expires > floor_) return false;
      release_present(session, entry.first.id);
      dirty_.insert(at->first);
      return true;
    });
    ++at;
  }
}

void Sessions::add_present(const TransactionId& id) {
  count_present(session_of(id.client), id);
}

void Sessions::remove_present(const TransactionId& id) {
  release_present(session_of(id.client), id);
}

void Sessions::count_present(Session& session, const TransactionId& id) {
  auto& present = session.present;
  present.try_emplace(present.end(), {id.epoch, id.sequence}, 0)->second += 1;
}

void Sessions::release_present(Session& session, const TransactionId& id) {
  const auto found = session.present.find({id.epoch, id.sequence});
  NEMCON_CHECK(found != session.present.end() && found->second > 0, to_text(id));
  if (--found->second == 0) session.present.erase(found);
}

void Sessions::drop_acknowledged(Session& session) {
  const auto& marks = session.row.marks;
  if (marks.empty()) return;
  const Sequence highest = std::ranges::max(marks, {}, &EpochMark::ack_upto).ack_upto;
  // In the order of their numbers (ids.hpp).
  auto& all = session.row.remembered;
  for (auto at = all.begin(); at != all.end() && at->first.id.sequence < highest;) {
    const TransactionId id = at->first.id;
    if (id.sequence >= mark_of(session.row, id.epoch)) {
      ++at;
      continue;
    }
    at = all.erase(at);
    release_present(session, id);
  }
}

const SessionRow* Sessions::find(ClientId client) const {
  const auto found = sessions_.find(client);
  return found == sessions_.end() ? nullptr : &found->second.row;
}

const Remembered* Sessions::find_remembered(const TransactionKey& key) const {
  const SessionRow* row = find(key.id.client);
  if (row == nullptr) return nullptr;
  const auto found = row->remembered.find(key);
  return found == row->remembered.end() ? nullptr : &found->second;
}

const Sessions::Ended* Sessions::find_ended(const TransactionId& id) const {
  const SessionRow* row = find(id.client);
  if (row == nullptr) return nullptr;
  const Ended* best = nullptr;
  for (auto at = row->remembered.lower_bound(TransactionKey{.id = id, .digest = {}});
       at != row->remembered.end() && at->first.id == id; ++at) {
    if (best == nullptr || weight_of(at->second.outcome) >= weight_of(best->second.outcome)) {
      best = &*at;
    }
  }
  return best;
}

const Sessions::Ended* Sessions::find_ended(const TransactionKey& key) const {
  const SessionRow* row = find(key.id.client);
  if (row == nullptr) return nullptr;
  const auto found = row->remembered.find(key);
  const bool exact = key.digest != Digest{} && found != row->remembered.end();
  return exact ? &*found : find_ended(key.id);
}

Sequence Sessions::ack_upto(ClientId client, Epoch epoch) const {
  const SessionRow* row = find(client);
  return row == nullptr ? Sequence{} : mark_of(*row, epoch);
}

bool Sessions::has_something_of(ClientId client, Epoch epoch) const {
  const auto found = sessions_.find(client);
  if (found == sessions_.end()) return false;
  const Session& session = found->second;
  if (find_mark(session.row, epoch) != nullptr) return true;
  const auto present = session.present.lower_bound({epoch, Sequence{}});
  return present != session.present.end() && present->first.first == epoch;
}

bool Sessions::is_too_old(const TransactionId& id, Hlc expires) const {
  if (planted(Mutant::too_old_is_inclusive) && id.sequence == ack_upto(id.client, id.epoch) &&
      id.sequence != Sequence{}) {
    return true;
  }
  return id.sequence < ack_upto(id.client, id.epoch) || expires <= floor_;
}

bool Sessions::is_fenced(const TransactionId& id) const {
  const SessionRow* row = find(id.client);
  return row != nullptr && !row->name.empty() && id.epoch < row->newest;
}

bool Sessions::is_known(const TransactionId& of_client, Sequence sequence) const {
  if (sequence < ack_upto(of_client.client, of_client.epoch)) return true;
  const auto found = sessions_.find(of_client.client);
  return found != sessions_.end() && found->second.present.contains({of_client.epoch, sequence});
}

std::pair<Epoch, Sequence> Sessions::high(ClientId client, QueueId queue) const {
  const SessionRow* row = find(client);
  if (row == nullptr) return {};
  const auto found = std::ranges::find(row->highs, queue, &HighMark::queue);
  if (found == row->highs.end()) return {};
  return {found->epoch, found->sequence};
}

std::size_t Sessions::open_count(ClientId client) const {
  const auto found = sessions_.find(client);
  return found == sessions_.end() ? 0 : found->second.present.size();
}

std::size_t Sessions::named_count() const {
  return static_cast<std::size_t>(std::ranges::count_if(
      sessions_, [](const auto& entry) { return !entry.second.row.name.empty(); }));
}

std::size_t Sessions::count_of(std::string_view account) const {
  return static_cast<std::size_t>(std::ranges::count_if(sessions_, [account](const auto& entry) {
    return account_of(entry.second.row.name) == account;
  }));
}

void Sessions::collect(Checkpoint& checkpoint) {
  for (const ClientId& client : dirty_) {
    if (const auto found = sessions_.find(client); found != sessions_.end()) {
      found->second.is_dirty = false;
      checkpoint.puts.emplace_back(found->second.row);
    } else {
      checkpoint.erased.emplace_back(SessionKey{client});
    }
  }
  dirty_.clear();
}

void Sessions::dump(std::vector<Row>& rows) const {
  for (const auto& [client, session] : sessions_)
    rows.emplace_back(session.row);
}

}  // namespace nemcon::core
