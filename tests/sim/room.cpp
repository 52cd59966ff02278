#include "tests/sim/room.hpp"

#include <algorithm>

#include "core/overloaded.hpp"

namespace nemcon::sim {

void Room::on_input(const core::Event& event) {
  if (std::holds_alternative<core::LifeBegins>(event)) *this = {};
  if (const auto* disk = std::get_if<core::DiskFull>(&event)) is_full_ = disk->full;
  if (is_full_) return;
  if (const auto* asked = std::get_if<core::ClientRequested>(&event)) {
    if (const auto* submit = std::get_if<core::Submit>(&asked->request))
      heard_of_.insert(submit->id);
  }
  const auto* frame = std::get_if<core::FrameReceived>(&event);
  if (frame == nullptr) return;
  for (const core::Message& message : frame->messages) {
    const auto* prepare = std::get_if<core::Prepare>(&message);
    if (prepare != nullptr && prepare->descriptor) heard_of_.insert(prepare->descriptor->id);
  }
}

std::string Room::flaw_of(const core::Record& record) const {
  if (!is_full_) return {};
  return std::visit(
      core::Overloaded{
          [](const core::SessionOpened&) -> std::string {
            return "opens a session on a full disk";
          },
          [this](const core::Sent& sent) -> std::string {
            return is_new(sent.id) ? "takes a message on a full disk" : "";
          },
          [this](const core::DecidedAlone& alone) -> std::string {
            const bool begins = alone.outcome.committed && is_new(alone.key.id);
            return begins ? "carries out a new transaction on a full disk" : "";
          },
          [this](const core::Voted& voted) -> std::string {
            const bool agrees = std::ranges::any_of(voted.branches, [](const auto& own) {
              return own.vote.choice == core::Choice::yes;
            });
            return agrees && is_new(voted.key.id) ? "votes yes to new work on a full disk" : "";
          },
          [](const auto&) -> std::string { return {}; },
      },
      record);
}

}  // namespace nemcon::sim
