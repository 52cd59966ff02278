// The inside of a public Transaction.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include <nemcon/transaction.hpp>

#include "client/connection.hpp"
#include "client/convert.hpp"

namespace nemcon {
inline namespace v0 {

class Transaction::Impl {
 public:
  Impl(std::shared_ptr<client::Connection> running, TransactionOptions given)
      : connection(std::move(running)), options(given) {}

  ~Impl();
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  void add(core::Part part);
  void commit(client::Completion completion);
  [[nodiscard]] core::Instant deadline() const;
  [[nodiscard]] std::uint32_t deadline_for_votes() const;

  const std::shared_ptr<client::Connection> connection;
  const TransactionOptions options;
  client::Work work;
  std::optional<core::TransactionId> id;  // Once the application knows it.
  bool is_committing = false;
};

}  // namespace v0
}  // namespace nemcon
