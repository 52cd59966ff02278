// Client: an application's end of the mesh.
//
//   nemcon::Client client({.nodes = {"tcp://127.0.0.1:7411"}, .name = "checkout"});
//   client.send("orders@shop", "order 17");             // durable when it returns
//
// Every call of a Client may come from any thread at any time. One thread of the library owns the
// socket; it is never blocked by application code.
//
// No call waits longer than its deadline. A deadline that passes is answered by what is known:
// a retryable Error when the work surely had no effect, Outcome / Error of class `unknown`
// otherwise.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nemcon/consumer.hpp>
#include <nemcon/error.hpp>
#include <nemcon/export.hpp>
#include <nemcon/inspect.hpp>
#include <nemcon/message.hpp>
#include <nemcon/outcome.hpp>
#include <nemcon/service.hpp>
#include <nemcon/transaction.hpp>

namespace nemcon {
inline namespace v0 {

// Something that an operator wants to read of; nothing that a program must act on.
struct Notice {
  enum class Kind : std::uint8_t {
    connected,     // To this node.
    disconnected,  // From this node; the next address is tried.
    fenced,        // A newer session of the same name is open: this client is finished.
    service,       // A service's commit or roll_back threw and will be called again.
    service_role,  // A service became the active instance, or stands by.
    callback,      // An outcome callback threw.
  };
  Kind kind = Kind::connected;
  std::string text;
};

struct ClientOptions {
  // Addresses of nodes, tried in this order; on the loss of one the next is taken. Consumers
  // and services live at the node that the client is connected to: give a client that has
  // any only the addresses of that node.
  std::vector<std::string> nodes{"tcp://127.0.0.1:7411"};

  // A name makes the client's outcomes outlive it: they are kept until it has taken them, and
  // the order of its messages spans restarts. Two clients must not use one name at the same
  // time: the newer fences the older off. Empty: anonymous, known for its life only.
  std::string name;

  // For nodes that have keys; both or none. The file of this client's secret key (see
  // nemcon/keys.hpp; read once, by the constructor), and the public key of each of `nodes`, in the
  // same order. A node that is about to change its key may be in the list twice, once with each.
  // The nodes know this client by its key: `name` must be the one that they have for it, or that,
  // a slash and more, or empty.
  std::string key_file{};
  std::vector<std::string> node_keys{};

  // Without keys: whether addresses that leave this machine may be spoken to in plain text. Anybody
  // on the way can then read and change what is said.
  bool insecure = false;

  // For every call that names none.
  std::chrono::milliseconds deadline{15'000};

  // Transactions and sends under way at a time, those whose callback runs included; further
  // ones wait in commit and send (callbacks do not wait).
  std::size_t in_flight_max = 2048;

  // The same for their bytes, headers and bodies together.
  std::size_t in_flight_bytes_max = std::size_t{64} << 20U;

  // Called on the callback thread. There is one such thread in a Client; it runs outcome callbacks
  // one after the other, in the order in which the outcomes came. A callback may start further
  // work, but must not wait for it.
  std::function<void(const Notice&)> on_notice{};
};

class NEMCON_EXPORT Client {
 public:
  // Returns at once and connects on its own. std::invalid_argument when an address is none
  // ("tcp://host:port", "ipc:///path"), no address is given, or a key cannot be used.
  explicit Client(ClientOptions options = {});

  // Gives up what is under way (its futures and callbacks get `unknown` or a retryable Error),
  // gives deliveries back, waits for callbacks and service functions that run.
  ~Client();
  Client(Client&& other) noexcept;
  Client& operator=(Client&& other) noexcept;

  // ---- sending --------------------------------------------------------------------------------

  // A transaction of one message. Returns when it is durable at the queue's node (with several
  // witnesses: chosen); throws Error, of any of the three classes, when that is not so.
  Outcome send(std::string_view queue, Message message, TransactionOptions options = {});

  // The same without waiting: pipelines thousands. The future gives an Outcome, also a
  // rolled-back or unknown one, or throws the retryable Error.
  [[nodiscard]] std::future<Outcome> send_async(std::string_view queue, Message message,
                                                TransactionOptions options = {});
  void send_async(std::string_view queue, Message message, OutcomeCallback callback,
                  TransactionOptions options = {});

  [[nodiscard]] Transaction begin(TransactionOptions options = {});

  // What became of a transaction of anybody; by any node. Waits while it is in doubt. `unknown`
  // with Reason::too_old when nobody knows any more, with not_found when nobody has heard of it.
  // Retryable Error when no node answered.
  [[nodiscard]] Outcome outcome(const TransactionId& id, std::chrono::milliseconds deadline = {});
  [[nodiscard]] std::future<Outcome> outcome_async(const TransactionId& id,
                                                   std::chrono::milliseconds deadline = {});

  // Waits until nothing is under way and every callback has returned. False when `patience`
  // passed before.
  bool drain(std::chrono::milliseconds patience);

  // ---- receiving ------------------------------------------------------------------------------

  // Never blocks; the consumer waits for the node.
  [[nodiscard]] Consumer consume(std::string_view queue, ConsumeOptions options = {});

  // ---- taking part ----------------------------------------------------------------------------

  // Offers a service at the connected node, and again at every reconnection, until unserve().
  // Returns when the node has taken it: true as the active instance, false standing by for
  // another. Error when the node refused or none answered; then it is not served.
  bool serve(std::string_view name, Service service, ServeOptions options = {});
  [[nodiscard]] std::future<bool> serve_async(std::string_view name, Service service,
                                              ServeOptions options = {});

  // Takes no new calls; waits for the functions that run. What is prepared stays in doubt until
  // the service is served again.
  void unserve(std::string_view name);

  // ---- looking --------------------------------------------------------------------------------

  // As the connected node sees it. Retryable Error when no node answered.
  [[nodiscard]] MeshStatus status(std::chrono::milliseconds deadline = {});
  [[nodiscard]] std::vector<QueueStatus> queues(std::chrono::milliseconds deadline = {});
  // At most 1,000, undecided ones before others; status().counts has the whole number.
  [[nodiscard]] std::vector<TransactionStatus> transactions(
      bool in_doubt_only = false, std::chrono::milliseconds deadline = {});
  [[nodiscard]] std::optional<TransactionStatus> transaction(
      const TransactionId& id, std::chrono::milliseconds deadline = {});

  // The name of the connected node. Retryable Error when none answered.
  [[nodiscard]] std::string connected_node(std::chrono::milliseconds deadline = {});

  class Impl;

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace v0
}  // namespace nemcon
