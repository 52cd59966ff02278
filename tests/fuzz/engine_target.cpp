// Invariant tested: whatever authentic peers and clients say, in whatever order, with crashes in
// between, no assertion of the engine fails, and recovery would know what the engine knows: looked
// at before every crash and at the end.
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "tests/core/lone.hpp"
#include "tests/fuzz/drawing.hpp"
#include "tests/fuzz/target.hpp"

namespace nemcon {
namespace {

using core::tests::Lone;
using core::tests::Tale;
using core::tests::Told;

constexpr int step_count_max = 60;
constexpr std::size_t self = 1;

std::vector<Told> transactions() {
  std::vector<Told> all;
  const auto add = [&](Told told) { all.push_back(std::move(told)); };
  for (const std::uint64_t sequence : {1U, 2U}) {
    add(Tale{sequence, {0, 1, 2}}
            .deliver(0, "orders", "x")
            .deliver(1, "orders", "y")
            .witnessed_by(3));
    // The same id once more, as if submitted elsewhere.
    add(Tale{sequence, {0, 1, 2}}
            .created(7)
            .deliver(0, "orders", "x")
            .deliver(1, "orders", "y")
            .witnessed_by(3));
  }
  add(Tale{3, {1, 0, 2}}
          .deliver(1, "ledger", "x")
          .call(1, "reserve", "y")
          .deliver(2, "logs", "z")
          .witnessed_by(3));
  add(Tale{4, {0, 1}}.deliver_after(1, "orders", 2).check(1, "logs", 3).witnessed_by(1));
  add(Tale{5, {0, 1, 2}}.deliver(0, "orders", "x").deliver(1, "ledger", "y").coordinated_by(2));
  add(Tale{6, {0, 1}}.deliver(1, "orders", "x").call(1, "reserve", "y").one_phase());
  add(Tale{7, {0, 1}}
          .consume(1, "orders", core::LeaseToken{1})
          .deliver(0, "logs", "x")
          .witnessed_by(1));
  return all;
}

class Session {
 public:
  explicit Session(std::string_view bytes) : dice_(bytes) { b_->checks_recovery = false; }

  void run() {
    for (int step = 0; step < step_count_max && !dice_.is_empty(); ++step)
      take_step();
    b_->check_recovery();
  }

 private:
  void take_step() {
    switch (dice_.below(16)) {
      case 0:
        b_->check_recovery();
        b_.crash_and_recover();
        break;
      case 1:
        b_->pass(std::chrono::milliseconds{1} * (dice_.byte() * dice_.byte()));
        break;
      case 2:
        toggle_disk();
        break;
      case 3:
        b_.greet(peer());
        break;
      case 4:
        b_.lose(peer());
        break;
      case 5:
        b_->step(core::ClientGone{link()});
        break;
      case 6:
        b_->step(core::DiskFull{dice_.below(2) == 1});
        break;
      case 7:
      case 8:
      case 9:
      case 10:
        ask();
        break;
      default:
        hear();
        break;
    }
  }

  void hear() {
    const std::size_t from = peer();
    core::FrameHeader header = b_.header_from(from);
    fuzz::Drawing drawing(dice_, told_, header.clock);
    // The transport says who it is; the rest of the header is the peer's.
    if (dice_.below(16) == 0) {
      drawing(header.incarnation, header.boot, header.lsn, header.clock, header.wall_ms,
              header.to_incarnation, header.to_boot);
    }
    b_.hear(from, header, drawing.one_of<core::Message>(dice_.below(8) == 0 ? 0 : 1));
  }

  void ask() {
    fuzz::Drawing drawing(dice_, told_, b_.header_from(0).clock);
    b_->request(link(), drawing.one_of<core::Request>(0));
  }

  void toggle_disk() {
    b_->hold_writes = !b_->hold_writes;
    if (!b_->hold_writes) b_->flush();
    b_->hold_store = dice_.below(2) == 1;
    if (!b_->hold_store) b_->serve_store();
  }

  std::size_t peer() { return dice_.below(2) == 0 ? 0 : 2; }

  core::LinkId link() { return core::LinkId{1 + dice_.below(3)}; }

  fuzz::Dice dice_;
  std::vector<Told> told_ = transactions();
  Lone b_{{.witnesses = 3}, self};
};

}  // namespace
}  // namespace nemcon

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t byte_count) {
  // What the fixture finds wrong ends the process, as an assertion of the engine does. It breaks by
  // a signal that libFuzzer does not look for, and would lose the input.
  testing::FLAGS_gtest_break_on_failure = true;
  std::signal(SIGTRAP, [](int) { std::abort(); });
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): bytes are bytes.
  nemcon::Session({reinterpret_cast<const char*>(bytes), byte_count}).run();
  return 0;
}
