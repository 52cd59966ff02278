// Every installed header, and a client without a node: it must say so in time.
#include <iostream>

#include <nemcon/nemcon.hpp>

int main() {
  static_assert(NEMCON_VERSION_MAJOR == 0);
  nemcon::Client client({.nodes = {"tcp://127.0.0.1:1"}, .name = "stranger"});
  try {
    client.send("orders@shop", "order 17", {.deadline = std::chrono::milliseconds{200}});
  } catch (const nemcon::Error& error) {
    std::cout << "nemcon " NEMCON_VERSION ": " << nemcon::to_text(error.error_class()) << "\n";
    return error.is_retryable() ? 0 : 1;
  }
  return 1;
}
