// NATS JetStream: a work queue in a file store, published to with an answer for each message, and a
// pull consumer with explicit acks.
#include <array>
#include <memory>
#include <string>
#include <string_view>

#include <nats/nats.h>

#include "tests/bench/peers/driver.hpp"

namespace nemcon::bench::peers {
namespace {

constexpr const char* stream = "bench";
constexpr const char* subject = "bench.queue";
constexpr std::int64_t answer_ms_max = 30'000;
constexpr std::int64_t consume_ms_max = 50;
constexpr std::int64_t ack_pending_max = 20'000;

void check(natsStatus status, const char* what) {
  if (status != NATS_OK) fail(std::string("nats: ") + what + ": " + natsStatus_GetText(status));
}

class Nats final : public Connection {
 public:
  // With one in flight nothing is waited for to share a packet with.
  Nats(int port, bool sends_at_once) {
    natsOptions* options = nullptr;
    check(natsOptions_Create(&options), "options");
    const std::string url = "nats://127.0.0.1:" + std::to_string(port);
    check(natsOptions_SetURL(options, url.c_str()), "url");
    check(natsOptions_SetSendAsap(options, sends_at_once), "options");
    check(natsConnection_Connect(&connection_, options), "connect");
    natsOptions_Destroy(options);
    check(natsConnection_JetStream(&jet_stream_, connection_, nullptr), "jetstream");
    add_stream();
    natsInbox* inbox = nullptr;
    check(natsInbox_Create(&inbox), "inbox");
    inbox_ = inbox;
    natsInbox_Destroy(inbox);
    check(natsConnection_SubscribeSync(&answers_, connection_, inbox_.c_str()), "subscribe");
    check(natsSubscription_SetPendingLimits(answers_, -1, -1), "limits");
  }

  ~Nats() override {
    natsSubscription_Destroy(answers_);
    natsSubscription_Destroy(deliveries_);
    jsCtx_Destroy(jet_stream_);
    natsConnection_Destroy(connection_);
  }

  Nats(const Nats&) = delete;
  Nats& operator=(const Nats&) = delete;

  void begin_enqueue(const std::string& body) override {
    check(natsConnection_PublishRequest(connection_, subject, inbox_.c_str(), body.data(),
                                        static_cast<int>(body.size())),
          "publish");
  }

  std::size_t reap() override {
    take_answer();
    int more = 0;
    check(natsSubscription_GetPending(answers_, &more, nullptr), "pending");
    for (int index = 0; index < more; ++index)
      take_answer();
    return 1 + static_cast<std::size_t>(more);
  }

  std::size_t consume(std::size_t count_max) override {
    if (deliveries_ == nullptr) subscribe();
    natsMsgList messages{};
    const natsStatus status = natsSubscription_Fetch(
        &messages, deliveries_, static_cast<int>(count_max), consume_ms_max, nullptr);
    if (status == NATS_TIMEOUT) return 0;
    check(status, "fetch");
    // The last one is answered, and by then the others have been looked at.
    for (int index = 0; index + 1 < messages.Count; ++index)
      check(natsMsg_Ack(messages.Msgs[index], nullptr), "ack");
    if (messages.Count > 0)
      check(natsMsg_AckSync(messages.Msgs[messages.Count - 1], nullptr, nullptr), "ack");
    const auto count = static_cast<std::size_t>(messages.Count);
    natsMsgList_Destroy(&messages);
    return count;
  }

  void clear() override { check(js_PurgeStream(jet_stream_, stream, nullptr, nullptr), "purge"); }

 private:
  void add_stream() {
    jsStreamConfig config;
    check(jsStreamConfig_Init(&config), "stream");
    std::array<const char*, 1> subjects{subject};
    config.Name = stream;
    config.Subjects = subjects.data();
    config.SubjectsLen = 1;
    config.Storage = js_FileStorage;
    config.Retention = js_WorkQueuePolicy;
    // The same again is no error.
    check(js_AddStream(nullptr, jet_stream_, &config, nullptr, nullptr), "stream");
  }

  void subscribe() {
    jsSubOptions options;
    check(jsSubOptions_Init(&options), "consumer");
    options.Config.MaxAckPending = ack_pending_max;
    check(
        js_PullSubscribe(&deliveries_, jet_stream_, subject, "worker", nullptr, &options, nullptr),
        "consumer");
  }

  void take_answer() {
    natsMsg* answer = nullptr;
    check(natsSubscription_NextMsg(&answer, answers_, answer_ms_max), "no answer");
    const std::string_view text(natsMsg_GetData(answer),
                                static_cast<std::size_t>(natsMsg_GetDataLength(answer)));
    if (natsMsg_IsNoResponders(answer) || text.find("\"error\"") != std::string_view::npos)
      fail("nats: " + std::string(text));
    natsMsg_Destroy(answer);
  }

  natsConnection* connection_ = nullptr;
  jsCtx* jet_stream_ = nullptr;
  natsSubscription* answers_ = nullptr;
  natsSubscription* deliveries_ = nullptr;  // Of a consumer only.
  std::string inbox_;
};

}  // namespace
}  // namespace nemcon::bench::peers

int main(int argc, char** argv) {
  namespace peers = nemcon::bench::peers;
  return peers::drive(argc, argv, "nats", [](const peers::DriveOptions& options) -> peers::Connect {
    return [port = std::stoi(options.address), sends_at_once = options.in_flight == 1] {
      return std::make_unique<peers::Nats>(port, sends_at_once);
    };
  });
}
