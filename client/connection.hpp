// Connection: the running part of a Client. It owns the loop thread, which owns the socket and
// everything that is not guarded by a mutex; the callback thread; and the service threads.
//
//   application threads ── orders ──► mailbox ──► loop thread ── requests ──► node
//                       ◄─ futures, inboxes ───────┘   │  ▲
//                       ◄─ callback thread, service threads (orders back by the mailbox)
//
// All handles (Transaction, Consumer, Delivery) share it; the Client ends it by close(), after
// which every call is answered at once.
//
// Public calls: any thread, unless they say otherwise.
#pragma once

#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include <nemcon/client.hpp>

#include "client/callbacks.hpp"
#include "client/dialer.hpp"
#include "client/gate.hpp"
#include "client/inbox.hpp"
#include "client/questions.hpp"
#include "client/services.hpp"
#include "client/session.hpp"
#include "client/subscriptions.hpp"
#include "transport/links.hpp"

namespace nemcon::client {

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  // Throws std::invalid_argument for options that can never work.
  explicit Connection(ClientOptions options, Timing timing = {});
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // After it is held by a shared_ptr.
  void start();

  // Ends everything; see ~Client. Once; not from a callback or a service function.
  void close();

  [[nodiscard]] const ClientOptions& options() const { return options_; }

  [[nodiscard]] std::chrono::milliseconds deadline_or_default(
      std::chrono::milliseconds asked) const {
    return asked.count() > 0 ? asked : options_.deadline;
  }

  // ---- transactions ---------------------------------------------------------------------------

  // Waits for room, then hands over. Retryable Error when there is none before the deadline, or the
  // client is closed.
  void submit(Work work, std::optional<core::TransactionId> reserved, core::Instant deadline,
              Completion completion);
  void await(const core::TransactionId& id, core::Instant deadline, Completion completion);
  [[nodiscard]] core::TransactionId reserve(core::Instant deadline);
  void release(const core::TransactionId& id);
  [[nodiscard]] bool drain(core::Instant deadline);

  // ---- receiving ------------------------------------------------------------------------------

  void subscribe(std::shared_ptr<Inbox> inbox);
  void unsubscribe(std::shared_ptr<Inbox> inbox);
  void add_credit(std::uint64_t subscription, std::uint32_t credit);
  [[nodiscard]] std::future<bool> settle(Settling settling, core::LeaseToken token);

  // ---- services -------------------------------------------------------------------------------

  [[nodiscard]] std::future<bool> serve(const std::string& name, Service service,
                                        std::size_t thread_count, core::Instant deadline);
  void unserve(const std::string& name);

  // ---- looking --------------------------------------------------------------------------------

  [[nodiscard]] std::future<core::Report> inspect(core::Inspect question, core::Instant deadline);

 private:
  // The two that come with every transaction and every delivery are not wrapped up as functions.
  struct Submission {
    Work work;
    std::optional<core::TransactionId> reserved;
    Waiter waiter;
  };

  struct Settlement {
    Settling settling;
    core::LeaseToken token;
    core::Instant deadline;
    std::promise<bool> answer;
  };

  using Order = std::variant<std::function<void()>, Submission, Settlement>;

  // Carries it out on the loop thread. False when there is none any more: it never will be.
  bool post(Order order);

  // The callbacks' thread.
  void call_back(Telling telling);

  // The loop thread, all below.
  void run();
  void turn();
  void take_orders();
  void on_order(Order& order);
  void receive();
  void on_event(transport::ClientEvent& event);
  void on_reply(core::Reply& reply);
  void on_link_up(const transport::LinkUp& up);
  void on_link_down(const transport::LinkDown& down);
  void on_opened(const core::Opened& opened);
  void on_denied(const core::Denied& denied);
  void on_concluded(const core::Concluded& concluded);
  void leave_link(const std::string& why);
  void dial();
  void advance();
  void carry_out();
  void send_requests();
  void on_unsendable(const core::Request& request);
  void tell(std::vector<Telling> tellings);
  void note(Notice notice);
  void retire(std::shared_ptr<ServiceWorker> worker);
  void check_fenced();
  void give_up();
  void say_farewell();
  [[nodiscard]] core::Duration wait_at_most() const;

  [[nodiscard]] ServiceWorker::Reports make_reports(const std::string& name);
  [[noreturn]] static void throw_closed();
  void reap();

  const ClientOptions options_;
  const std::vector<transport::PublicKey> node_keys_;  // One for each address, or none.
  const Timing timing_;
  const std::shared_ptr<Gate> gate_;
  Callbacks callbacks_;

  // Shared.
  std::mutex mutex_;
  std::vector<Order> orders_;        // Guarded by mutex_, as all of this group.
  std::vector<SessionKey> handled_;  // Of which the callbacks have returned.
  bool is_running_ = false;
  bool is_closing_ = false;
  std::vector<std::shared_ptr<ServiceWorker>> workers_;  // That have not been seen to end.
  std::unique_ptr<transport::ClientSocket> socket_;      // Only wake() is for other threads.

  // The loop's own.
  core::Instant now_{};
  Dialer dialer_;
  Session session_;
  Questions questions_;
  Subscriptions subscriptions_;
  Services services_;
  Effects effects_;
  std::vector<core::Request> outgoing_;  // In order; what could not be sent yet stays.
  std::vector<transport::ClientEvent> events_;
  std::uint64_t link_ = 0;  // The number of the latest link.
  bool is_link_up_ = false;
  bool is_held_ = false;
  bool fenced_was_told_ = false;
  bool is_ending_ = false;

  std::thread thread_;  // Last: it uses everything above.
};

}  // namespace nemcon::client
