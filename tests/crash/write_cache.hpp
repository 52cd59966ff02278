// WriteCache: a disk between two flushes. What was flushed is there after a power cut; of what was
// only written any part may be, sector by sector. A value; bytes stay those of the tape. One
// thread.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "tests/crash/disk_tap.hpp"
#include "tests/crash/place.hpp"
#include "tests/log/random.hpp"

namespace nemcon::crash {

class WriteCache {
 public:
  explicit WriteCache(Bytes durable) : durable_(std::move(durable)) {}

  // Not durable yet, even if it is a synced write.
  void write(const std::string& path, const Event& event);

  // All that is pending of the file, or that one write only.
  void flush(const std::string& path, const Event* only);

  // What a power cut could leave: none of what is pending, all of it, or some.
  [[nodiscard]] const Bytes& nothing_more() const { return durable_; }

  [[nodiscard]] Bytes everything() const;
  [[nodiscard]] Bytes some(log::test::Random& random) const;

  [[nodiscard]] std::size_t pending_count() const { return pending_.size(); }

 private:
  struct Pending {
    std::string path;
    const Event* event;
  };

  Bytes durable_;
  std::vector<Pending> pending_;
};

}  // namespace nemcon::crash
