#include "tests/attack/stage.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <iterator>
#include <stdexcept>
#include <thread>

#include "tests/attack/key_holders.hpp"
#include "tests/attack/peer_attacks.hpp"
#include "tests/attack/victim.hpp"

namespace nemcon::attack {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using tests::Footprint;

namespace {

constexpr std::size_t at_once = 4;
constexpr std::uint64_t warm_count = 300;
constexpr std::size_t samples_min = 300;  // Of which the 99th percentile leaves three above it.
constexpr int turns_min = 2;
constexpr int turns_max = 12;
constexpr auto recovery_patience = 20s;
constexpr auto after_attack = 300ms;  // What it did last has arrived.

double percentile_99_ms(std::vector<std::chrono::nanoseconds> times) {
  if (times.empty()) return 0;
  const auto index =
      static_cast<std::size_t>(std::lround(0.99 * static_cast<double>(times.size() - 1)));
  std::ranges::nth_element(times, times.begin() + static_cast<std::ptrdiff_t>(index));
  return static_cast<double>(times[index].count()) / 1e6;
}

void append(std::vector<std::chrono::nanoseconds>& all,
            const std::vector<std::chrono::nanoseconds>& more) {
  all.insert(all.end(), more.begin(), more.end());
}

}  // namespace

bool is_near(const Footprint& before, const Footprint& after) {
  // What an allocator keeps after a burst: not more for a longer one.
  constexpr std::size_t growth_kib_max = std::size_t{32} << 10U;
  constexpr std::size_t descriptors_max = 4;
  return after.anonymous_kib <= before.anonymous_kib + growth_kib_max &&
         after.descriptor_count <= before.descriptor_count + descriptors_max;
}

Stage::Stage(const Options& options)
    : order_(workspace_.path()), is_attacker_last_(options.is_attacker_last) {
  make({"shop", "warehouse", rogue_name});
  // Else the rogue node would have part in what it does not see, as a witness.
  for (const char* const name : {"shop", "warehouse", rogue_name}) {
    const std::string text = tests::replaced(config(name), usual_limits, options.limits);
    write(name, text + "\n[transactions]\nwitnesses = 1\n");
  }
  add_guests(options);
  if (!options.wrapper.empty()) begin("shop", options.wrapper);
  start({"shop", "warehouse"});
  ClientOptions warehouse = as_operator("warehouse");
  if (options.changes_key) {
    warehouse.nodes.push_back(warehouse.nodes.front());
    warehouse.node_keys.push_back(new_key());
  }
  at_shop_ = std::make_unique<Ledger>(as_operator("shop"));
  at_warehouse_ = std::make_unique<Ledger>(std::move(warehouse));
  ClientOptions till = as_operator("shop");
  till.name = load_session;
  till.key_file = key_file("till");
  load_ = std::make_unique<tests::Load>(tests::LoadOptions{.client = std::move(till),
                                                           .first = "inbox@shop",
                                                           .second = "inbox@warehouse",
                                                           .at_once = at_once});
  if (!load_->wait_for(warm_count))
    throw std::runtime_error("no load: " + load_->failed() + diagnostics());
}

Stage::~Stage() {
  order_.set_over();
  load_.reset();
  at_shop_.reset();
  at_warehouse_.reset();
  if (attacker_.valid()) attacker_.wait();
}

// "till" has the load; "guest" may do nothing that it is after.
void Stage::add_guests(const Options& options) {
  (void)add_client("shop", "till");
  write("warehouse",
        config("warehouse") + "\n[[client]]\nname = \"till\"\nallow = [\"send inbox\"]\n");
  without_guest_ = config("shop");
  (void)add_client("shop", guest_name, R"("send other", "browse *")");
  for (int i = 0; i < options.babbler_count; ++i)
    (void)add_client("shop", babbler_name(i), R"("send other")");
  for (const Guest& guest : options.guests)
    (void)add_client("shop", guest.name, guest.allow);
}

void Stage::begin_attacker(const std::string& name) {
  order_.set_seen_id(load_->newest().text());
  std::vector<std::string> words = {"/proc/self/exe", "--as", name, "--place", workspace_.path()};
  if (is_attacker_last_) words.emplace_back("--last");
  attacker_ = std::async(std::launch::async, [words] { return tests::run(words); });
  const Clock::time_point give_up = Clock::now() + tests::patience;
  while (!order_.is_ready()) {
    const bool is_over = attacker_.wait_for(10ms) == std::future_status::ready;
    if (is_over || Clock::now() >= give_up) {
      order_.set_over();
      const tests::Ran ran = attacker_.get();
      throw std::runtime_error("the attacker did not begin: " + ran.err);
    }
  }
}

Tally Stage::end_attacker() {
  order_.set_over();
  if (!attacker_.valid()) return {};
  const tests::Ran ran = attacker_.get();
  if (ran.exit_code != 0) throw std::runtime_error("the attacker failed: " + ran.err);
  return parse_tally(ran.out);
}

void Stage::watch(std::chrono::milliseconds window, Measured& measured) {
  const Clock::time_point end = Clock::now() + window;
  while (Clock::now() < end) {
    measured.peak_kib = std::max(measured.peak_kib, footprint().anonymous_kib);
    std::this_thread::sleep_for(10ms);
  }
}

Measured Stage::measure(std::chrono::milliseconds each, const std::function<void()>& during) {
  Measured measured;
  Times before;
  Times under;
  for (int turn = 0; turn < turns_max; ++turn) {
    if (turn >= turns_min && before.size() >= samples_min && under.size() >= samples_min) break;
    (void)load_->take_times();
    std::this_thread::sleep_for(each / turns_min);
    append(before, load_->take_times());
    order_.set_on(true);
    if (during && turn == 0) during();
    watch(each / turns_min, measured);
    append(under, load_->take_times());
    order_.set_on(false);
    std::this_thread::sleep_for(after_attack);
  }
  measured.before_ms = percentile_99_ms(before);
  measured.under_ms = percentile_99_ms(under);
  measured.before_count = before.size();
  measured.under_count = under.size();
  return measured;
}

Footprint Stage::footprint() const {
  return tests::footprint_of(daemons_.at("shop")->process());
}

Footprint Stage::recovered(const Footprint& before) const {
  const Clock::time_point give_up = Clock::now() + recovery_patience;
  Footprint after = footprint();
  while (!is_near(before, after) && Clock::now() < give_up) {
    std::this_thread::sleep_for(50ms);
    after = footprint();
  }
  return after;
}

Counts Stage::counts() const {
  Client client(as_operator("shop"));
  return client.status().counts;
}

std::string Stage::settle() {
  load_->stop();
  const std::set<std::string> bodies = load_->bodies();
  std::string text = load_->failed();
  if (const std::string at = at_shop_->compare(bodies); !at.empty()) text += "at shop: " + at;
  if (const std::string at = at_warehouse_->compare(bodies); !at.empty())
    text += "at warehouse: " + at;
  return text;
}

void Stage::open_new_session() const {
  ClientOptions options = as_operator("shop");
  options.name = "till/later";
  options.key_file = key_file("till");
  options.deadline = 5s;
  Client client(options);
  (void)client.send("inbox@shop", "later");
}

std::chrono::milliseconds Stage::revoke_guest() {
  std::atomic<std::int64_t> cut_at_ms = 0;
  const auto now_ms = [] { return Clock::now().time_since_epoch() / 1ms; };
  ClientOptions options = as_operator("shop");
  options.name = guest_name;
  options.key_file = key_file(guest_name);
  options.on_notice = [&](const Notice& notice) {
    if (notice.kind == Notice::Kind::disconnected && cut_at_ms == 0) cut_at_ms = now_ms();
  };
  Client client(options);
  if (client.connected_node() != "shop") throw std::runtime_error("the guest is not let in");
  write("shop", without_guest_);
  const std::int64_t asked_at_ms = now_ms();
  if (const tests::Ran ran = reload("shop"); ran.exit_code != 0) throw std::runtime_error(ran.err);
  const Clock::time_point give_up = Clock::now() + tests::patience;
  while (cut_at_ms == 0 && Clock::now() < give_up)
    std::this_thread::sleep_for(1ms);
  if (cut_at_ms == 0) throw std::runtime_error("the guest was not cut");
  return std::chrono::milliseconds{cut_at_ms - asked_at_ms};
}

void Stage::restart_shop() {
  load_->pause();
  if (daemons_.at("shop")->stop() != tests::Exit{.code = 0, .signal = 0})
    throw std::runtime_error("shop did not end well: " + diagnostics());
  begin("shop");
  start({"shop", "warehouse"});
  load_->resume();
  if (!load_->wait_for(warm_count))
    throw std::runtime_error("no load: " + load_->failed() + diagnostics());
}

void Stage::change_key_of_warehouse() {
  replace_key("warehouse", [this] {
    if (!load_->wait_for(20))
      throw std::runtime_error("no load: " + load_->failed() + diagnostics());
  });
}

std::uint64_t Stage::message_count(const std::string& prefix) const {
  return at_shop_->count_of(prefix) + at_warehouse_->count_of(prefix);
}

bool Stage::all_run() {
  return daemons_.at("shop")->is_running() && daemons_.at("warehouse")->is_running();
}

}  // namespace nemcon::attack
