// What a Connection does on the application's threads.
#include "client/connection.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "core/check.hpp"
#include "transport/endpoint.hpp"
#include "transport/hashing.hpp"

namespace nemcon::client {

namespace {

// What a node takes.
constexpr std::size_t name_bytes_max = 255;

ClientOptions checked(ClientOptions options) {
  if (options.nodes.empty()) {
    throw std::invalid_argument("ClientOptions::nodes is empty: give at least one address");
  }
  for (const std::string& address : options.nodes) {
    const std::string trouble = find_address_trouble(address);
    if (!trouble.empty()) throw std::invalid_argument(trouble);
  }
  if (options.name.size() > name_bytes_max || options.name.starts_with('#')) {
    throw std::invalid_argument("ClientOptions::name has at most 255 bytes and no leading #");
  }
  if (options.deadline.count() <= 0) {
    throw std::invalid_argument("ClientOptions::deadline must be positive");
  }
  if (options.key_file.empty() != options.node_keys.empty()) {
    throw std::invalid_argument(
        "ClientOptions::key_file and node_keys belong together: give both, for nodes that have "
        "keys, or none");
  }
  if (!options.node_keys.empty() && options.node_keys.size() != options.nodes.size()) {
    throw std::invalid_argument("ClientOptions::node_keys has " +
                                std::to_string(options.node_keys.size()) + " keys for " +
                                std::to_string(options.nodes.size()) + " nodes: give one for each");
  }
  const std::string* const remote = transport::find_remote(options.nodes);
  if (remote != nullptr && options.key_file.empty() && !options.insecure) {
    throw std::invalid_argument(
        *remote +
        " leaves this machine, and without keys everything is plain text: give key_file and "
        "node_keys, or say ClientOptions::insecure = true");
  }
  if (options.in_flight_max == 0) {
    throw std::invalid_argument("ClientOptions::in_flight_max must be positive");
  }
  return options;
}

// What the client reads may be larger than this process's own defaults: the node has its own
// limits. Only a bound against nonsense.
core::Limits reading_limits() {
  core::Limits limits;
  limits.message_bytes_max = std::uint64_t{256} << 20U;
  limits.transaction_bytes_max = std::uint64_t{256} << 20U;
  return limits;
}

std::shared_ptr<const transport::KeyPair> own_keys(const ClientOptions& options) {
  if (options.key_file.empty()) return nullptr;
  core::Result<transport::KeyPair> keys = transport::read_key_file(options.key_file);
  if (!keys) throw std::invalid_argument("ClientOptions::key_file: " + keys.error().detail);
  return std::make_shared<const transport::KeyPair>(std::move(keys).value());
}

std::vector<transport::PublicKey> parse_node_keys(const ClientOptions& options) {
  std::vector<transport::PublicKey> keys;
  for (const std::string& text : options.node_keys) {
    const core::Result<transport::PublicKey> key = transport::parse_public_key(text);
    if (!key) {
      throw std::invalid_argument("ClientOptions::node_keys: \"" + text + "\" is " +
                                  key.error().detail);
    }
    keys.push_back(*key);
  }
  return keys;
}

}  // namespace

Connection::Connection(ClientOptions options, Timing timing)
    : options_(checked(std::move(options))),
      node_keys_(parse_node_keys(options_)),
      timing_(timing),
      gate_(std::make_shared<Gate>(options_.in_flight_max, options_.in_flight_bytes_max)),
      socket_(std::make_unique<transport::ClientSocket>(
          transport::process_context(), transport::ClientSocketOptions{.name = options_.name,
                                                                       .keys = own_keys(options_),
                                                                       .limits = reading_limits(),
                                                                       .timing = {}})),
      dialer_(options_.nodes, transport::random_u64(), timing),
      session_(options_.name, transport::random_id128<core::ClientId>(), timing),
      questions_(timing),
      subscriptions_(timing),
      services_(timing) {}

Connection::~Connection() {
  NEMCON_CHECK(!thread_.joinable());
}

void Connection::start() {
  is_running_ = true;
  thread_ = std::thread([this] { run(); });
}

// Outermost first: no new work, no service function, no outcome that is not told, no callback;
// then the last words to the node.
void Connection::close() {
  std::vector<std::shared_ptr<ServiceWorker>> workers;
  {
    const std::lock_guard lock{mutex_};
    if (is_closing_) return;
    is_closing_ = true;
    workers = workers_;
  }
  gate_->close();
  for (const auto& worker : workers)
    worker->stop();
  std::promise<void> gave_up;
  post([this, &gave_up] {
    give_up();
    gave_up.set_value();
  });
  gave_up.get_future().wait();
  callbacks_.stop();
  post([this] {
    give_up();
    is_ending_ = true;
  });
  thread_.join();
}

bool Connection::post(Order order) {
  const std::lock_guard lock{mutex_};
  if (!is_running_) return false;
  const bool was_empty = orders_.empty();
  orders_.push_back(std::move(order));
  if (was_empty) socket_->wake();
  return true;
}

void Connection::throw_closed() {
  throw Error{ErrorClass::retryable, Reason::stopping, "the client was closed"};
}

// ---- transactions -----------------------------------------------------------------------------

void Connection::submit(Work work, std::optional<core::TransactionId> reserved,
                        core::Instant deadline, Completion completion) {
  {
    const std::lock_guard lock{mutex_};
    if (is_closing_) throw_closed();
  }
  const std::chrono::steady_clock::time_point patience{deadline.time_since_epoch()};
  if (callbacks_.is_this_thread()) {
    completion.hold(gate_->enter_at_once(work.byte_count));
  } else {
    Gate::Pass pass;
    if (!gate_->try_enter(work.byte_count, patience, pass)) {
      throw Error{ErrorClass::retryable, Reason::window_full,
                  "too many transactions under way (ClientOptions::in_flight_max, "
                  "in_flight_bytes_max)"};
    }
    completion.hold(std::move(pass));
  }

  const bool is_posted = post(Submission{.work = std::move(work),
                                         .reserved = reserved,
                                         .waiter = Waiter{deadline, std::move(completion)}});
  if (!is_posted) throw_closed();
}

void Connection::await(const core::TransactionId& id, core::Instant deadline,
                       Completion completion) {
  auto waiter = std::make_shared<Waiter>(Waiter{deadline, std::move(completion)});
  const bool is_posted = post([this, id, waiter] {
    if (!session_.try_await(now_, id, *waiter, effects_)) {
      questions_.ask(now_, id, std::move(*waiter));
    }
  });
  if (!is_posted) throw_closed();
}

core::TransactionId Connection::reserve(core::Instant deadline) {
  auto waiter = std::make_shared<IdWaiter>(IdWaiter{deadline, {}});
  std::future<core::TransactionId> id = waiter->promise.get_future();
  if (!post([this, waiter] { session_.reserve(now_, std::move(*waiter)); })) throw_closed();
  return id.get();
}

void Connection::release(const core::TransactionId& id) {
  post([this, id] { session_.release(id); });
}

bool Connection::drain(core::Instant deadline) {
  return gate_->wait_until_empty(
      std::chrono::steady_clock::time_point{deadline.time_since_epoch()});
}

// ---- receiving --------------------------------------------------------------------------------

void Connection::subscribe(std::shared_ptr<Inbox> inbox) {
  const bool is_posted = post([this, inbox] {
    if (session_.is_fenced()) {
      inbox->fail(Error{ErrorClass::rolled_back, Reason::fenced, session_.trouble()});
    } else {
      subscriptions_.add(inbox, effects_);
    }
  });
  if (!is_posted) inbox->stop();
}

void Connection::unsubscribe(std::shared_ptr<Inbox> inbox) {
  inbox->stop();
  post([this, inbox] { subscriptions_.remove(inbox.get(), effects_); });
}

void Connection::add_credit(std::uint64_t subscription, std::uint32_t credit) {
  post([this, subscription, credit] { subscriptions_.add_credit(subscription, credit, effects_); });
}

std::future<bool> Connection::settle(Settling settling, core::LeaseToken token) {
  std::promise<bool> answer;
  std::future<bool> settled = answer.get_future();
  const bool is_posted = post(Settlement{.settling = std::move(settling),
                                         .token = token,
                                         .deadline = now() + options_.deadline,
                                         .answer = std::move(answer)});
  if (is_posted) return settled;
  std::promise<bool> never;
  never.set_value(false);
  return never.get_future();
}

// ---- services ---------------------------------------------------------------------------------

ServiceWorker::Reports Connection::make_reports(const std::string& name) {
  // The workers end before the connection does (close), so that `this` is safe.
  return {
      .voted =
          [this](core::ServiceVote vote, std::uint64_t link) {
            post([this, vote, link] { services_.on_voted(vote, link, effects_); });
          },
      .done =
          [this](core::ServiceDone done) {
            post([this, done] { services_.on_done(done, effects_); });
          },
      .collected =
          [this, name](std::vector<core::CallKey> in_doubt, ServiceWorker::Look look) {
            post([this, name, in_doubt, look] {
              services_.on_collected(name, in_doubt, look, effects_);
            });
          },
      .trouble =
          [this](std::string text) {
            post([this, text] { effects_.notices.push_back({Notice::Kind::service, text}); });
          },
  };
}

std::future<bool> Connection::serve(const std::string& name, Service service,
                                    std::size_t thread_count, core::Instant deadline) {
  if (name.empty()) throw std::invalid_argument("serve: the service has no name");
  if (name.find('@') != std::string::npos) {
    throw std::invalid_argument("serve: \"" + name +
                                "\": a service is served at the connected node; leave out \"@\"");
  }
  if (!service.prepare) throw std::invalid_argument("serve: Service::prepare is missing");
  reap();
  auto answer = std::make_shared<std::promise<bool>>();
  std::future<bool> active = answer->get_future();
  auto worker = std::make_shared<ServiceWorker>(name, std::move(service), thread_count, timing_,
                                                make_reports(name));
  {
    const std::lock_guard lock{mutex_};
    if (is_closing_) throw_closed();
    workers_.push_back(worker);
  }
  const bool is_posted = post([this, name, worker, deadline, answer] {
    if (!services_.contains(name)) {
      services_.add(name, worker, deadline, std::move(*answer));
      return;
    }
    effects_.retired.push_back(worker);
    answer->set_exception(std::make_exception_ptr(
        std::logic_error("serve: this client serves \"" + name + "\" already")));
  });
  if (!is_posted) throw_closed();
  return active;
}

void Connection::unserve(const std::string& name) {
  auto removed = std::make_shared<std::promise<void>>();
  std::future<void> is_removed = removed->get_future();
  const bool is_posted = post([this, name, removed] {
    services_.remove(name, effects_);
    carry_out();
    removed->set_value();
  });
  if (!is_posted) return;
  is_removed.wait();
  reap();
}

// Joins what was asked to stop. Not the worker whose own function called us: it is joined later.
void Connection::reap() {
  std::vector<std::shared_ptr<ServiceWorker>> ended;
  {
    const std::lock_guard lock{mutex_};
    std::erase_if(workers_, [&](const std::shared_ptr<ServiceWorker>& worker) {
      if (!worker->is_stopping() || worker->is_own_thread()) return false;
      ended.push_back(worker);
      return true;
    });
  }
  for (const auto& worker : ended)
    worker->stop();
}

// ---- looking ----------------------------------------------------------------------------------

std::future<core::Report> Connection::inspect(core::Inspect question, core::Instant deadline) {
  auto answer = std::make_shared<std::promise<core::Report>>();
  std::future<core::Report> report = answer->get_future();
  const bool is_posted = post([this, question, deadline, answer] {
    questions_.inspect(now_, question, deadline, std::move(*answer));
  });
  if (!is_posted) throw_closed();
  return report;
}

}  // namespace nemcon::client
