// The recovery check: three ways to the durable state must agree.
//   tail:    rows of the last checkpoint, then the records after it   (what a restart does)
//   history: every record since the first                             (what the records mean)
//   store:   the rows of the checkpoint against the history up to it  (what the engine put there)
#include <map>

#include "tests/sim/archive.hpp"
#include "tests/sim/node.hpp"

namespace nemcon::sim {
namespace {

using RowTexts = std::map<std::string, std::string>;  // Key of the row to its text.

struct KeyOf {
  std::string operator()(const core::MetaRow&) const { return "meta"; }

  std::string operator()(const core::QueueRow& row) const { return "queue " + text_of(row.queue); }

  std::string operator()(const core::MessageRow& row) const {
    return "message " + text_of(row.queue) + text_of(row.position);
  }

  std::string operator()(const core::ReturnedRow& row) const {
    return "returned " + text_of(row.queue) + text_of(row.position);
  }

  std::string operator()(const core::SessionRow& row) const {
    return "session " + text_of(row.client);
  }

  std::string operator()(const core::TransactionRow& row) const {
    return "transaction " + text_of(row.transaction.number);
  }

  std::string operator()(const core::PeerRow& row) const { return "peer " + text_of(row.node); }
};

void split(const std::vector<core::Row>& rows, RowTexts& state, RowTexts& messages) {
  for (const core::Row& row : rows) {
    RowTexts& texts = std::holds_alternative<core::MessageRow>(row) ? messages : state;
    texts[std::visit(KeyOf{}, row)] = text_of(row);
  }
}

std::string first_difference(const RowTexts& left, const RowTexts& right, const char* what) {
  for (const auto& [key, text] : left) {
    const auto found = right.find(key);
    if (found == right.end()) return std::string(what) + ": only left has " + key + " = " + text;
    if (found->second != text) {
      return std::string(what) + ": " + key + "\n  left  " + text + "\n  right " + found->second;
    }
  }
  for (const auto& [key, text] : right) {
    if (!left.contains(key)) return std::string(what) + ": only right has " + key + " = " + text;
  }
  return {};
}

}  // namespace

std::string compare_recovery(const core::Options& options, const DiskImage& image) {
  RowTexts tail;
  RowTexts tail_messages;
  split(core::Engine(options, image.restored()).dump(), tail, tail_messages);
  RowTexts history;
  RowTexts history_messages;
  split(core::Engine(options, image.restored_from_history(image.durable())).dump(), history,
        history_messages);
  std::string difference = first_difference(tail, history, "tail / history");
  if (!difference.empty()) return difference;

  RowTexts store;
  RowTexts store_messages;
  split(image.store.rows(StoreImage::Messages::with), store, store_messages);
  for (const auto& [key, text] : history_messages) {
    const bool found = tail_messages.contains(key) || store_messages.contains(key);
    if (!found) return "recovery loses " + key + " = " + text;
  }
  for (const auto& [key, text] : tail_messages) {
    if (!history_messages.contains(key)) return "recovery invents " + key + " = " + text;
  }
  if (image.store.upto == core::Lsn{}) return {};

  RowTexts then;
  RowTexts then_messages;
  split(core::Engine(options, image.restored_from_history(image.store.upto)).dump(), then,
        then_messages);
  difference = first_difference(store, then, "store / history up to the checkpoint");
  if (!difference.empty()) return difference;
  return first_difference(store_messages, then_messages, "messages in store / history");
}

}  // namespace nemcon::sim
