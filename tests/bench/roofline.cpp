// nemcon-roofline: the limit of a transaction over two (or three) nodes on this machine: sockets
// and storage, and none of our logic. Each node is a process with a preallocated journal. The
// initiator sends a message to each participant; a participant writes all that waits with one
// flush, and votes; when all votes are in, the initiator writes its own message and the decision
// with one flush, and the transaction is done. So one flush a node, two in a row.
//
// Prints one line of JSON like nemcon-bench. The initiator is the load at the same time.
#include <array>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <CLI/CLI.hpp>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zmq.hpp>

#include "core/check.hpp"
#include "tests/bench/meter.hpp"
#include "tests/system/workspace.hpp"

namespace nemcon::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t page_bytes = 4096;
constexpr std::size_t journal_bytes = std::size_t{64} << 20U;
constexpr std::size_t id_bytes = sizeof(std::uint64_t);

// A preallocated file that is written in whole pages, from the start again at its end.
class JournalFile {
 public:
  explicit JournalFile(const std::string& path)
      : file_(::open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600)) {
    NEMCON_CHECK(file_ >= 0, path);
    const std::string zeros(std::size_t{1} << 20U, '\0');
    for (std::size_t offset = 0; offset < journal_bytes; offset += zeros.size())
      write_at(zeros, offset);
    NEMCON_CHECK(::fsync(file_) == 0);
  }

  ~JournalFile() { ::close(file_); }

  JournalFile(const JournalFile&) = delete;
  JournalFile& operator=(const JournalFile&) = delete;

  void put(std::uint64_t id, std::string_view body) {
    batch_.append(reinterpret_cast<const char*>(&id), id_bytes);
    batch_.append(body);
  }

  void flush() {
    batch_.resize((batch_.size() + page_bytes - 1) / page_bytes * page_bytes, '\0');
    if (offset_ + batch_.size() > journal_bytes) offset_ = 0;
    write_at(batch_, offset_);
    offset_ += batch_.size();
    batch_.clear();
    NEMCON_CHECK(::fdatasync(file_) == 0);
  }

 private:
  void write_at(const std::string& bytes, std::size_t offset) const {
    const ssize_t written = ::pwrite(file_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    NEMCON_CHECK(written == static_cast<ssize_t>(bytes.size()), written);
  }

  int file_;
  std::string batch_;
  std::size_t offset_ = 0;
};

// Takes every message that waits, each of the form (id, body)*, writes all of it with one flush
// and answers with the ids. Until it is killed.
[[noreturn]] void participate(const std::string& endpoint, const std::string& journal_path,
                              std::size_t body_bytes) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  JournalFile journal(journal_path);
  zmq::context_t context;
  zmq::socket_t socket(context, zmq::socket_type::router);
  socket.bind(endpoint);
  for (;;) {
    std::string votes;
    zmq::message_t peer;
    zmq::message_t from;
    zmq::message_t work;
    auto flags = zmq::recv_flags::none;
    while (socket.recv(from, flags)) {
      NEMCON_CHECK(socket.recv(work));
      const std::string_view all = work.to_string_view();
      for (std::size_t at = 0; at < all.size(); at += id_bytes + body_bytes) {
        std::uint64_t id = 0;
        std::memcpy(&id, all.data() + at, id_bytes);
        journal.put(id, all.substr(at + id_bytes, body_bytes));
        votes.append(all.substr(at, id_bytes));
      }
      peer.copy(from);
      flags = zmq::recv_flags::dontwait;
    }
    journal.flush();
    socket.send(peer, zmq::send_flags::sndmore);
    socket.send(zmq::buffer(votes), zmq::send_flags::none);
  }
}

class Initiator {
 public:
  Initiator(const std::vector<std::string>& endpoints, const std::string& journal_path,
            std::size_t body_bytes)
      : journal_(journal_path), body_(body_bytes, 'x') {
    for (const std::string& endpoint : endpoints) {
      sockets_.emplace_back(context_, zmq::socket_type::dealer);
      sockets_.back().set(zmq::sockopt::linger, 0);
      sockets_.back().connect(endpoint);
    }
    for (zmq::socket_t& socket : sockets_)
      polled_.push_back({socket.handle(), 0, ZMQ_POLLIN, 0});
  }

  void run(std::size_t in_flight, std::chrono::milliseconds duration, Result& result) {
    const auto begin = Clock::now();
    const auto end = begin + duration;
    while (Clock::now() < end || !live_.empty()) {
      if (Clock::now() < end) prepare(in_flight);
      zmq::poll(polled_, std::chrono::milliseconds{-1});
      collect_votes();
      decide(result);
    }
    result.seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  }

 private:
  struct Transaction {
    Clock::time_point began;
    std::size_t votes = 0;
  };

  void prepare(std::size_t in_flight) {
    work_.clear();
    const auto now = Clock::now();
    while (live_.size() < in_flight) {
      const std::uint64_t id = next_++;
      live_[id].began = now;
      work_.append(reinterpret_cast<const char*>(&id), id_bytes);
      work_.append(body_);
    }
    if (work_.empty()) return;
    for (zmq::socket_t& socket : sockets_)
      socket.send(zmq::buffer(work_), zmq::send_flags::none);
  }

  void collect_votes() {
    for (zmq::socket_t& socket : sockets_) {
      zmq::message_t votes;
      while (socket.recv(votes, zmq::recv_flags::dontwait)) {
        for (std::size_t at = 0; at < votes.size(); at += id_bytes) {
          std::uint64_t id = 0;
          std::memcpy(&id, static_cast<const char*>(votes.data()) + at, id_bytes);
          if (++live_.at(id).votes == sockets_.size()) ready_.push_back(id);
        }
      }
    }
  }

  void decide(Result& result) {
    if (ready_.empty()) return;
    for (const std::uint64_t id : ready_)
      journal_.put(id, body_);
    journal_.flush();
    const auto now = Clock::now();
    for (const std::uint64_t id : ready_) {
      const auto found = live_.find(id);
      result.latencies.push_back(std::chrono::duration<double>(now - found->second.began).count());
      live_.erase(found);
    }
    result.operations += ready_.size();
    ready_.clear();
  }

  JournalFile journal_;
  std::string body_;
  zmq::context_t context_;
  std::vector<zmq::socket_t> sockets_;
  std::vector<zmq::pollitem_t> polled_;
  std::string work_;
  std::unordered_map<std::uint64_t, Transaction> live_;
  std::vector<std::uint64_t> ready_;
  std::uint64_t next_ = 1;
};

struct Settings {
  std::size_t nodes = 2;
  std::size_t in_flight = 64;
  std::size_t body_bytes = 100;
  double seconds = 3;
  std::string directory = ".";
};

int measure(const Settings& settings) {
  const tests::Workspace workspace("nemcon-roofline");
  std::vector<std::string> endpoints;
  std::vector<pid_t> participants;
  // Before any thread of this process begins.
  for (std::size_t node = 1; node < settings.nodes; ++node) {
    endpoints.push_back(tests::free_endpoint());
    const pid_t child = ::fork();
    NEMCON_CHECK(child >= 0);
    const std::string journal = workspace.path("journal-" + std::to_string(node));
    if (child == 0) participate(endpoints.back(), journal, settings.body_bytes);
    participants.push_back(child);
  }
  {
    Initiator initiator(endpoints, workspace.path("journal-0"), settings.body_bytes);
    Result warm_up;
    initiator.run(1, std::chrono::milliseconds{100}, warm_up);  // Everybody listens then.

    Result result;
    result.system = "roofline";
    result.name = "commit";
    result.mode = settings.nodes == 2 ? "S" : "X";
    result.settings = std::to_string(settings.nodes) +
                      " processes, one journal flush each, no logic; the load is one of them";
    result.in_flight = settings.in_flight;
    result.body_bytes = settings.body_bytes;
    result.flush_seconds = flush_probe(settings.directory);
    result.before = cost_of(participants);
    initiator.run(settings.in_flight,
                  std::chrono::milliseconds{static_cast<long>(settings.seconds * 1000)}, result);
    result.after = cost_of(participants);
    std::printf("%s\n", to_json(std::move(result)).c_str());
  }
  for (const pid_t participant : participants) {
    ::kill(participant, SIGKILL);
    ::waitpid(participant, nullptr, 0);
  }
  return 0;
}

}  // namespace
}  // namespace nemcon::bench

int main(int argc, char** argv) {
  nemcon::bench::Settings settings;
  CLI::App app{
      "The limit of a transaction on this machine: sockets and journals without our logic.\n"
      "Exit: 0 done, 2 usage."};
  app.add_option("--nodes", settings.nodes, "processes")
      ->check(CLI::Range(2, 3))
      ->capture_default_str();
  app.add_option("--in-flight", settings.in_flight, "operations under way")->capture_default_str();
  app.add_option("--body-bytes", settings.body_bytes, "size of a body")->capture_default_str();
  app.add_option("--seconds", settings.seconds, "length of the run")->capture_default_str();
  app.add_option("--directory", settings.directory, "where the flush probe writes")
      ->check(CLI::ExistingDirectory)
      ->capture_default_str();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  return nemcon::bench::measure(settings);
}
