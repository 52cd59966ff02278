#include "deploy/demo/outcomes.hpp"

#include <array>
#include <optional>
#include <stdexcept>
#include <string_view>

#include "deploy/demo/csv.hpp"

namespace nemcon::demo {

namespace {

constexpr std::array<std::string_view, 3> state_texts = {"committed", "rolled back", "unknown"};
constexpr std::size_t field_count = 6;

std::optional<OrderState> parse_state(std::string_view text) {
  for (std::size_t i = 0; i < state_texts.size(); ++i) {
    if (state_texts[i] == text) return static_cast<OrderState>(i);
  }
  return std::nullopt;
}

}  // namespace

OutcomeFile::OutcomeFile(const std::string& file)
    : file_(file), out_(file, std::ios::binary | std::ios::app) {
  if (!out_) throw std::runtime_error(file + ": cannot be written");
}

void OutcomeFile::write(const OrderOutcome& outcome) {
  const std::string_view state = state_texts[static_cast<std::size_t>(outcome.state)];
  out_ << csv_line({std::to_string(outcome.order), std::string{state}, outcome.transaction,
                    outcome.reason, outcome.by, std::to_string(outcome.attempts)})
       << std::flush;
  if (!out_) throw std::runtime_error(file_ + ": cannot be written");
}

std::vector<OrderOutcome> read_outcomes(const std::string& file) {
  std::ifstream in{file, std::ios::binary};
  if (!in) throw std::runtime_error(file + ": cannot be read");
  CsvReader reader{in};
  std::vector<OrderOutcome> outcomes;
  while (const auto row = reader.next()) {
    const auto fail = [&] {
      throw std::runtime_error(file + ":" + std::to_string(reader.line()) + ": is no outcome");
    };
    if (row->size() != field_count) fail();
    const auto order = parse_decimal((*row)[0], 0);
    const auto state = parse_state((*row)[1]);
    const auto attempts = parse_decimal((*row)[5], 0);
    if (!order || !state || !attempts) fail();
    outcomes.push_back({*order, *state, (*row)[2], (*row)[3], (*row)[4], *attempts});
  }
  return outcomes;
}

}  // namespace nemcon::demo
