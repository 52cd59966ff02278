// Permissions: which client may do what at which queue or service, as this node's configuration
// says. Pure, immutable after construction; the same answer to the same question.
//
// A grant is "VERB NAME@NODE" or "VERB NAME", which means this node. `*` stands for any run of
// characters in either part. Who is asked about is a principal: the name that a client's key
// stands for, or that name, a slash, and what the client calls one of its sessions. The grants of
// the client "*" are everybody's who has a name. Without keys everything is allowed.
//
// Cost: one search by name, one by target among exact grants, then the patterns in turn.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"

namespace nemcon::core {

enum class Verb : std::uint8_t {
  send,     // Put messages into a queue.
  consume,  // Take them: subscribe, ack, nack, reject, extend.
  serve,    // Stand for a service.
  call,     // Let a service take part in a transaction.
  browse,   // Look. At what is not one queue: "browse *".
  admin,    // Decide what the protocol did not: "admin *".
};

inline constexpr std::size_t verb_count = 6;

const char* to_text(Verb verb);

// How much a client may submit (quotas.hpp). 0: no limit.
struct QuotaOptions {
  std::uint64_t rate_max = 0;  // Transactions a second.
  std::uint64_t in_flight_max = 0;
  std::uint64_t bytes_per_second_max = 0;

  friend bool operator==(const QuotaOptions&, const QuotaOptions&) = default;
};

// As the configuration names it.
struct ClientOptions {
  std::string name;
  std::vector<std::string> allow;
  QuotaOptions quota;

  friend bool operator==(const ClientOptions&, const ClientOptions&) = default;
};

// For whom a peer may speak: names of clients, with `*`. Nothing: for everybody.
struct VouchOptions {
  std::string peer;
  std::vector<std::string> clients;

  friend bool operator==(const VouchOptions&, const VouchOptions&) = default;
};

struct PermissionOptions {
  bool secured = false;  // Who connects is known by its key, and may do what is granted only.
  std::vector<ClientOptions> clients;
  std::vector<VouchOptions> vouches;

  friend bool operator==(const PermissionOptions&, const PermissionOptions&) = default;
};

struct Grant {
  Verb verb = Verb::send;
  std::string name;
  std::string node;  // Empty: this node.

  friend bool operator==(const Grant&, const Grant&) = default;
};

// remote_malformed: `text` is no grant; the detail says what one looks like.
[[nodiscard]] Result<Grant> parse_grant(std::string_view text);

// Whether `text` is what `pattern` stands for.
[[nodiscard]] bool matches(std::string_view pattern, std::string_view text);

// The client's name in the configuration: what comes before the first slash.
[[nodiscard]] std::string_view account_of(std::string_view principal);

class Permissions {
 public:
  // `own_node` is the name of this node. What is no grant grants nothing.
  Permissions(std::string own_node, const PermissionOptions& options);

  // False: whoever gets here may do everything.
  [[nodiscard]] bool is_secured() const { return secured_; }

  // An empty principal, that of a client without a name, is granted nothing.
  [[nodiscard]] bool allows(std::string_view principal, Verb verb, std::string_view name,
                            std::string_view node) const;

  // At this node.
  [[nodiscard]] bool allows(std::string_view principal, Verb verb, std::string_view name) const {
    return allows(principal, verb, name, own_node_);
  }

  // Whether there is anything at all that it may do.
  [[nodiscard]] bool allows_something(std::string_view principal) const;

  // Whether a thing of that name would be allowed at some node.
  [[nodiscard]] bool allows_somewhere(std::string_view principal, Verb verb,
                                      std::string_view name) const;

  // Whether this peer may pass on transactions of this principal.
  [[nodiscard]] bool lets_vouch(std::string_view peer, std::string_view principal) const;

  // No limits for whom the configuration does not name.
  [[nodiscard]] QuotaOptions quota_of(std::string_view principal) const;

  // The words of a refusal: who, what, where, and what would grant it.
  [[nodiscard]] std::string refusal(std::string_view principal, Verb verb, std::string_view name,
                                    std::string_view node) const;

 private:
  struct Pattern {
    std::string name;
    std::string node;
  };

  struct Granted {
    std::map<std::string, std::vector<std::string>, std::less<>> exact;  // Name: its nodes.
    std::vector<Pattern> patterns;
  };

  using Account = std::array<Granted, verb_count>;

  [[nodiscard]] static bool allows(const Account& account, Verb verb, std::string_view name,
                                   std::string_view node);

  bool secured_;
  std::string own_node_;
  std::map<std::string, Account, std::less<>> accounts_;
  Account everybody_;
  std::map<std::string, std::vector<std::string>, std::less<>> vouches_;  // By peer.
  std::map<std::string, QuotaOptions, std::less<>> quotas_;
};

}  // namespace nemcon::core
