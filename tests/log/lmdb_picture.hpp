// LmdbPicture: the bytes of one LMDB file (0.9, pages of 4096 bytes), and where in them it says
// what begins where, so that a test can make exactly one of these things wrong.
//
//   page 0, 1   [16 head][magic, version][address, size][free list][main][last page][transaction]
//   page        [16 head][2 bytes a node: where it is]...[node: 8 head, key, value]
//   a table     48 bytes, the value of its name in main: flags, depth, counts, root page
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace nemcon::log::test {

class LmdbPicture {
 public:
  explicit LmdbPicture(const std::string& file);

  [[nodiscard]] std::string& bytes() { return bytes_; }

  // Up to the end of the last page that is counted.
  [[nodiscard]] std::uint64_t counted_bytes() const;

  void set_version(std::uint32_t version);
  void set_main_root(std::uint64_t page);
  void set_free_root(std::uint64_t page);

  // The page on which the names of the tables are says that it is one of another kind.
  void spoil_main_page();

  // How many pages the first record of the free list says it has.
  void set_free_count(std::uint64_t count);

  // How long that record is.
  void set_free_row_bytes(std::uint16_t count);

  void set_row_count(std::string_view table, std::uint64_t count);
  void set_root(std::string_view table, std::uint64_t page);

  // Both of one length.
  void rename_table(std::string_view from, std::string_view to);

  // The row of a table's name is none of a table any more.
  void make_plain_row(std::string_view table);

  // Of a table of two levels.
  [[nodiscard]] std::string first_key_of_second_leaf(std::string_view table) const;

  // In every leaf page; both of one length.
  void replace_key(std::string_view from, std::string_view to);

 private:
  [[nodiscard]] std::uint64_t meta() const;  // Where the newest one begins.
  [[nodiscard]] std::uint64_t node(std::uint64_t page, std::uint64_t index) const;
  [[nodiscard]] std::uint64_t name_of(std::string_view table) const;
  [[nodiscard]] std::uint64_t number(std::uint64_t at, std::size_t byte_count) const;
  void set(std::uint64_t at, std::uint64_t number, std::size_t byte_count);

  std::string bytes_;
};

// Pages that LMDB takes and gives back in one transaction are counted and never written. Leaves a
// store, which nobody has open, with such pages at its end; fatal failures are the caller's.
void add_tail_of_free_pages(const std::string& directory);

}  // namespace nemcon::log::test
