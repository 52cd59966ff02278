#include "node/trace.hpp"

#include <cstdio>

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "core/check.hpp"

namespace nemcon::node {

namespace {

constexpr std::string_view time_pattern = "%Y-%m-%dT%H:%M:%S.%eZ";

spdlog::level::level_enum to_spdlog(TraceLevel level) {
  switch (level) {
    case TraceLevel::debug:
      return spdlog::level::debug;
    case TraceLevel::info:
      return spdlog::level::info;
    case TraceLevel::warning:
      return spdlog::level::warn;
    case TraceLevel::error:
      return spdlog::level::err;
    case TraceLevel::off:
      return spdlog::level::off;
  }
  NEMCON_CHECK(false, static_cast<int>(level));
  return spdlog::level::off;
}

// Escapes as JSON does, which also keeps a value on one line of text. Bytes from 0x80 on pass:
// what comes from peers was checked to be UTF-8 where it was decoded.
void append_escaped(std::string& line, std::string_view value) {
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      line += '\\';
      line += c;
    } else if (byte < 0x20 || byte == 0x7f) {
      char escape[8];
      std::snprintf(escape, sizeof escape, "\\u%04x", byte);
      line += escape;
    } else {
      line += c;
    }
  }
}

void append_quoted(std::string& line, std::string_view value) {
  line += '"';
  append_escaped(line, value);
  line += '"';
}

bool needs_quotes(std::string_view value) {
  if (value.empty()) return true;
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= 0x20 || byte == 0x7f || c == '"' || c == '\\' || c == '=') return true;
  }
  return false;
}

void append_text(std::string& line, std::string_view value) {
  if (needs_quotes(value)) {
    append_quoted(line, value);
  } else {
    line += value;
  }
}

}  // namespace

std::string trace_text(TraceFormat format, std::string_view event,
                       std::initializer_list<TraceField> fields) {
  std::string line;
  if (format == TraceFormat::json) {
    line += "\"event\":";
    append_quoted(line, event);
    for (const TraceField& field : fields) {
      line += ',';
      append_quoted(line, field.name);
      line += ':';
      append_quoted(line, field.value);
    }
    return line;
  }
  append_text(line, event);
  for (const TraceField& field : fields) {
    line += ' ';
    line += field.name;
    line += '=';
    append_text(line, field.value);
  }
  return line;
}

class Trace::Sink {
 public:
  explicit Sink(const Options& options)
      : logger_("nemcon", std::make_shared<spdlog::sinks::stderr_sink_mt>()) {
    const std::string time(time_pattern);
    const std::string pattern = options.format == TraceFormat::json
                                    ? R"({"time":")" + time + R"(","level":"%l",%v})"
                                    : time + " %l %v";
    logger_.set_formatter(
        std::make_unique<spdlog::pattern_formatter>(pattern, spdlog::pattern_time_type::utc));
    logger_.set_level(to_spdlog(options.level));
    // A line that explains a death must be out before it.
    logger_.flush_on(spdlog::level::debug);
  }

  void write(TraceLevel level, const std::string& line) {
    logger_.log(to_spdlog(level), spdlog::string_view_t(line));
  }

 private:
  spdlog::logger logger_;
};

Trace::Trace(const Options& options) : options_(options), sink_(std::make_unique<Sink>(options)) {}

Trace::~Trace() = default;

void Trace::debug(std::string_view event, std::initializer_list<TraceField> fields) const {
  line(TraceLevel::debug, event, fields);
}

void Trace::info(std::string_view event, std::initializer_list<TraceField> fields) const {
  line(TraceLevel::info, event, fields);
}

void Trace::warning(std::string_view event, std::initializer_list<TraceField> fields) const {
  line(TraceLevel::warning, event, fields);
}

void Trace::error(std::string_view event, std::initializer_list<TraceField> fields) const {
  line(TraceLevel::error, event, fields);
}

void Trace::line(TraceLevel level, std::string_view event,
                 std::initializer_list<TraceField> fields) const {
  if (!wants(level)) return;
  sink_->write(level, trace_text(options_.format, event, fields));
}

}  // namespace nemcon::node
