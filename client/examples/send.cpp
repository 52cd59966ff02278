// Sends one message, durably.
//
//   example_send tcp://127.0.0.1:7411 orders@shop
#include <iostream>

#include <nemcon/nemcon.hpp>

int main(int count, char** words) {
  if (count != 3) return 2;
  const std::string node = words[1];
  const std::string queue = words[2];

  nemcon::Client client({.nodes = {node}, .name = "checkout"});
  try {
    client.send(queue, "order 17");  // Durable when it returns.
    std::cout << "sent\n";
    return 0;
  } catch (const nemcon::Error& error) {
    switch (error.error_class()) {
      case nemcon::ErrorClass::retryable:    // Surely without effect: send it again, any time.
      case nemcon::ErrorClass::rolled_back:  // Surely without effect; again would be refused again.
        std::cerr << error.what() << "\n";
        return 1;
      case nemcon::ErrorClass::unknown:  // Ask what became of it; sending again could double it.
        std::cerr << client.outcome(error.id()).summary() << "\n";
        return 3;
    }
  }
  return 3;
}
