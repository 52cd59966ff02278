#include "core/mutant.hpp"

#ifdef NEMCON_MUTANTS

namespace nemcon::core {

namespace {

Mutant chosen = Mutant::none;

}  // namespace

void plant(Mutant mutant) {
  chosen = mutant;
}

bool planted(Mutant mutant) {
  return chosen == mutant;
}

}  // namespace nemcon::core

#endif
