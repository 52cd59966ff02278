// One input of a fuzz target. libFuzzer calls it; replay.cpp does, where there is none.
#pragma once

#include <cstddef>
#include <cstdint>

// NOLINTNEXTLINE(readability-identifier-naming): the name that libFuzzer looks for.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t byte_count);
