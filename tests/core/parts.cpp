#include "tests/core/parts.hpp"

#include <algorithm>

#include "core/check.hpp"
#include "tests/sim/archive.hpp"

namespace nemcon::core::tests {

namespace {

template <class Result, class T>
Result hash_of(const T& value) {
  sim::HashArchive archive;
  archive(value);
  Result result;
  result.high = archive.high();
  result.low = archive.low();
  return result;
}

Digest of_descriptor(const Descriptor& descriptor) {
  return hash_of<Digest>(descriptor);
}

Digest of_content(const Content& value) {
  return hash_of<Digest>(value);
}

ClientId of_name(const std::string& name) {
  return hash_of<ClientId>(name);
}

// In the order of the names.
NodeId of_node(const std::string& name, std::uint64_t salt) {
  std::uint64_t high = 0;
  for (std::size_t i = 0; i < sizeof high; ++i) {
    high = high << 8U | (i < name.size() ? static_cast<unsigned char>(name[i]) : 0U);
  }
  return {.high = high, .low = salt};
}

}  // namespace

// ---- nodes ------------------------------------------------------------------------------------

std::string name_of(std::size_t node) {
  return std::string(1, static_cast<char>('a' + node));
}

NodeId node_id(std::size_t node) {
  return of_node(name_of(node), 100 + node);
}

Incarnation incarnation_of(std::size_t node) {
  return Incarnation{1000 + node};
}

PeerIndex peer_index(std::size_t node) {
  return PeerIndex{static_cast<std::uint32_t>(node) + 1};
}

NodeRef node_ref(std::size_t node) {
  return {.node = node_id(node), .incarnation = incarnation_of(node)};
}

Options options_of(const Layout& layout, std::size_t node) {
  Options options;
  options.name = name_of(node);
  options.node = node_id(node);
  options.incarnation = incarnation_of(node);
  options.nonce = 5000 + node;
  options.seed = 1 + node;
  options.queues = layout.queues;
  options.witnesses = layout.witnesses;
  options.coordinator = layout.coordinator;
  options.limits = layout.limits;
  options.timing = layout.timing;
  if (node < layout.permissions.size()) options.permissions = layout.permissions[node];
  options.hashing = test_hashing();
  for (std::size_t peer = 0; peer < layout.node_count; ++peer) {
    if (peer != node) options.peers.push_back({.index = peer_index(peer), .name = name_of(peer)});
  }
  return options;
}

Hashing test_hashing() {
  return {.of_descriptor = of_descriptor,
          .of_content = of_content,
          .of_name = of_name,
          .of_node = of_node};
}

Digest digest_of(const Descriptor& descriptor) {
  return of_descriptor(descriptor);
}

ClientId client_named(const std::string& name) {
  return of_name(name);
}

// ---- parts ------------------------------------------------------------------------------------

Content content(const std::string& body) {
  return {.headers = {}, .body = Bytes{body}};
}

Part deliver(const std::string& target, const std::string& body) {
  return deliver_after(target, body, 0);
}

Part deliver_after(const std::string& target, const std::string& body, std::uint64_t previous) {
  return {.kind = OperationKind::deliver,
          .target = target,
          .previous = Sequence{previous},
          .content = content(body)};
}

Part consume(const std::string& target, LeaseToken token) {
  return {.kind = OperationKind::consume, .target = target, .token = token};
}

Part call(const std::string& target, const std::string& body) {
  return {.kind = OperationKind::call, .target = target, .content = content(body)};
}

Part check(const std::string& target, std::uint64_t limit) {
  return {.kind = OperationKind::check, .target = target, .limit = limit};
}

// ---- descriptors ------------------------------------------------------------------------------

Prepare Told::prepare(const std::vector<std::uint8_t>& branches) const {
  Prepare prepare{.descriptor = descriptor,
                  .digest = digest,
                  .branches = branches,
                  .contents = {},
                  .remaining_ms = descriptor->deadline_ms,
                  .ack_upto = {}};
  for (const std::uint8_t branch : branches) {
    prepare.contents.insert(prepare.contents.end(), contents[branch].begin(),
                            contents[branch].end());
  }
  return prepare;
}

Tale::Tale(std::uint64_t sequence, const std::vector<std::size_t>& nodes) {
  for (const std::size_t node : nodes)
    descriptor_.nodes.push_back(node_ref(node));
  descriptor_.id = {.initiator = descriptor_.nodes[0].node,
                    .client = client_named("alice"),
                    .epoch = Epoch{1},
                    .sequence = Sequence{sequence}};
  descriptor_.created = Hlc::from_ms(wall_origin_ms);
  descriptor_.deadline_ms = 2000;
  descriptor_.expires = Hlc::never();
  descriptor_.principal = "alice";
}

Operation& Tale::add(std::uint8_t node, OperationKind kind, const std::string& target) {
  auto found = std::ranges::find(descriptor_.branches, node, &Branch::node);
  if (found == descriptor_.branches.end()) {
    descriptor_.branches.push_back({.node = node});
    contents_.emplace_back();
    found = std::prev(descriptor_.branches.end());
  }
  found->operations.push_back({.kind = kind, .target = target});
  return found->operations.back();
}

Tale& Tale::deliver(std::uint8_t node, const std::string& queue, const std::string& body) {
  Operation& operation = add(node, OperationKind::deliver, queue);
  const Content value = content(body);
  operation.payload_bytes = value.byte_count();
  operation.payload = of_content(value);
  const auto branch = std::ranges::find(descriptor_.branches, node, &Branch::node);
  contents_[static_cast<std::size_t>(branch - descriptor_.branches.begin())].push_back(value);
  return *this;
}

Tale& Tale::deliver_after(std::uint8_t node, const std::string& queue, std::uint64_t previous) {
  deliver(node, queue, "after " + std::to_string(previous));
  const auto branch = std::ranges::find(descriptor_.branches, node, &Branch::node);
  branch->operations.back().previous = Sequence{previous};
  return *this;
}

Tale& Tale::call(std::uint8_t node, const std::string& service, const std::string& body) {
  deliver(node, service, body);
  const auto branch = std::ranges::find(descriptor_.branches, node, &Branch::node);
  branch->operations.back().kind = OperationKind::call;
  return *this;
}

Tale& Tale::check(std::uint8_t node, const std::string& queue, std::uint64_t limit) {
  add(node, OperationKind::check, queue).limit = limit;
  return *this;
}

Tale& Tale::consume(std::uint8_t node, const std::string& queue, LeaseToken token) {
  add(node, OperationKind::consume, queue).token = token;
  return *this;
}

Tale& Tale::epoch(std::uint64_t epoch) {
  descriptor_.id.epoch = Epoch{epoch};
  return *this;
}

Tale& Tale::anonymous(Hlc expires) {
  descriptor_.id.epoch = {};
  descriptor_.id.client = {.high = 1, .low = 2};
  descriptor_.principal.clear();
  descriptor_.expires = expires;
  return *this;
}

Tale& Tale::created(std::uint64_t at) {
  descriptor_.created = Hlc{at};
  return *this;
}

Tale& Tale::deadline_ms(std::uint32_t deadline) {
  descriptor_.deadline_ms = deadline;
  return *this;
}

Told Tale::witnessed_by(std::size_t witness_count) const {
  Descriptor descriptor = descriptor_;
  WitnessRule rule{.witness_count = witness_count, .spare = {}};
  for (std::size_t node = 0; node < descriptor.nodes.size(); ++node) {
    rule.spare.push_back(static_cast<std::uint8_t>(node));
  }
  NEMCON_CHECK(try_assign_witnesses(descriptor, rule), witness_count);
  return told(std::move(descriptor));
}

Told Tale::coordinated_by(int node) const {
  Descriptor descriptor = descriptor_;
  NEMCON_CHECK(try_assign_witnesses(descriptor, {.coordinator = node, .spare = {}}), node);
  return told(std::move(descriptor));
}

Told Tale::one_phase() const {
  Descriptor descriptor = descriptor_;
  descriptor.one_phase = true;
  for (Branch& branch : descriptor.branches)
    branch.witnesses = {branch.node};
  return told(std::move(descriptor));
}

Told Tale::told(Descriptor descriptor) const {
  const Digest digest = digest_of(descriptor);
  return {.descriptor = std::make_shared<const Descriptor>(std::move(descriptor)),
          .digest = digest,
          .contents = contents_};
}

Told logged_by_two(std::uint64_t sequence) {
  Tale tale{sequence, {0, 1}};
  tale.deliver(0, "logs", "x").deliver(1, "logs", "y");
  return tale.witnessed_by(1);
}

std::string text_of_rows(const std::vector<Row>& rows) {
  std::string text;
  for (const Row& row : rows)
    text += sim::text_of(row) + "\n";
  return text;
}

}  // namespace nemcon::core::tests
