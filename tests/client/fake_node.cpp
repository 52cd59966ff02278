#include "tests/client/fake_node.hpp"

#include <utility>

#include "core/check.hpp"
#include "core/overloaded.hpp"
#include "transport/hashing.hpp"

namespace nemcon::tests {

namespace {

core::Instant steady_now() {
  return core::Instant{std::chrono::duration_cast<core::Duration>(
      std::chrono::steady_clock::now().time_since_epoch())};
}

}  // namespace

FakeNode::FakeNode(Settings settings) : settings_(std::move(settings)) {
  start("tcp://127.0.0.1:*");
}

FakeNode::~FakeNode() {
  die();
}

void FakeNode::start(const std::string& listen) {
  transport::NodeSocketsOptions options;
  options.name = settings_.name;
  options.listen = {listen};
  // The port of a node that has just died may be free a moment later only.
  const auto until = std::chrono::steady_clock::now() + patience;
  while (true) {
    auto opened = transport::NodeSockets::open(transport::process_context(), trusted_, options);
    if (opened) {
      sockets_ = std::move(opened).value();
      break;
    }
    if (std::chrono::steady_clock::now() > until) throw std::runtime_error(opened.error().detail);
    std::this_thread::yield();
  }
  endpoint_ = sockets_->endpoints().front();
  is_stopping_ = false;
  thread_ = std::thread([this] { run(); });
}

void FakeNode::die() {
  {
    const std::lock_guard lock{mutex_};
    is_stopping_ = true;
  }
  if (thread_.joinable()) thread_.join();
}

void FakeNode::revive() {
  NEMCON_CHECK(!thread_.joinable());
  start(endpoint_);
}

void FakeNode::set(Settings settings) {
  const std::lock_guard lock{mutex_};
  settings_ = std::move(settings);
}

void FakeNode::reply(core::Reply reply) {
  const std::lock_guard lock{mutex_};
  replies_.push_back(std::move(reply));
}

std::size_t FakeNode::client_count() {
  const std::lock_guard lock{mutex_};
  return link_ == core::LinkId{} ? 0 : 1;
}

void FakeNode::run() {
  while (true) {
    {
      const std::lock_guard lock{mutex_};
      if (is_stopping_) break;
    }
    turn();
  }
  sockets_.reset();
  const std::lock_guard lock{mutex_};
  replies_.clear();
  link_ = {};
}

void FakeNode::turn() {
  sockets_->poll(steady_now(), std::chrono::milliseconds{2}, {});
  std::vector<transport::NodeEvent> events;
  sockets_->receive(steady_now(), events);
  const std::lock_guard lock{mutex_};
  for (const transport::NodeEvent& event : events) {
    if (const auto* requested = std::get_if<core::ClientRequested>(&event)) {
      on_request(*requested);
    }
    if (const auto* gone = std::get_if<core::ClientGone>(&event)) {
      if (gone->link == link_) link_ = {};
    }
  }
  if (link_ == core::LinkId{} || replies_.empty()) return;
  const auto result = sockets_->send_to_client(link_, replies_);
  // A client that has just gone gets them at its next link, if the test did not take them back.
  if (result == transport::SendResult::down) return;
  NEMCON_CHECK(result == transport::SendResult::sent, transport::to_text(result));
  replies_.clear();
}

void FakeNode::on_request(const core::ClientRequested& requested) {
  link_ = requested.link;
  requests_.push_back(requested.request);
  if (const auto* open = std::get_if<core::Open>(&requested.request)) {
    if (settings_.opens) replies_.emplace_back(opened(*open));
  }
  if (const auto* submit = std::get_if<core::Submit>(&requested.request)) {
    if (settings_.commits) {
      replies_.emplace_back(core::Concluded{.request = submit->request,
                                            .id = submit->id,
                                            .verdict = core::Verdict::committed,
                                            .at = core::Hlc::from_ms(settings_.clock_ms)});
    }
  }
  changed_.notify_all();
}

core::Opened FakeNode::opened(const core::Open& open) {
  core::Epoch epoch = open.epoch;
  const bool named = !open.name.empty();
  if (named && epoch == core::Epoch{}) {
    epoch = std::max(settings_.epoch, core::Epoch{open.above.value() + 1});
    settings_.epoch = core::Epoch{epoch.value() + 1};
  }
  return {.request = open.request,
          .node_name = settings_.name,
          .node = settings_.node,
          .client = named ? transport::client_id_of(open.name) : open.client,
          .epoch = epoch,
          .clock = core::Hlc::from_ms(settings_.clock_ms),
          .retention_ms = 900'000,
          .message_bytes_max = settings_.message_bytes_max,
          .transaction_bytes_max = settings_.transaction_bytes_max,
          .window = settings_.window,
          .named = named};
}

}  // namespace nemcon::tests
