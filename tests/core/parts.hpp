// Builders: ids, options, contents, parts and descriptors as the tests tell them. Node 0 is called
// "a", node 1 "b" and so on; each has the queues "orders" (producer), "ledger" (mesh) and
// "logs" (none).
#pragma once

#include <string>
#include <vector>

#include "core/effects.hpp"
#include "core/options.hpp"

namespace nemcon::core::tests {

// Wall time at which every test begins: 2023-11-14 22:13:20 UTC.
constexpr std::uint64_t wall_origin_ms = 1'700'000'000'000;

struct Layout {
  std::size_t node_count = 3;
  std::uint32_t witnesses = 1;
  std::string coordinator;
  std::vector<QueueOptions> queues = {
      {.name = "orders", .ordering = Ordering::producer},
      {.name = "ledger", .ordering = Ordering::mesh},
      {.name = "logs", .ordering = Ordering::none},
  };
  Limits limits;
  Timing timing;
  std::vector<PermissionOptions> permissions;  // By node; those that are missing have no keys.
};

[[nodiscard]] std::string name_of(std::size_t node);
[[nodiscard]] NodeId node_id(std::size_t node);
[[nodiscard]] Incarnation incarnation_of(std::size_t node);
[[nodiscard]] PeerIndex peer_index(std::size_t node);
[[nodiscard]] NodeRef node_ref(std::size_t node);
[[nodiscard]] Options options_of(const Layout& layout, std::size_t node);

// What the product takes from a library; here a plain hash of all fields.
[[nodiscard]] Hashing test_hashing();
[[nodiscard]] Digest digest_of(const Descriptor& descriptor);
[[nodiscard]] ClientId client_named(const std::string& name);

[[nodiscard]] Content content(const std::string& body);
[[nodiscard]] Part deliver(const std::string& target, const std::string& body);
[[nodiscard]] Part deliver_after(const std::string& target, const std::string& body,
                                 std::uint64_t previous);
[[nodiscard]] Part consume(const std::string& target, LeaseToken token);
[[nodiscard]] Part call(const std::string& target, const std::string& body);
[[nodiscard]] Part check(const std::string& target, std::uint64_t limit);

// A transaction of the named client "alice" as a peer would send it: a descriptor with the
// contents of each branch.
struct Told {
  DescriptorPtr descriptor;
  Digest digest;
  std::vector<std::vector<Content>> contents;

  [[nodiscard]] TransactionKey key() const { return {descriptor->id, digest}; }

  [[nodiscard]] Prepare prepare(const std::vector<std::uint8_t>& branches) const;
};

class Tale {
 public:
  // nodes[0] is the initiator.
  Tale(std::uint64_t sequence, const std::vector<std::size_t>& nodes);

  Tale& deliver(std::uint8_t node, const std::string& queue, const std::string& body);
  Tale& deliver_after(std::uint8_t node, const std::string& queue, std::uint64_t previous);
  Tale& call(std::uint8_t node, const std::string& service, const std::string& body);
  Tale& check(std::uint8_t node, const std::string& queue, std::uint64_t limit);
  Tale& consume(std::uint8_t node, const std::string& queue, LeaseToken token);
  Tale& epoch(std::uint64_t epoch);
  Tale& anonymous(Hlc expires);
  Tale& created(std::uint64_t at);  // As a timestamp; a small one only makes another digest.
  Tale& deadline_ms(std::uint32_t deadline);

  // Rule P-3 with that many witnesses; the nodes without a branch are the spare ones.
  [[nodiscard]] Told witnessed_by(std::size_t witness_count) const;

  // Mode C.
  [[nodiscard]] Told coordinated_by(int node) const;
  [[nodiscard]] Told one_phase() const;

 private:
  Operation& add(std::uint8_t node, OperationKind kind, const std::string& target);
  [[nodiscard]] Told told(Descriptor descriptor) const;

  Descriptor descriptor_;
  std::vector<std::vector<Content>> contents_;
};

// To the queues "logs" of "a", its initiator, and of "b", with one witness.
[[nodiscard]] Told logged_by_two(std::uint64_t sequence);

// Equal values give equal text.
[[nodiscard]] std::string text_of_rows(const std::vector<Row>& rows);

}  // namespace nemcon::core::tests
