// RabbitMQ: durable queues, persistent messages, publisher confirms, consumers with manual acks;
// and AMQP transactions over two queues of one broker.
#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include <amqp.h>
#include <amqp_tcp_socket.h>

#include "tests/bench/peers/driver.hpp"

namespace nemcon::bench::peers {
namespace {

constexpr amqp_channel_t channel = 1;
constexpr int frame_bytes_max = 131'072;
constexpr std::uint16_t prefetch = 2000;

amqp_bytes_t bytes_of(const std::string& text) {
  // The library does not write to it.
  return {.len = text.size(), .bytes = const_cast<char*>(text.data())};
}

class Rabbit final : public Connection {
 public:
  Rabbit(int port, const std::string& queue_type, bool is_transactional)
      : type_(queue_type),
        queue_("queue-" + queue_type),
        other_("other-" + queue_type),
        connection_(amqp_new_connection()) {
    amqp_socket_t* const socket = amqp_tcp_socket_new(connection_);
    if (amqp_socket_open(socket, "127.0.0.1", port) != AMQP_STATUS_OK)
      fail("rabbitmq: cannot connect");
    check(amqp_login(connection_, "/", 0, frame_bytes_max, 0, AMQP_SASL_METHOD_PLAIN, "guest",
                     "guest"));
    amqp_channel_open(connection_, channel);
    check(amqp_get_rpc_reply(connection_));
    declare(queue_);
    declare(other_);
    if (is_transactional) {
      amqp_tx_select(connection_, channel);
    } else {
      amqp_confirm_select(connection_, channel);
    }
    check(amqp_get_rpc_reply(connection_));
  }

  ~Rabbit() override {
    amqp_connection_close(connection_, AMQP_REPLY_SUCCESS);
    amqp_destroy_connection(connection_);
  }

  Rabbit(const Rabbit&) = delete;
  Rabbit& operator=(const Rabbit&) = delete;

  void begin_enqueue(const std::string& body) override { publish(queue_, body); }

  void begin_commit(const std::string& body) override {
    publish(queue_, body);
    publish(other_, body);
    amqp_tx_commit(connection_, channel);
    check(amqp_get_rpc_reply(connection_));
    committed_ += 1;
  }

  std::size_t reap() override {
    if (committed_ > 0) return std::exchange(committed_, 0);
    timeval patience{.tv_sec = 30, .tv_usec = 0};
    std::size_t done = 0;
    for (;;) {
      amqp_maybe_release_buffers(connection_);
      amqp_frame_t frame;
      const int status = amqp_simple_wait_frame_noblock(connection_, &frame, &patience);
      if (status == AMQP_STATUS_TIMEOUT && done > 0) return done;
      if (status != AMQP_STATUS_OK) fail("rabbitmq: no confirm came");
      done += confirmed_by(frame);
      patience = {};  // What has come already, and no more.
    }
  }

  std::size_t consume(std::size_t count_max) override {
    if (!is_consuming_) subscribe();
    std::size_t count = 0;
    std::uint64_t newest = 0;
    while (count < std::min<std::size_t>(count_max, 200)) {
      amqp_maybe_release_buffers(connection_);
      amqp_envelope_t envelope;
      timeval patience{.tv_sec = 0, .tv_usec = count == 0 ? 50'000 : 1000};
      const amqp_rpc_reply_t reply = amqp_consume_message(connection_, &envelope, &patience, 0);
      if (reply.reply_type != AMQP_RESPONSE_NORMAL) break;
      newest = envelope.delivery_tag;
      count += 1;
      amqp_destroy_envelope(&envelope);
    }
    if (count > 0) amqp_basic_ack(connection_, channel, newest, 1);
    return count;
  }

  void clear() override {
    amqp_queue_purge(connection_, channel, bytes_of(queue_));
    check(amqp_get_rpc_reply(connection_));
    amqp_queue_purge(connection_, channel, bytes_of(other_));
    check(amqp_get_rpc_reply(connection_));
  }

 private:
  static void check(const amqp_rpc_reply_t& reply) {
    if (reply.reply_type != AMQP_RESPONSE_NORMAL)
      fail("rabbitmq: answer of type " + std::to_string(reply.reply_type));
  }

  void declare(const std::string& queue) {
    amqp_table_entry_t entry{};
    entry.key = amqp_cstring_bytes("x-queue-type");
    entry.value.kind = AMQP_FIELD_KIND_UTF8;
    entry.value.value.bytes = bytes_of(type_);
    amqp_queue_declare(connection_, channel, bytes_of(queue), 0, 1, 0, 0,
                       {.num_entries = 1, .entries = &entry});
    check(amqp_get_rpc_reply(connection_));
  }

  void subscribe() {
    amqp_basic_qos(connection_, channel, 0, prefetch, 0);
    amqp_basic_consume(connection_, channel, bytes_of(queue_), amqp_empty_bytes, 0, 0, 0,
                       amqp_empty_table);
    check(amqp_get_rpc_reply(connection_));
    is_consuming_ = true;
  }

  void publish(const std::string& queue, const std::string& body) {
    amqp_basic_properties_t properties{};
    properties._flags = AMQP_BASIC_DELIVERY_MODE_FLAG;
    properties.delivery_mode = 2;  // Persistent.
    if (amqp_basic_publish(connection_, channel, amqp_empty_bytes, bytes_of(queue), 0, 0,
                           &properties, bytes_of(body)) != AMQP_STATUS_OK)
      fail("rabbitmq: cannot publish");
  }

  // Confirms may come out of order. They are counted: one for many stands for all up to its tag
  // that no other such one has stood for.
  std::size_t confirmed_by(const amqp_frame_t& frame) {
    if (frame.frame_type != AMQP_FRAME_METHOD || frame.payload.method.id != AMQP_BASIC_ACK_METHOD)
      fail("rabbitmq: something else than a confirm came");
    const auto* const ack = static_cast<amqp_basic_ack_t*>(frame.payload.method.decoded);
    if (ack->multiple == 0) {
      confirmed_ += 1;
      return 1;
    }
    const std::uint64_t more = ack->delivery_tag > confirmed_ ? ack->delivery_tag - confirmed_ : 0;
    confirmed_ += more;
    return more;
  }

  std::string type_;
  std::string queue_;
  std::string other_;
  amqp_connection_state_t connection_;
  std::uint64_t confirmed_ = 0;
  std::size_t committed_ = 0;
  bool is_consuming_ = false;
};

}  // namespace
}  // namespace nemcon::bench::peers

int main(int argc, char** argv) {
  namespace peers = nemcon::bench::peers;
  return peers::drive(
      argc, argv, "rabbitmq", [](const peers::DriveOptions& options) -> peers::Connect {
        return [options] {
          return std::make_unique<peers::Rabbit>(std::stoi(options.address), options.queue_type,
                                                 options.run == "commit");
        };
      });
}
