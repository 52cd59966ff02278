// KeyedMesh: a test with daemons that have keys.
#pragma once

#include <gtest/gtest.h>

#include "tests/system/keyed_nodes.hpp"

namespace nemcon::tests {

class KeyedMesh : public testing::Test, protected KeyedNodes {};

}  // namespace nemcon::tests
