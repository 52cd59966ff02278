#include "tests/transport/samples.hpp"

#include <cstdlib>
#include <sstream>

namespace nemcon::samples {

using namespace core;  // NOLINT(google-build-using-namespace)

namespace {

const NodeId shop{0x1111222233334444, 0x5555666677778888};
const NodeId warehouse{0x0102030405060708, 0x090a0b0c0d0e0f10};
const NodeId billing{0xffeeddccbbaa9988, 0x7766554433221100};

const TransactionId id{.initiator = shop,
                       .client = {0xc0ffee00c0ffee00, 0x00000000000000ff},
                       .epoch = Epoch{3},
                       .sequence = Sequence{70'000}};

const Digest digest{0xd1d1d1d1d1d1d1d1, 0x2e2e2e2e2e2e2e2e};
const TransactionKey key{.id = id, .digest = digest};
const Hlc at = Hlc::from_ms(1'700'000'000'123);
const Ballot ballot{.round = 2, .leader = warehouse, .boot = Boot{9}};

Value yes_value() {
  return {.choice = Choice::yes, .at = at};
}

Value no_value() {
  return {.choice = Choice::no, .reason = Reason::service_refused, .text = "sold out"};
}

std::vector<BranchValue> branch_values() {
  return {{.branch = 0, .value = yes_value()}, {.branch = 1, .value = no_value()}};
}

std::vector<Acceptance> acceptances() {
  return {{.branch = 1, .ballot = ballot, .value = yes_value()}};
}

Content content(std::string_view body) {
  const transport::Headers headers = {{"content-type", "text/plain"}, {"priority", "4"}};
  return {.headers = Bytes{transport::encode_headers(headers).value()}, .body = Bytes{body}};
}

std::vector<BranchVote> branch_votes() {
  return {{.branch = 0, .value = yes_value(), .replies = {content("receipt 17")}},
          {.branch = 1, .value = no_value(), .replies = {}}};
}

Outcome outcome() {
  return {.committed = false,
          .at = at,
          .by = billing,
          .reason = Reason::queue_full,
          .text = "invoices is full"};
}

DescriptorPtr shared_descriptor() {
  return std::make_shared<const Descriptor>(descriptor());
}

const CallKey call{.transaction = key, .branch = 2, .operation = 5};

}  // namespace

FrameHeader frame_header() {
  return {.from = warehouse,
          .incarnation = Incarnation{0x8899aabbccddeeff},
          .boot = Boot{12},
          .lsn = Lsn{123'456'789},
          .clock = at,
          .wall_ms = 1234567,
          .to_incarnation = Incarnation{77},
          .to_boot = Boot{3}};
}

Descriptor descriptor() {
  const Operation deliver{.kind = OperationKind::deliver,
                          .target = "orders",
                          .token = {},
                          .previous = Sequence{41},
                          .limit = 0,
                          .payload_bytes = 300,
                          .payload = digest};
  const Operation consume{.kind = OperationKind::consume,
                          .target = "inbox",
                          .token = LeaseToken{0x123456789a},
                          .previous = {},
                          .limit = 0,
                          .payload_bytes = 0,
                          .payload = {}};
  const Operation check{.kind = OperationKind::check,
                        .target = "backlog",
                        .token = {},
                        .previous = {},
                        .limit = 1000,
                        .payload_bytes = 0,
                        .payload = {}};
  return {
      .id = id,
      .nodes = {{.node = shop, .incarnation = Incarnation{1}},
                {.node = warehouse, .incarnation = Incarnation{0x8899aabbccddeeff}},
                {.node = billing, .incarnation = Incarnation{300}}},
      .branches = {{.node = 0, .second = false, .operations = {consume}, .witnesses = {0, 1, 2}},
                   {.node = 1, .second = true, .operations = {deliver, check}, .witnesses = {1}}},
      .one_phase = false,
      .created = at,
      .deadline_ms = 5000,
      .expires = Hlc::never(),
      .principal = "checkout"};
}

std::vector<NamedMessage> messages() {
  const Sighting sighting{
      .incarnation = Incarnation{300}, .boot = Boot{4}, .nonce = 0xabcdef, .lsn = Lsn{65'536}};
  return {
      {"hello", Hello{.name = "warehouse",
                      .nonce = 0xfeedfacecafebeef,
                      .wants_answer = true,
                      .fenced = true,
                      .seen = sighting,
                      .lives = {{.boot = Boot{4}, .after = Lsn{65'000}}},
                      .queues = {{.name = "stock", .ordering = Ordering::mesh},
                                 {.name = "stock.dead", .ordering = Ordering::none}},
                      .services = {"reserve"}}},
      {"prepare", Prepare{.descriptor = shared_descriptor(),
                          .digest = digest,
                          .branches = {1},
                          .contents = {content("order 17"), content(std::string(300, 'x'))},
                          .remaining_ms = 4990}},
      {"vote", Vote{.key = key,
                    .descriptor = shared_descriptor(),
                    .votes = branch_votes(),
                    .accepted = true}},
      {"accepted", Accepted{.key = key, .ballot = ballot, .values = branch_values()}},
      {"ask_promise",
       AskPromise{.descriptor = shared_descriptor(), .digest = digest, .ballot = ballot}},
      {"promise", Promise{.key = key,
                          .ballot = ballot,
                          .accepted = acceptances(),
                          .votes = branch_values(),
                          .outcome = outcome()}},
      {"propose", Propose{.descriptor = shared_descriptor(),
                          .digest = digest,
                          .ballot = ballot,
                          .values = branch_values()}},
      {"refuse", Refuse{.key = key,
                        .why = Refusal::conflict,
                        .promised = ballot,
                        .descriptor = shared_descriptor(),
                        .bound = {7, 8}}},
      {"query", Query{.id = id, .digest = digest, .wants_descriptor = true}},
      {"transaction_status", TransactionStatus{.key = key,
                                               .knowledge = Knowledge::decided,
                                               .descriptor = nullptr,
                                               .votes = branch_votes(),
                                               .accepted = acceptances(),
                                               .promised = ballot,
                                               .outcome = outcome()}},
      {"decision", Decision{.key = key, .outcome = outcome()}},
      {"decision_ack", DecisionAck{.key = key}},
      {"forget", Forget{.key = key}},
      {"forget_ack", ForgetAck{.key = key}},
  };
}

std::vector<NamedRequest> requests() {
  const Part deliver{.kind = OperationKind::deliver,
                     .target = "orders@shop",
                     .token = {},
                     .previous = Sequence{41},
                     .limit = 0,
                     .content = content("order 17")};
  const Part call_part{.kind = OperationKind::call,
                       .target = "reserve@warehouse",
                       .token = {},
                       .previous = {},
                       .limit = 0,
                       .content = {.headers = {}, .body = Bytes{"3 pieces"}}};
  return {
      {"open", Open{.request = 1,
                    .name = "checkout",
                    .client = {1, 2},
                    .epoch = Epoch{3},
                    .above = Epoch{2}}},
      {"submit", Submit{.request = 2,
                        .id = id,
                        .parts = {deliver, call_part},
                        .deadline_ms = 5000,
                        .retry = true,
                        .after = at,
                        .ack_upto = Sequence{69'990},
                        .expires = Hlc::never()}},
      {"ask", Ask{.request = 3, .id = id}},
      {"acknowledge", Acknowledge{.epoch = Epoch{3}, .ack_upto = Sequence{70'000}}},
      {"subscribe",
       Subscribe{.subscription = 8, .queue = "orders", .credit = 256, .lease_ms = 30'000}},
      {"add_credit", AddCredit{.subscription = 8, .credit = 128}},
      {"unsubscribe", Unsubscribe{.subscription = 8}},
      {"settle", Settle{.request = 4,
                        .how = Settlement::reject,
                        .tokens = {LeaseToken{1}, LeaseToken{0x123456789abcdef0}},
                        .delay_ms = 250,
                        .text = "no such customer"}},
      {"serve", Serve{.request = 5, .service = "reserve", .in_doubt = {call}, .looked = 7}},
      {"unserve", Unserve{.service = "reserve"}},
      {"service_vote", ServiceVote{.call = call,
                                   .yes = true,
                                   .read_only = false,
                                   .text = "held",
                                   .reply = content("receipt 17")}},
      {"service_done", ServiceDone{.call = call}},
      {"inspect", Inspect{.request = 6, .topic = Topic::transaction, .id = id}},
  };
}

// NOLINTNEXTLINE(readability-function-size): a list, one entry a kind.
std::vector<NamedReply> replies() {
  const NodeReport node{.name = "warehouse",
                        .node = warehouse,
                        .incarnation = Incarnation{300},
                        .boot = Boot{4},
                        .self = true,
                        .live = true,
                        .trouble = "clock is 7 s off"};
  const QueueReport queue{.node = "warehouse",
                          .name = "stock",
                          .ordering = Ordering::mesh,
                          .message_count = 10,
                          .byte_count = 1000,
                          .leased_count = 3,
                          .prepared_count = 2,
                          .consumer_count = 1,
                          .local = true};
  const TransactionReport transaction{
      .id = id,
      .state = "in doubt",
      .principal = "checkout",
      .age_ms = 1234,
      .branches = {{.branch = 1, .node = "billing", .what = "call charge", .state = "waiting"}},
      .waiting_for = {"billing"}};
  return {
      {"opened", Opened{.request = 1,
                        .node_name = "warehouse",
                        .node = warehouse,
                        .client = {1, 2},
                        .epoch = Epoch{4},
                        .clock = at,
                        .retention_ms = 900'000,
                        .message_bytes_max = 1U << 20U,
                        .transaction_bytes_max = 16U << 20U,
                        .window = 4096,
                        .named = true}},
      {"denied", Denied{.request = 2,
                        .retryable = true,
                        .reason = Reason::unavailable,
                        .text = "billing cannot be reached",
                        .epoch = Epoch{5}}},
      {"concluded", Concluded{.request = 2,
                              .id = id,
                              .verdict = Verdict::rolled_back,
                              .at = at,
                              .reason = Reason::service_refused,
                              .text = "sold out",
                              .by = "warehouse",
                              .replies = {content("receipt 17")}}},
      {"delivered", Delivered{.subscription = 8,
                              .token = LeaseToken{0x123456789abcdef0},
                              .message = {.transaction = id, .part = 1},
                              .delivery_count = 2,
                              .lease_ms = 30'000,
                              .at = at,
                              .producer = "checkout",
                              .content = content("order 17")}},
      {"subscription_ended",
       SubscriptionEnded{
           .subscription = 8, .reason = Reason::queue_closing, .text = "orders is being deleted"}},
      {"settled", Settled{.request = 4, .lost = {LeaseToken{1}}}},
      {"service_prepare", ServicePrepare{.call = call,
                                         .service = "reserve",
                                         .principal = "checkout",
                                         .content = content("3 pieces"),
                                         .remaining_ms = 9000}},
      {"service_decision", ServiceDecision{.call = call,
                                           .service = "reserve",
                                           .commit = true,
                                           .at = at,
                                           .content = content("3 pieces")}},
      {"serving", Serving{.request = 5, .active = true, .look_again = 7}},
      {"report", Report{.request = 6,
                        .nodes = {node},
                        .queues = {queue},
                        .transactions = {transaction},
                        .counts = {{.name = "links_muted", .value = 2}}}},
  };
}

// ---- at random ------------------------------------------------------------------------------

namespace {

// An archive that fills what it is shown.
class Filler {
 public:
  explicit Filler(Random& random) : random_(&random) {}

  template <class... Fields>
  void operator()(Fields&... values) {
    (fill(values), ...);
  }

  void fill(bool& value) { value = below(2) == 1; }

  // Enumerators are 0, 1, 2, ...: how many there are is written down once, here.
  void fill(OperationKind& value) { value = static_cast<OperationKind>(below(4)); }

  void fill(Ordering& value) { value = static_cast<Ordering>(below(3)); }

  void fill(Choice& value) { value = static_cast<Choice>(below(3)); }

  void fill(Reason& value) { value = static_cast<Reason>(below(27)); }

  void fill(Refusal& value) { value = static_cast<Refusal>(below(4)); }

  void fill(Knowledge& value) { value = static_cast<Knowledge>(below(5)); }

  void fill(Settlement& value) { value = static_cast<Settlement>(below(4)); }

  void fill(Topic& value) { value = static_cast<Topic>(below(5)); }

  void fill(Verdict& value) { value = static_cast<Verdict>(below(4)); }

  // Of every width, since each has its own form.
  template <std::unsigned_integral Number>
  void fill(Number& value) {
    value = static_cast<Number>((*random_)() >> below(64));
  }

  template <class Tag, class Number>
  void fill(Id<Tag, Number>& value) {
    Number number = 0;
    fill(number);
    value = Id<Tag, Number>{number};
  }

  template <class Tag>
  void fill(Id128<Tag>& value) {
    fill(value.high);
    fill(value.low);
  }

  void fill(Hlc& value) { value = Hlc{(*random_)()}; }

  void fill(std::string& value) { value = text(below(10)); }

  // One of 200 bodies is long.
  void fill(Bytes& value) { value = Bytes{text(below(200) == 0 ? 10 : below(10))}; }

  template <class Item>
  void fill(std::vector<Item>& values) {
    values.resize(below(4));
    for (Item& value : values)
      fill(value);
  }

  template <class Value>
  void fill(std::optional<Value>& value) {
    if (below(2) == 1) fill(value.emplace());
  }

  void fill(DescriptorPtr& value) {
    if (below(2) == 0) return;
    const auto descriptor = std::make_shared<Descriptor>();
    fields(*this, *descriptor);
    value = descriptor;
  }

  template <class... Kinds>
  void fill(std::variant<Kinds...>& value) {
    fill_kind(value, below(sizeof...(Kinds)), std::index_sequence_for<Kinds...>{});
  }

  template <class Struct>
  void fill(Struct& value) {
    fields(*this, value);
  }

 private:
  std::size_t below(std::size_t bound) { return (*random_)() % bound; }

  std::string text(std::size_t length_index) {
    // Lengths around the ones where the form changes.
    static constexpr std::size_t lengths[] = {0, 1, 5, 15, 16, 31, 32, 255, 256, 300, 70'000};
    std::string result(lengths[length_index], '\0');
    for (char& byte : result)
      byte = static_cast<char>((*random_)());
    return result;
  }

  template <class Variant, std::size_t... indices>
  void fill_kind(Variant& value, std::size_t index, std::index_sequence<indices...>) {
    ((index == indices ? fill(value.template emplace<indices>()) : void()), ...);
  }

  Random* random_;
};

}  // namespace

Message random_message(Random& random) {
  Message value;
  Filler{random}.fill(value);
  return value;
}

Request random_request(Random& random) {
  Request value;
  Filler{random}.fill(value);
  return value;
}

Reply random_reply(Random& random) {
  Reply value;
  Filler{random}.fill(value);
  return value;
}

Descriptor random_descriptor(Random& random) {
  Descriptor value;
  Filler{random}.fill(value);
  return value;
}

// ---- as text --------------------------------------------------------------------------------

namespace {

class Describer {
 public:
  template <class... Fields>
  void operator()(const Fields&... values) {
    out_ << '(';
    ((add(values), out_ << ' '), ...);
    out_ << ')';
  }

  void add(bool value) { out_ << (value ? "true" : "false"); }

  void add(const std::string& value) { out_ << '"' << value << '"'; }

  void add(const Bytes& value) { out_ << '<' << value.view() << '>'; }

  template <std::unsigned_integral Number>
  void add(const Number& value) {
    out_ << std::uint64_t{value};
  }

  template <class Enum>
  requires std::is_enum_v<Enum>

  void add(const Enum& value) { out_ << '#' << static_cast<unsigned>(value); }

  template <class Tag, class Number>
  void add(const Id<Tag, Number>& value) {
    out_ << value;
  }

  template <class Tag>
  void add(const Id128<Tag>& value) {
    out_ << value.high << ':' << value.low;
  }

  void add(const Hlc& value) { out_ << value.value(); }

  template <class Item>
  void add(const std::vector<Item>& values) {
    out_ << '[';
    for (const Item& value : values) {
      add(value);
      out_ << ',';
    }
    out_ << ']';
  }

  template <class Value>
  void add(const std::optional<Value>& value) {
    out_ << '?';
    if (value) add(*value);
  }

  void add(const DescriptorPtr& value) {
    out_ << '*';
    if (value) add(*value);
  }

  template <class... Kinds>
  void add(const std::variant<Kinds...>& value) {
    out_ << value.index();
    std::visit([this](const auto& kind) { this->add(kind); }, value);
  }

  template <class Struct>
  void add(const Struct& value) {
    fields(*this, const_cast<Struct&>(value));
  }

  [[nodiscard]] std::string text() const { return out_.str(); }

 private:
  std::ostringstream out_;
};

template <class Value>
std::string described(const Value& value) {
  Describer describer;
  describer.add(value);
  return describer.text();
}

template <class Encode>
std::string encoded_by(Encode encode) {
  transport::FrameBuffer out;
  const Result<std::size_t> count = encode(out);
  if (!count || *count != 1) std::abort();
  return std::string(out.view());
}

}  // namespace

std::string describe(const FrameHeader& value) {
  return described(value);
}

std::string describe(const Message& value) {
  return described(value);
}

std::string describe(const Request& value) {
  return described(value);
}

std::string describe(const Reply& value) {
  return described(value);
}

transport::ReceivedFrame received(std::string_view frame) {
  // Exactly as long as the frame, so that a sanitizer sees one byte too far.
  const std::shared_ptr<char[]> bytes(new char[frame.size()]);
  frame.copy(bytes.get(), frame.size());
  return {.owner = bytes, .view = {bytes.get(), frame.size()}};
}

transport::DecodeLimits default_limits() {
  return transport::decode_limits(Limits{});
}

std::string frame_of(const Message& message) {
  return encoded_by([&](transport::FrameBuffer& out) {
    return transport::encode_peer(out, frame_header(), {&message, 1}, default_limits());
  });
}

std::string frame_of(const Request& request) {
  return encoded_by([&](transport::FrameBuffer& out) {
    return transport::encode_requests(out, {&request, 1}, default_limits());
  });
}

std::string frame_of(const Reply& reply) {
  return encoded_by([&](transport::FrameBuffer& out) {
    return transport::encode_replies(out, {&reply, 1}, default_limits());
  });
}

}  // namespace nemcon::samples
