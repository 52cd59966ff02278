// Database: one SQLite file whose transactions are shared by all threads that wait for one.
//
// SQLite has one writer and pays a flush for every transaction. write() runs what the waiting
// threads bring one after the other inside one transaction, so that they pay for one flush
// together. It returns when its piece is on stable storage (write-ahead log, synchronous = FULL).
//
// Any thread. Errors: std::runtime_error with SQLite's words; nothing of that piece is kept then.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

struct sqlite3;
struct sqlite3_stmt;

namespace nemcon::demo {

class Connection;

// One prepared statement; column indexes and parameters count as SQLite's do: columns from 0,
// parameters from 1. Used only inside the function that it was made in.
class Statement {
 public:
  Statement(Connection& connection, std::string_view sql);
  ~Statement();
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;
  Statement(Statement&&) = delete;
  Statement& operator=(Statement&&) = delete;

  Statement& bind(int parameter, std::int64_t value);
  Statement& bind(int parameter, std::string_view value);

  // True while there is a row.
  bool step();

  [[nodiscard]] std::int64_t number(int column) const;
  [[nodiscard]] std::string text(int column) const;

 private:
  Connection& connection_;
  sqlite3_stmt* statement_ = nullptr;
};

// An open file. One thread at a time.
class Connection {
 public:
  enum class Access : std::uint8_t { read_only, read_write };

  Connection(const std::string& file, Access access);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  Connection(Connection&&) = delete;
  Connection& operator=(Connection&&) = delete;

  // Statements without parameters and rows, separated by semicolons.
  void run(const std::string& sql);

  // Runs one statement that gives no rows; how many rows it changed.
  std::int64_t change(Statement& statement);

 private:
  friend class Statement;
  [[noreturn]] void fail(const std::string& what) const;

  std::string file_;
  sqlite3* handle_ = nullptr;
};

class Database {
 public:
  // Makes the file when there is none, and runs `schema` on it.
  Database(const std::string& file, const std::string& schema);

  // A piece of work: true to keep what it did, false to undo it. Several run in one transaction,
  // never at the same time.
  using Work = std::function<bool(Connection&)>;

  // What `work` returned. What it throws is thrown here, and undone.
  bool write(const Work& work);

 private:
  struct Job {
    const Work* work;
    bool kept = false;
    bool done = false;
    std::exception_ptr error;
  };

  void write_batch(const std::vector<Job*>& batch);
  void run_job(Job& job);

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Job*> waiting_;  // Guarded by mutex_.
  bool busy_ = false;          // Guarded by mutex_: a thread is the writer, and owns connection_.
  Connection connection_;
};

}  // namespace nemcon::demo
