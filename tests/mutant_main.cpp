// main() of the test programs that must find bugs of core/mutant.hpp: as GoogleTest's, and
// `--mutant NAME` plants one first, in a build that has them. `./dev mutants` runs them so.
#include <algorithm>
#include <iostream>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "core/mutant.hpp"

namespace {

using nemcon::core::MutantInfo;

// Empty when it is planted, else why not.
std::string plant(std::string_view name) {
  using nemcon::core::mutants;
  const auto* const found = std::ranges::find(mutants, name, &MutantInfo::name);
  if (found == mutants.end()) return "core/mutant.hpp has no " + std::string{name};
#ifdef NEMCON_MUTANTS
  nemcon::core::plant(found->mutant);
  return {};
#else
  return "this build has no mutants; `./dev mutants` makes one that has";
#endif
}

}  // namespace

int main(int argument_count, char** argument_values) {
  testing::InitGoogleTest(&argument_count, argument_values);  // Takes what is its own.
  if (argument_count == 1) return RUN_ALL_TESTS();
  const std::string_view option = argument_values[1];
  const std::string trouble = argument_count == 3 && option == "--mutant"
                                  ? plant(argument_values[2])
                                  : "nothing but --mutant NAME and what GoogleTest knows";
  if (trouble.empty()) return RUN_ALL_TESTS();
  std::cerr << argument_values[0] << ": " << trouble << '\n';
  return 2;
}
