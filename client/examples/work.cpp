// Takes messages one by one and settles each by what became of it.
//
//   example_work tcp://127.0.0.1:7411 orders
#include <iostream>
#include <stdexcept>

#include <nemcon/nemcon.hpp>

using namespace std::chrono_literals;

namespace {

class Busy : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// The application's own work.
void work_on(const std::string& order) {
  if (order.empty()) throw std::invalid_argument("an empty order");
  if (order == "busy") throw Busy("later, please");
  std::cout << order << "\n";
}

}  // namespace

int main(int count, char** words) {
  if (count != 3) return 2;
  nemcon::Client client({.nodes = {words[1]}, .name = "worker"});
  nemcon::Consumer consumer = client.consume(words[2], {.credit = 16, .lease = 30s});

  while (std::optional<nemcon::Delivery> delivery = consumer.receive(2s)) {
    try {
      work_on(delivery->body());
      delivery->ack();  // False: the lease had ended, and it comes again.
    } catch (const Busy&) {
      delivery->nack(5s);  // Again, after a pause.
    } catch (const std::exception& error) {
      delivery->reject(error.what());  // To the dead-letter queue.
    }
  }
  return 0;
}
