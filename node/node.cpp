#include "node/node.hpp"

#include <algorithm>
#include <chrono>
#include <future>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <variant>

#include <pthread.h>
#include <sys/resource.h>

#include "core/engine.hpp"
#include "log/data_directory.hpp"
#include "log/log.hpp"
#include "node/accepted_members.hpp"
#include "node/audit.hpp"
#include "node/journal_worker.hpp"
#include "node/loop.hpp"
#include "node/node_keys.hpp"
#include "node/orders.hpp"
#include "node/store_worker.hpp"
#include "transport/authenticator.hpp"
#include "transport/hashing.hpp"
#include "transport/links.hpp"

namespace nemcon::node {

namespace {

// The least room for what surrounds the bodies of one transaction in a record: descriptor, names,
// votes and the replies of services.
constexpr std::uint64_t record_overhead_bytes = 4ULL << 20U;
constexpr std::uint64_t page_bytes = 4096;

log::LogOptions log_options(const Config& config) {
  log::LogOptions options;
  options.directory = config.data;
  options.node_name = config.name;
  options.moved = config.data_moved;
  // One transaction fits into a segment; with the default limits this is the default of log.
  const std::uint64_t transaction_bytes = config.limits.transaction_bytes_max;
  const std::uint64_t segment_bytes =
      transaction_bytes + std::max(transaction_bytes / 2, record_overhead_bytes);
  options.segment_bytes = (segment_bytes + page_bytes - 1) / page_bytes * page_bytes;
  return options;
}

core::Options life_options(const Config& config, const log::Identity& identity) {
  core::Options options = engine_options(config);
  options.node = identity.node;
  options.incarnation = identity.incarnation;
  options.nonce = transport::random_u64();
  options.seed = transport::random_u64();
  options.hashing = transport::hashing();
  options.hashing.of_node = log::node_id_of;
  return options;
}

transport::NodeSocketsOptions socket_options(const Config& config) {
  transport::NodeSocketsOptions options;
  options.name = config.name;
  options.listen = config.listen;
  std::uint32_t index = 0;
  for (const PeerConfig& peer : config.peers) {
    options.peers.push_back({core::PeerIndex{index++}, peer.name, peer.endpoint});
  }
  options.limits = config.limits;
  options.connect_rate_max = config.connect_rate_max;
  options.idle_links_max = config.idle_links_max;
  return options;
}

// A queue keeps the ordering that it was made with: its messages are already in that order. One
// that is not configured any more takes nothing new.
void warn_of_queues(const Config& config, const core::Restored& restored, const Trace& trace) {
  std::map<std::string, core::Ordering> made;
  for (const core::Row& row : restored.rows) {
    if (const auto* const queue = std::get_if<core::QueueRow>(&row)) {
      made[queue->name] = queue->ordering;
    }
  }
  for (const core::Record& record : restored.records) {
    if (const auto* const queue = std::get_if<core::QueueDefined>(&record)) {
      made[queue->name] = queue->ordering;
    }
  }
  for (const core::QueueOptions& queue : config.queues) {
    made.erase(queue.name + ".dead");
    const auto found = made.find(queue.name);
    if (found == made.end()) continue;
    const core::Ordering ordering = found->second;
    made.erase(found);
    if (ordering == queue.ordering) continue;
    trace.warning("queue keeps the ordering that it was made with",
                  {{"queue", queue.name},
                   {"made", core::to_text(ordering)},
                   {"configured", core::to_text(queue.ordering)}});
  }
  for (const auto& [name, ordering] : made) {
    trace.warning("queue is closing: it is not in the configuration any more", {{"queue", name}});
  }
}

AuditTime present() {
  const auto wall = std::chrono::system_clock::now().time_since_epoch();
  return {.now = core::Instant{std::chrono::steady_clock::now().time_since_epoch()},
          .wall_ms = static_cast<std::uint64_t>(
              std::chrono::duration_cast<std::chrono::milliseconds>(wall).count())};
}

// Each client has a descriptor; beyond what there are, the sockets take no more connections.
void warn_of_descriptors(const Config& config, const Trace& trace) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur > config.limits.clients_max) return;
  trace.warning("fewer descriptors than max_clients: raise the limit (ulimit -n, LimitNOFILE=)",
                {{"descriptors", std::to_string(limit.rlim_cur)},
                 {"max_clients", std::to_string(config.limits.clients_max)}});
}

// As top -H and perf show it; at most 15 letters.
void name_thread(const char* name) {
  static_cast<void>(::pthread_setname_np(::pthread_self(), name));
}

std::string by_operator(const Config& config) {
  return "operator " + config.members.operator_key;
}

std::vector<std::string> peer_names(const Config& config) {
  std::vector<std::string> names;
  for (const PeerConfig& peer : config.peers)
    names.push_back(peer.name);
  return names;
}

}  // namespace

// Wires the rooms by hand, in reading order; members go in the reverse of it.
class Node::Parts {
 public:
  Parts(const Config& config, const Trace& trace, FailPoints& fail_points, log::Opened log)
      : config_(config),
        trace_(trace),
        fail_points_(fail_points),
        peer_names_(peer_names(config)),
        log_(std::move(log)),
        authenticator_(peer_names_) {}

  ~Parts() {
    stop();
    if (loop_thread_.joinable()) loop_thread_.join();
  }

  Parts(const Parts&) = delete;
  Parts& operator=(const Parts&) = delete;

  // Binds, and lets the threads begin.
  core::Status begin(std::optional<transport::NodeKeys> keys);

  core::Result<Reload> reload(const Config& next);

  void note_refused_members(const Config& next, const std::string& why) {
    const std::lock_guard lock(reload_mutex_);
    note_members(next, "refused: " + why);
  }

  void stop() {
    if (loop_thread_.joinable()) mailboxes_.tell_loop(StopAsked{});
  }

  void wait() { stopped_.wait(); }

  [[nodiscard]] const std::vector<std::string>& endpoints() const { return endpoints_; }

 private:
  void run();
  [[nodiscard]] core::Status take_members(const Config& next);
  void note_members(const Config& next, const std::string& what);
  void begin_audit();
  [[nodiscard]] std::string audited_text() const;
  void end_audit();

  std::mutex reload_mutex_;
  Config config_;                 // As it is in force. Guarded, as the next, by reload_mutex_ ...
  transport::PublicKey own_key_;  // ... once the loop runs.
  const Trace& trace_;
  FailPoints& fail_points_;
  std::vector<std::string> peer_names_;
  std::vector<std::string> endpoints_;
  log::Opened log_;
  std::unique_ptr<Audit> audit_;
  transport::TrustedNames authenticator_;
  std::unique_ptr<transport::NodeSockets> sockets_;
  std::unique_ptr<core::Engine> engine_;
  Mailboxes mailboxes_;
  std::promise<void> stopped_promise_;
  std::shared_future<void> stopped_ = stopped_promise_.get_future().share();
  std::thread loop_thread_;
};

// Without room for it the node works all the same, and says so.
void Node::Parts::begin_audit() {
  auto audit = Audit::open({.directory = config_.data, .node = config_.name}, present());
  if (!audit) {
    trace_.error("no audit record", {{"why", audit.error().detail}});
    return;
  }
  audit_ = std::move(audit).value();
  const core::Status noted = audit_->note_start(present(), NEMCON_VERSION, audited_text());
  if (!noted) trace_.error("no audit record of the start", {{"why", noted.error().detail}});
}

// The file has only the path of the key.
std::string Node::Parts::audited_text() const {
  const std::string text = to_text(config_);
  if (config_.secret_key_file.empty()) return text;
  return text + "# public key " + transport::to_text(own_key_) + "\n";
}

void Node::Parts::end_audit() {
  if (audit_ == nullptr) return;
  if (const core::Status noted = audit_->note(present(), AuditKind::stop, "", ""); !noted) {
    trace_.error("no audit record of the stop", {{"why", noted.error().detail}});
  }
  if (audit_->lost_count() > 0) {
    trace_.error("audit entries were lost", {{"count", std::to_string(audit_->lost_count())}});
  }
  audit_.reset();
}

void Node::Parts::note_members(const Config& next, const std::string& what) {
  if (audit_ == nullptr) return;
  const core::Status noted =
      audit_->note(present(), AuditKind::membership, by_operator(next), what);
  if (!noted) trace_.error("no audit record of the membership", {{"why", noted.error().detail}});
}

// From here on no older membership file is taken. The lock of the data directory is held.
core::Status Node::Parts::take_members(const Config& next) {
  if (next.members.file.empty()) return core::Nothing{};
  log::KernelFiles files;
  const core::Result<MembersAge> age = compare_members(files, next);
  if (!age) {
    note_members(next, "refused: " + age.error().detail);
    return age.error();
  }
  if (const core::Status done = remember_members(files, next); !done) return done.error();
  if (*age == MembersAge::same) return core::Nothing{};
  note_members(next, "accepted: serial " + std::to_string(next.members.serial) + ", " +
                         std::to_string(next.peers.size() + 1) + " nodes, digest " +
                         next.members.digest);
  return core::Nothing{};
}

core::Status Node::Parts::begin(std::optional<transport::NodeKeys> keys) {
  if (keys) own_key_ = keys->own->public_key;
  begin_audit();
  if (const core::Status taken = take_members(config_); !taken) return taken.error();
  transport::NodeSocketsOptions options = socket_options(config_);
  options.keys = std::move(keys);
  auto sockets = transport::NodeSockets::open(transport::process_context(), authenticator_,
                                              std::move(options));
  if (!sockets) return sockets.error();
  sockets_ = std::move(sockets).value();
  endpoints_ = sockets_->endpoints();
  engine_ = std::make_unique<core::Engine>(life_options(config_, log_.identity),
                                           std::move(log_.restored));
  loop_thread_ = std::thread([this] { run(); });
  return core::Nothing{};
}

core::Result<Reload> Node::Parts::reload(const Config& next) {
  constexpr auto patience = std::chrono::seconds{5};
  const std::lock_guard lock(reload_mutex_);
  Reload reload = compare(config_, next);
  if (config_.secret_key_file.empty() || next.secret_key_file.empty()) {
    // Nothing else of it takes effect without keys, and with other clients than before.
    reload.changed.clear();
    return reload;
  }
  core::Result<transport::NodeKeys> keys = load_keys(next);
  if (!keys) return keys.error();
  if (const core::Status taken = take_members(next); !taken) return taken.error();
  const transport::PublicKey own = (*keys).own->public_key;
  if (own != own_key_) reload.changed.emplace_back("[security] the key of this node");
  auto done = std::make_shared<std::promise<core::Status>>();
  std::future<core::Status> status = done->get_future();
  mailboxes_.tell_loop(KeysReplaced{.keys = std::move(keys).value(),
                                    .permissions = engine_options(next).permissions,
                                    .done = std::move(done)});
  // Whatever comes of that: the loop takes it, if not now.
  if (status.wait_for(patience) != std::future_status::ready) {
    reload.pending.emplace_back("all of it: the node is stopping, or its disk hangs");
  } else if (const core::Status set = status.get(); !set) {
    const bool is_tried_again = set.error().code == core::Errc::local_closed;
    reload.pending.push_back(set.error().detail +
                             (is_tried_again ? "; tried until it can be" : ""));
  }
  own_key_ = own;
  config_.secret_key_file = next.secret_key_file;
  config_.members = next.members;
  config_.clients = next.clients;
  for (PeerConfig& peer : config_.peers) {
    const auto found = std::ranges::find(next.peers, peer.name, &PeerConfig::name);
    peer.public_keys =
        found == next.peers.end() ? std::vector<transport::PublicKey>{} : found->public_keys;
    if (found != next.peers.end()) peer.vouches = found->vouches;
  }
  if (audit_ != nullptr) {
    std::string changes;
    for (const std::string& change : reload.changed)
      changes += (changes.empty() ? "" : "; ") + change;
    const core::Status noted = audit_->note_configuration(present(), audited_text(), changes);
    if (!noted) trace_.error("no audit record of a change", {{"why", noted.error().detail}});
  }
  return reload;
}

// The loop thread, from first to last: it begins the other two and sees them end.
void Node::Parts::run() {
  JournalWorker journal(*log_.journal, mailboxes_, trace_, fail_points_);
  StoreWorker store(*log_.store, mailboxes_, trace_, fail_points_, config_.scrub_interval);
  std::thread journal_thread([&journal] {
    name_thread("nemcon-journal");
    journal.run();
  });
  std::thread store_thread([&store] {
    name_thread("nemcon-store");
    store.run();
  });
  name_thread("nemcon-loop");
  Loop loop({.engine = *engine_,
             .sockets = *sockets_,
             .mailboxes = mailboxes_,
             .trace = trace_,
             .fail_points = fail_points_,
             .peer_names = peer_names_,
             .last = log_.last,
             .audit = audit_.get()});
  loop.run();
  mailboxes_.to_journal.close();
  journal_thread.join();
  mailboxes_.to_store.close();
  store_thread.join();
  loop.finish();
  // The sockets belong to this thread until here; then the journal and the store, then the lock.
  sockets_.reset();
  end_audit();
  log_.store.reset();
  log_.journal.reset();
  log_.directory.reset();
  stopped_promise_.set_value();
}

core::Result<std::unique_ptr<Node>> Node::start(const Config& config, const Trace& trace,
                                                FailPoints& fail_points) {
  std::optional<transport::NodeKeys> keys;
  if (!config.secret_key_file.empty()) {
    core::Result<transport::NodeKeys> loaded = load_keys(config);
    if (!loaded) return loaded.error();
    keys = std::move(loaded).value();
  }
  auto log = log::open_log(log_options(config));
  if (!log) return log.error();
  log::Opened opened = std::move(log).value();
  trace.info("recovered", {{"node", config.name},
                           {"id", core::to_text(opened.identity.node)},
                           {"rows", std::to_string(opened.restored.rows.size())},
                           {"records", std::to_string(opened.restored.records.size())},
                           {"lsn", std::to_string(opened.last.value())}});
  warn_of_queues(config, opened.restored, trace);
  warn_of_descriptors(config, trace);
  auto parts = std::make_unique<Parts>(config, trace, fail_points, std::move(opened));
  if (const core::Status begun = parts->begin(std::move(keys)); !begun) return begun.error();
  return std::unique_ptr<Node>(new Node(std::move(parts)));
}

Node::Node(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

Node::~Node() = default;

const std::vector<std::string>& Node::endpoints() const {
  return parts_->endpoints();
}

void Node::note_refused_start(const Config& config, const std::string& why) {
  const auto directory = log::DataDirectory::open({.path = config.data,
                                                   .node_name = config.name,
                                                   .creation = log::Creation::forbidden,
                                                   .moved = config.data_moved,
                                                   .files = nullptr});
  if (!directory) return;
  auto audit = Audit::open({.directory = config.data, .node = config.name}, present());
  if (!audit) return;
  static_cast<void>((*audit)->note(present(), AuditKind::membership, by_operator(config),
                                   "refused at the start: " + why));
}

void Node::note_refused_members(const Config& next, const std::string& why) {
  parts_->note_refused_members(next, why);
}

core::Result<Reload> Node::reload(const Config& next) {
  return parts_->reload(next);
}

void Node::stop() {
  parts_->stop();
}

void Node::wait() {
  parts_->wait();
}

}  // namespace nemcon::node
