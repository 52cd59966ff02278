// Sends many messages with thousands under way at a time.
//
//   example_pipeline tcp://127.0.0.1:7411 orders@shop 100000
#include <iostream>

#include <nemcon/nemcon.hpp>

using namespace std::chrono_literals;

int main(int count, char** words) {
  if (count != 4) return 2;
  const std::string queue = words[2];
  const int message_count = std::stoi(words[3]);
  nemcon::Client client({.nodes = {words[1]}, .name = "feeder"});

  int failed_count = 0;  // Only touched by callbacks, which run one after the other.
  for (int i = 0; i < message_count; ++i) {
    // Waits by itself while too much is under way.
    client.send_async(queue, "order " + std::to_string(i), [&](const nemcon::Outcome& outcome) {
      if (!outcome.committed()) ++failed_count;
    });
  }
  if (!client.drain(60s)) return 3;  // Every callback has returned when it is true.

  std::cout << message_count - failed_count << " sent, " << failed_count << " failed\n";
  return failed_count == 0 ? 0 : 1;
}
