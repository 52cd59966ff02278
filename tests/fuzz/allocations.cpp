#include "tests/fuzz/allocations.hpp"

#include <cstdlib>
#include <new>

namespace nemcon::fuzz {
namespace {

std::uint64_t total = 0;

void* allocate(std::size_t byte_count) {
  total += byte_count;
  void* const memory = std::malloc(byte_count);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace

std::uint64_t allocated_bytes() {
  return total;
}

}  // namespace nemcon::fuzz

void* operator new(std::size_t byte_count) {
  return nemcon::fuzz::allocate(byte_count);
}

void* operator new[](std::size_t byte_count) {
  return nemcon::fuzz::allocate(byte_count);
}

void* operator new(std::size_t byte_count, const std::nothrow_t&) noexcept {
  return std::malloc(byte_count);
}

void* operator new[](std::size_t byte_count, const std::nothrow_t&) noexcept {
  return std::malloc(byte_count);
}

void operator delete(void* memory) noexcept {
  std::free(memory);
}

void operator delete[](void* memory) noexcept {
  std::free(memory);
}

void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}

void operator delete[](void* memory, std::size_t) noexcept {
  std::free(memory);
}
