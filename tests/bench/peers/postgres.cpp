// PostgreSQL. commit: one message to a table of each of two servers, under two-phase commit by a
// coordinator with a decision log of its own, which all connections share: both servers work at the
// same time in each step. enqueue and consume: one server, a row a transaction, SKIP LOCKED.
#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <libpq-fe.h>
#include <unistd.h>

#include "tests/bench/peers/driver.hpp"

namespace nemcon::bench::peers {
namespace {

// What the coordinator decided, flushed before COMMIT PREPARED; one flush for all that wait.
class DecisionLog {
 public:
  explicit DecisionLog(const std::string& path)
      : file_(::open(path.c_str(), O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600)) {
    if (file_ < 0) fail("cannot open " + path);
  }

  ~DecisionLog() { ::close(file_); }

  DecisionLog(const DecisionLog&) = delete;
  DecisionLog& operator=(const DecisionLog&) = delete;

  void write(const std::string& record) {
    std::unique_lock lock(mutex_);
    waiting_ += record;
    const std::uint64_t mine = ++written_;
    while (durable_ < mine) {
      if (is_flushing_) {
        flushed_.wait(lock);
        continue;
      }
      is_flushing_ = true;
      const std::string batch = std::exchange(waiting_, {});
      const std::uint64_t upto = written_;
      lock.unlock();
      if (::write(file_, batch.data(), batch.size()) < 0 || ::fdatasync(file_) != 0)
        fail("the decision log cannot be written");
      lock.lock();
      is_flushing_ = false;
      durable_ = upto;
      flushed_.notify_all();
    }
  }

 private:
  int file_;
  std::mutex mutex_;
  std::condition_variable flushed_;
  std::string waiting_;
  std::uint64_t written_ = 0;
  std::uint64_t durable_ = 0;
  bool is_flushing_ = false;
};

class Server {
 public:
  Server(const std::string& directory, int port)
      : connection_(PQconnectdb(("host=" + directory + " port=" + std::to_string(port) +
                                 " user=postgres dbname=postgres")
                                    .c_str())) {
    if (PQstatus(connection_) != CONNECTION_OK) fail(PQerrorMessage(connection_));
    take(PQprepare(connection_, "put", "INSERT INTO queue(body) VALUES ($1::bytea)", 1, nullptr));
    take(PQprepare(connection_, "get",
                   "DELETE FROM queue WHERE id IN (SELECT id FROM queue ORDER BY id "
                   "FOR UPDATE SKIP LOCKED LIMIT $1::int) RETURNING body",
                   1, nullptr));
  }

  ~Server() { PQfinish(connection_); }

  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  void send(const std::string& commands) {
    if (PQsendQuery(connection_, commands.c_str()) == 0) fail(PQerrorMessage(connection_));
  }

  void finish() {
    while (PGresult* const result = PQgetResult(connection_))
      take(result);
  }

  void run(const std::string& commands) { take(PQexec(connection_, commands.c_str())); }

  void put(const std::string& body) {
    const char* const value = body.data();
    const int length = static_cast<int>(body.size());
    const int is_binary = 1;
    take(PQexecPrepared(connection_, "put", 1, &value, &length, &is_binary, 0));
  }

  std::size_t get(std::size_t count_max) {
    const std::string limit = std::to_string(count_max);
    const char* const value = limit.c_str();
    return take(PQexecPrepared(connection_, "get", 1, &value, nullptr, nullptr, 1));
  }

 private:
  // The number of rows.
  std::size_t take(PGresult* result) {
    const ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) fail(PQerrorMessage(connection_));
    const auto rows = static_cast<std::size_t>(PQntuples(result));
    PQclear(result);
    return rows;
  }

  PGconn* connection_;
};

class Postgres final : public Connection {
 public:
  Postgres(const std::string& directory, std::shared_ptr<DecisionLog> decisions)
      : servers_{Server(directory, 1), Server(directory, 2)}, decisions_(std::move(decisions)) {}

  void begin_enqueue(const std::string& body) override {
    servers_[0].put(body);
    done_ += 1;
  }

  void begin_commit(const std::string& body) override {
    static std::atomic<std::uint64_t> next{1};
    const std::string name = "t" + std::to_string(::getpid()) + "_" + std::to_string(next++);
    for (Server& server : servers_) {
      server.send("BEGIN; INSERT INTO queue(body) VALUES ('" + body +
                  "'::bytea); PREPARE TRANSACTION '" + name + "'");
    }
    for (Server& server : servers_)
      server.finish();
    decisions_->write(name + "\n");
    for (Server& server : servers_)
      server.send("COMMIT PREPARED '" + name + "'");
    for (Server& server : servers_)
      server.finish();
    done_ += 1;
  }

  std::size_t reap() override { return std::exchange(done_, 0); }

  std::size_t consume(std::size_t) override {
    const std::size_t count = servers_[0].get(1);
    if (count == 0) std::this_thread::sleep_for(std::chrono::milliseconds{2});
    return count;
  }

  void clear() override {
    for (Server& server : servers_) {
      server.run("TRUNCATE queue");
      server.run("CHECKPOINT");
    }
  }

 private:
  std::array<Server, 2> servers_;
  std::shared_ptr<DecisionLog> decisions_;
  std::size_t done_ = 0;
};

}  // namespace
}  // namespace nemcon::bench::peers

int main(int argc, char** argv) {
  namespace peers = nemcon::bench::peers;
  return peers::drive(
      argc, argv, "postgres", [](const peers::DriveOptions& options) -> peers::Connect {
        auto decisions = std::make_shared<peers::DecisionLog>(options.directory + "/decisions");
        return [directory = options.address, decisions] {
          return std::make_unique<peers::Postgres>(directory, decisions);
        };
      });
}
