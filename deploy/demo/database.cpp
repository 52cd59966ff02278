#include "deploy/demo/database.hpp"

#include <stdexcept>
#include <utility>

#include <sqlite3.h>

namespace nemcon::demo {

namespace {

// A reader, such as an audit, may be in the way of a writer for a moment.
constexpr int busy_patience_ms = 10'000;

}  // namespace

Statement::Statement(Connection& connection, std::string_view sql) : connection_(connection) {
  const int result = sqlite3_prepare_v2(connection_.handle_, sql.data(),
                                        static_cast<int>(sql.size()), &statement_, nullptr);
  if (result != SQLITE_OK) connection_.fail(std::string{sql});
}

Statement::~Statement() {
  sqlite3_finalize(statement_);
}

Statement& Statement::bind(int parameter, std::int64_t value) {
  if (sqlite3_bind_int64(statement_, parameter, value) != SQLITE_OK) connection_.fail("bind");
  return *this;
}

Statement& Statement::bind(int parameter, std::string_view value) {
  // The copy outlives the caller's text.
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-cstyle-cast,performance-no-int-to-ptr)
  const auto copied = SQLITE_TRANSIENT;
  if (sqlite3_bind_text(statement_, parameter, value.data(), static_cast<int>(value.size()),
                        copied) != SQLITE_OK) {
    connection_.fail("bind");
  }
  return *this;
}

bool Statement::step() {
  const int result = sqlite3_step(statement_);
  if (result == SQLITE_ROW) return true;
  if (result != SQLITE_DONE) connection_.fail(sqlite3_sql(statement_));
  return false;
}

std::int64_t Statement::number(int column) const {
  return sqlite3_column_int64(statement_, column);
}

std::string Statement::text(int column) const {
  const auto count = static_cast<std::size_t>(sqlite3_column_bytes(statement_, column));
  const void* bytes = sqlite3_column_blob(statement_, column);
  return count == 0 ? std::string{} : std::string{static_cast<const char*>(bytes), count};
}

Connection::Connection(const std::string& file, Access access) : file_(file) {
  const int flags = access == Access::read_only ? SQLITE_OPEN_READONLY
                                                : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
  if (sqlite3_open_v2(file.c_str(), &handle_, flags, nullptr) != SQLITE_OK) {
    const std::string why = file + ": " + sqlite3_errmsg(handle_);
    sqlite3_close(handle_);
    throw std::runtime_error(why);
  }
  sqlite3_busy_timeout(handle_, busy_patience_ms);
}

Connection::~Connection() {
  sqlite3_close(handle_);
}

void Connection::run(const std::string& sql) {
  if (sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) fail(sql);
}

std::int64_t Connection::change(Statement& statement) {
  while (statement.step()) {
  }
  return sqlite3_changes(handle_);
}

void Connection::fail(const std::string& what) const {
  throw std::runtime_error(file_ + ": " + sqlite3_errmsg(handle_) + ": " + what);
}

Database::Database(const std::string& file, const std::string& schema)
    : connection_(file, Connection::Access::read_write) {
  connection_.run("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;");
  connection_.run(schema);
}

bool Database::write(const Work& work) {
  Job job{&work, false, false, nullptr};
  std::unique_lock lock{mutex_};
  waiting_.push_back(&job);
  while (!job.done) {
    if (busy_) {
      changed_.wait(lock);
      continue;
    }
    busy_ = true;
    const std::vector<Job*> batch = std::exchange(waiting_, {});
    lock.unlock();
    write_batch(batch);
    lock.lock();
    for (Job* done : batch)
      done->done = true;
    busy_ = false;
    changed_.notify_all();
  }
  if (job.error) std::rethrow_exception(job.error);
  return job.kept;
}

void Database::write_batch(const std::vector<Job*>& batch) {
  try {
    connection_.run("BEGIN IMMEDIATE");
    for (Job* job : batch)
      run_job(*job);
    connection_.run("COMMIT");
  } catch (const std::exception&) {
    for (Job* job : batch)
      job->error = std::current_exception();
    try {
      connection_.run("ROLLBACK");
    } catch (const std::exception&) {
      // It never began, or SQLite ended it by itself: there is nothing left to undo.
    }
  }
}

void Database::run_job(Job& job) {
  connection_.run("SAVEPOINT job");
  try {
    job.kept = (*job.work)(connection_);
  } catch (const std::exception&) {
    job.error = std::current_exception();
  }
  if (!job.kept) connection_.run("ROLLBACK TO job");
  connection_.run("RELEASE job");
}

}  // namespace nemcon::demo
