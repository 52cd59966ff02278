// Takes messages from one queue and answers into another, exactly once in effect.
//
//   example_consume tcp://127.0.0.1:7411 orders@shop shipments@shop 10
#include <iostream>

#include <nemcon/nemcon.hpp>

int main(int count, char** words) {
  if (count != 5) return 2;
  const std::string orders = words[2];
  const std::string shipments = words[3];
  int left = std::stoi(words[4]);
  nemcon::Client client({.nodes = {words[1]}, .name = "shipping"});

  nemcon::Consumer consumer = client.consume(orders, {.credit = 256});
  for (nemcon::Delivery& delivery : consumer) {
    auto step = client.begin();
    step.ack(delivery);  // Taken away if, and only if, the rest takes effect.
    step.send(shipments, "ship " + delivery.body());
    const nemcon::Outcome outcome = step.commit();
    if (!outcome.committed()) {
      std::cerr << outcome.summary() << "\n";  // The delivery comes again.
      continue;
    }
    if (--left == 0) break;
  }
  return 0;
}
