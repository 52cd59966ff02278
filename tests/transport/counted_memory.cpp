#include "tests/transport/counted_memory.hpp"

#include <algorithm>
#include <cstdlib>
#include <new>

#include <malloc.h>

namespace {

std::size_t in_use = 0;
std::size_t peak = 0;

void* counted(std::size_t byte_count) {
  void* memory = std::malloc(byte_count);
  if (memory == nullptr) std::abort();
  in_use += malloc_usable_size(memory);
  peak = std::max(peak, in_use);
  return memory;
}

void uncounted(void* memory) {
  in_use -= malloc_usable_size(memory);
  std::free(memory);
}

}  // namespace

void* operator new(std::size_t byte_count) {
  return counted(byte_count);
}

void operator delete(void* memory) noexcept {
  uncounted(memory);
}

void operator delete(void* memory, std::size_t) noexcept {
  uncounted(memory);
}

namespace nemcon::samples {

PeakMemory::PeakMemory() : before_(in_use) {
  peak = in_use;
}

std::size_t PeakMemory::bytes() const {
  return peak - before_;
}

}  // namespace nemcon::samples
