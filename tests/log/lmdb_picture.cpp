#include "tests/log/lmdb_picture.hpp"

#include <cstring>

#include <gtest/gtest.h>
#include <lmdb.h>

#include "core/check.hpp"
#include "tests/log/directories.hpp"

namespace nemcon::log::test {

namespace {

constexpr std::uint64_t page_bytes = 4096;
constexpr std::uint64_t head_bytes = 16;
constexpr std::uint64_t flags_at = 10;  // In the head of a page.
constexpr std::uint64_t leaf_flag = 2;
constexpr std::uint64_t overflow_flag = 4;

// In a meta page.
constexpr std::uint64_t version_at = 20;
constexpr std::uint64_t free_list_at = 40;
constexpr std::uint64_t main_at = 88;
constexpr std::uint64_t last_page_at = 136;
constexpr std::uint64_t transaction_at = 144;

// In the 48 bytes of a table.
constexpr std::uint64_t row_count_at = 32;
constexpr std::uint64_t root_at = 40;

// In a node: its value's size (4), or in a branch its page (6); flags, key size, key, value.
constexpr std::uint64_t node_flags_at = 4;
constexpr std::uint64_t key_size_at = 6;
constexpr std::uint64_t key_at = 8;

}  // namespace

LmdbPicture::LmdbPicture(const std::string& file) : bytes_(read_file(file)) {}

std::uint64_t LmdbPicture::number(std::uint64_t at, std::size_t byte_count) const {
  NEMCON_CHECK(at + byte_count <= bytes_.size(), at);
  std::uint64_t number = 0;
  std::memcpy(&number, bytes_.data() + at, byte_count);
  return number;
}

void LmdbPicture::set(std::uint64_t at, std::uint64_t number, std::size_t byte_count) {
  NEMCON_CHECK(at + byte_count <= bytes_.size(), at);
  std::memcpy(bytes_.data() + at, &number, byte_count);
}

std::uint64_t LmdbPicture::meta() const {
  const bool is_second = number(page_bytes + transaction_at, 8) > number(transaction_at, 8);
  return is_second ? page_bytes : 0;
}

std::uint64_t LmdbPicture::counted_bytes() const {
  return (number(meta() + last_page_at, 8) + 1) * page_bytes;
}

std::uint64_t LmdbPicture::node(std::uint64_t page, std::uint64_t index) const {
  return page * page_bytes + number(page * page_bytes + head_bytes + 2 * index, 2);
}

// Main is one page as long as there are few tables.
std::uint64_t LmdbPicture::name_of(std::string_view table) const {
  const std::uint64_t begin = number(meta() + main_at + root_at, 8) * page_bytes;
  const std::size_t found = bytes_.find(table, begin);
  NEMCON_CHECK(found < begin + page_bytes, found);
  return found;
}

void LmdbPicture::set_version(std::uint32_t version) {
  set(version_at, version, 4);
  set(page_bytes + version_at, version, 4);
}

void LmdbPicture::set_main_root(std::uint64_t page) {
  set(meta() + main_at + root_at, page, 8);
}

void LmdbPicture::set_free_root(std::uint64_t page) {
  set(meta() + free_list_at + root_at, page, 8);
}

void LmdbPicture::spoil_main_page() {
  set(number(meta() + main_at + root_at, 8) * page_bytes + flags_at, overflow_flag, 2);
}

void LmdbPicture::set_free_count(std::uint64_t count) {
  const std::uint64_t first = node(number(meta() + free_list_at + root_at, 8), 0);
  set(first + key_at + number(first + key_size_at, 2), count, 8);
}

void LmdbPicture::set_free_row_bytes(std::uint16_t count) {
  set(node(number(meta() + free_list_at + root_at, 8), 0), count, 4);
}

void LmdbPicture::set_row_count(std::string_view table, std::uint64_t count) {
  set(name_of(table) + table.size() + row_count_at, count, 8);
}

void LmdbPicture::set_root(std::string_view table, std::uint64_t page) {
  set(name_of(table) + table.size() + root_at, page, 8);
}

void LmdbPicture::rename_table(std::string_view from, std::string_view to) {
  bytes_.replace(name_of(from), from.size(), to);
}

void LmdbPicture::make_plain_row(std::string_view table) {
  set(name_of(table) - key_at + node_flags_at, 0, 2);
}

std::string LmdbPicture::first_key_of_second_leaf(std::string_view table) const {
  const std::uint64_t root = number(name_of(table) + table.size() + root_at, 8);
  const std::uint64_t leaf = number(node(root, 1), 6);
  const std::uint64_t first = node(leaf, 0);
  return bytes_.substr(first + key_at, number(first + key_size_at, 2));
}

void LmdbPicture::replace_key(std::string_view from, std::string_view to) {
  for (std::size_t at = bytes_.find(from); at != std::string::npos;
       at = bytes_.find(from, at + 1)) {
    const std::uint64_t page = at / page_bytes * page_bytes;
    if ((number(page + flags_at, 2) & leaf_flag) != 0) bytes_.replace(at, from.size(), to);
  }
}

void add_tail_of_free_pages(const std::string& directory) {
  MDB_env* env = nullptr;
  ASSERT_EQ(mdb_env_create(&env), 0);
  ASSERT_EQ(mdb_env_set_maxdbs(env, 8), 0);
  ASSERT_EQ(mdb_env_set_mapsize(env, 1U << 24U), 0);
  ASSERT_EQ(mdb_env_open(env, directory.c_str(), MDB_NOTLS, 0600), 0);
  std::string large(400'000, 'x');
  for (int i = 0; i < 2; ++i) {
    MDB_txn* txn = nullptr;
    MDB_dbi table = 0;
    ASSERT_EQ(mdb_txn_begin(env, nullptr, 0, &txn), 0);
    ASSERT_EQ(mdb_dbi_open(txn, "messages", 0, &table), 0);
    for (const std::size_t byte_count : {large.size(), std::size_t{5}}) {
      std::string key = "key " + std::to_string(byte_count);
      MDB_val mdb_key{key.size(), key.data()};
      MDB_val value{byte_count, large.data()};
      ASSERT_EQ(mdb_put(txn, table, &mdb_key, &value, 0), 0);
      ASSERT_EQ(mdb_del(txn, table, &mdb_key, nullptr), 0);
    }
    ASSERT_EQ(mdb_txn_commit(txn), 0);
  }
  mdb_env_close(env);
}

}  // namespace nemcon::log::test
