// run_program: the main function of every program of the demo.
#pragma once

#include <exception>
#include <functional>
#include <iostream>

namespace nemcon::demo {

// 0 when `body` returned; what it throws becomes a line on standard error, and 1.
inline int run_program(const char* name, const std::function<void()>& body) {
  try {
    body();
    return 0;
  } catch (const std::exception& error) {
    std::cerr << name << ": " << error.what() << std::endl;
    return 1;
  }
}

}  // namespace nemcon::demo
