// Trace: the diagnostics of the node, one line an event, on standard error. (The durable log is
// `log`; these lines are not it.)
//
//   2025-11-22T10:00:00.123Z info ready node=shop listen=tcp://127.0.0.1:7411
//   {"time":"2025-11-22T10:00:00.123Z","level":"info","event":"ready","node":"shop",...}
//
// A line never spans two: control characters in a value, which may come from a peer, are
// escaped. May be called from any thread; may block on a slow reader of standard error.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>

namespace nemcon::node {

enum class TraceLevel : std::uint8_t { debug, info, warning, error, off };
enum class TraceFormat : std::uint8_t { text, json };

struct TraceField {
  std::string_view name;
  std::string value;
};

class Trace {
 public:
  struct Options {
    TraceLevel level = TraceLevel::info;
    TraceFormat format = TraceFormat::text;
  };

  explicit Trace(const Options& options);
  ~Trace();
  Trace(const Trace&) = delete;
  Trace& operator=(const Trace&) = delete;

  // Ask first where making the fields costs something.
  [[nodiscard]] bool wants(TraceLevel level) const { return level >= options_.level; }

  void debug(std::string_view event, std::initializer_list<TraceField> fields) const;
  void info(std::string_view event, std::initializer_list<TraceField> fields) const;
  void warning(std::string_view event, std::initializer_list<TraceField> fields) const;
  void error(std::string_view event, std::initializer_list<TraceField> fields) const;

 private:
  class Sink;

  void line(TraceLevel level, std::string_view event,
            std::initializer_list<TraceField> fields) const;

  Options options_;
  std::unique_ptr<Sink> sink_;
};

// The event and its fields as they stand in a line, without time and level.
[[nodiscard]] std::string trace_text(TraceFormat format, std::string_view event,
                                     std::initializer_list<TraceField> fields);

}  // namespace nemcon::node
