// nemcon: the command line. Here: what every failure is told as, and the exit code.
#include <algorithm>
#include <exception>
#include <iostream>
#include <string_view>

#include "client/cli/arguments.hpp"
#include "client/cli/json.hpp"
#include "client/cli/words.hpp"

namespace nemcon::cli {

namespace {

// For people on standard error, for programs in the same place as JSON.
void print_failure(const Globals& globals, const std::string& kind, Reason reason,
                   const std::string& text, const std::string& remedy) {
  if (globals.json) {
    Json json;
    json.text("error", text).text("class", kind);
    if (reason != Reason::none) json.text("reason", to_name(reason));
    std::cerr << json.text_if("remedy", remedy).str() << "\n";
    return;
  }
  std::cerr << "nemcon: " << text << "\n";
  if (!remedy.empty()) std::cerr << "  " << remedy << "\n";
}

std::string remedy_of(const Error& error) {
  if (error.error_class() == ErrorClass::unknown) {
    return "Ask again: nemcon outcome " + error.id().text();
  }
  if (error.reason() == Reason::unavailable) {
    return "Is the node running? Say where with --node ENDPOINT or NEMCON_NODE; wait longer with "
           "--timeout.";
  }
  if (error.is_retryable()) return "Nothing was done: try again.";
  return {};
}

Exit exit_of(const Error& error) {
  if (error.error_class() == ErrorClass::unknown) return Exit::unknown;
  return error.reason() == Reason::unavailable ? Exit::unknown : Exit::refused;
}

Exit run(int count, char** words) {
  Globals globals;
  // As long as the words are not understood: programs want to be told as well.
  globals.json = std::any_of(words, words + count,
                             [](const char* word) { return std::string_view{word} == "--json"; });
  try {
    const Parsed parsed = parse_arguments(count, words);
    if (!parsed.command) return Exit::done;
    globals = parsed.globals;
    return parsed.command(globals);
  } catch (const Error& error) {
    print_failure(globals, to_text(error.error_class()), error.reason(), error.what(),
                  remedy_of(error));
    return exit_of(error);
  } catch (const Refusal& refusal) {
    print_failure(globals, "refused", Reason::none, refusal.what(), {});
    return Exit::refused;
  } catch (const Misuse& misuse) {
    print_failure(globals, "usage", Reason::none, misuse.what(), "See nemcon --help.");
    return Exit::usage;
  } catch (const std::invalid_argument& misuse) {
    print_failure(globals, "usage", Reason::none, misuse.what(), "See nemcon --help.");
    return Exit::usage;
  }
}

}  // namespace
}  // namespace nemcon::cli

int main(int count, char** words) {
  return static_cast<int>(nemcon::cli::run(count, words));
}
