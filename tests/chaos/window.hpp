// Window: the transactions that one Client has under way, each committed until its outcome is
// known. One thread.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <future>
#include <optional>
#include <string>
#include <vector>

#include <nemcon/client.hpp>

#include "tests/chaos/actor.hpp"

namespace nemcon::chaos {

class Window {
 public:
  // `name`: of the client.
  Window(Stage& stage, Client& client, std::string name)
      : stage_(stage), client_(client), name_(std::move(name)) {}

  // What it consumes is kept until the outcome is known.
  void commit(Transaction transaction, std::uint32_t index, std::optional<Delivery> consumed);

  // Takes the outcomes that are there, and commits again what is unknown.
  void look();

  // The Client is about to die: nobody will ever be told.
  void abandon();

  [[nodiscard]] std::size_t size() const { return open_.size(); }

  // The newest commit that the Client surely knows of.
  [[nodiscard]] std::uint64_t newest() const { return newest_; }

  void observe(Timestamp at) { newest_ = std::max(newest_, at.value); }

 private:
  struct Open {
    Transaction transaction;
    std::uint32_t index = 0;
    TransactionId id;  // None until it is known.
    std::optional<Delivery> consumed;
    std::future<Outcome> outcome;
    bool was_named = false;  // The id was asked for before commit: that can be called again.
    bool is_asked = false;   // The outcome was unknown and is asked for.
  };

  // True when its outcome is final.
  [[nodiscard]] bool take(Open& open);
  [[nodiscard]] bool begin(Open& open);
  void begin_again(Open& open);

  Stage& stage_;
  Client& client_;
  std::string name_;
  std::vector<Open> open_;
  std::uint64_t newest_ = 0;
};

}  // namespace nemcon::chaos
