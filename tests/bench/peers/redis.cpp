// Redis streams: XADD, XREADGROUP + XACK + XDEL, and MULTI over two streams of one server.
#include <algorithm>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include <hiredis/hiredis.h>

#include "tests/bench/peers/driver.hpp"

namespace nemcon::bench::peers {
namespace {

using Reply = std::unique_ptr<redisReply, void (*)(void*)>;

class Redis final : public Connection {
 public:
  explicit Redis(int port) : context_(redisConnect("127.0.0.1", port)) {
    if (context_ == nullptr || context_->err != 0) fail("redis: cannot connect");
    // Fails when another connection has made it.
    freeReplyObject(redisCommand(context_, "XGROUP CREATE queue group 0 MKSTREAM"));
  }

  ~Redis() override { redisFree(context_); }

  Redis(const Redis&) = delete;
  Redis& operator=(const Redis&) = delete;

  void begin_enqueue(const std::string& body) override {
    redisAppendCommand(context_, "XADD queue * body %b", body.data(), body.size());
    replies_of_.push_back(1);
  }

  void begin_commit(const std::string& body) override {
    redisAppendCommand(context_, "MULTI");
    redisAppendCommand(context_, "XADD queue * body %b", body.data(), body.size());
    redisAppendCommand(context_, "XADD other * body %b", body.data(), body.size());
    redisAppendCommand(context_, "EXEC");
    replies_of_.push_back(4);
  }

  // Half of what is under way, so that the server never runs dry.
  std::size_t reap() override {
    const std::size_t count = std::max<std::size_t>(1, replies_of_.size() / 2);
    for (std::size_t index = 0; index < count; ++index) {
      for (int reply = 0; reply < replies_of_.front(); ++reply)
        (void)next_reply();
      replies_of_.pop_front();
    }
    return count;
  }

  std::size_t consume(std::size_t count_max) override {
    redisAppendCommand(context_, "XREADGROUP GROUP group worker COUNT %d BLOCK 50 STREAMS queue >",
                       static_cast<int>(count_max));
    const Reply reply = next_reply();
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements == 0) return 0;
    const redisReply& messages = *reply->element[0]->element[1];
    std::vector<const char*> acknowledge{"XACK", "queue", "group"};
    std::vector<const char*> remove{"XDEL", "queue"};
    for (std::size_t index = 0; index < messages.elements; ++index) {
      const char* const id = messages.element[index]->element[0]->str;
      acknowledge.push_back(id);
      remove.push_back(id);
    }
    append(acknowledge);
    append(remove);
    (void)next_reply();
    (void)next_reply();
    return messages.elements;
  }

  void clear() override {
    redisAppendCommand(context_, "DEL queue other");
    redisAppendCommand(context_, "XGROUP CREATE queue group 0 MKSTREAM");
    (void)next_reply();
    (void)next_reply();
  }

 private:
  void append(std::vector<const char*>& words) {
    redisAppendCommandArgv(context_, static_cast<int>(words.size()), words.data(), nullptr);
  }

  Reply next_reply() {
    void* reply = nullptr;
    if (redisGetReply(context_, &reply) != REDIS_OK)
      fail(std::string("redis: ") + context_->errstr);
    Reply owned(static_cast<redisReply*>(reply), freeReplyObject);
    if (owned->type == REDIS_REPLY_ERROR) fail(std::string("redis: ") + owned->str);
    return owned;
  }

  redisContext* context_;
  std::deque<int> replies_of_;  // Of each operation under way.
};

}  // namespace
}  // namespace nemcon::bench::peers

int main(int argc, char** argv) {
  namespace peers = nemcon::bench::peers;
  return peers::drive(
      argc, argv, "redis", [](const peers::DriveOptions& options) -> peers::Connect {
        return [port = std::stoi(options.address)] { return std::make_unique<peers::Redis>(port); };
      });
}
