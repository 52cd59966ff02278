// Overloaded: one lambda for each alternative of a variant; a missing one does not compile.
#pragma once

namespace nemcon::core {

template <class... Handlers>
struct Overloaded : Handlers... {
  using Handlers::operator()...;
};

template <class... Handlers>
Overloaded(Handlers...) -> Overloaded<Handlers...>;  // clang 14 needs the guide.

}  // namespace nemcon::core
