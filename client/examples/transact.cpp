// One transaction over several nodes.
//
//   example_transact tcp://127.0.0.1:7411
#include <iostream>

#include <nemcon/nemcon.hpp>

using namespace std::chrono_literals;

int main(int count, char** words) {
  if (count != 2) return 2;
  nemcon::Client client({.nodes = {words[1]}, .name = "checkout"});

  auto transaction = client.begin({.deadline = 5s});
  transaction.send("orders@shop", {"order 17", {{"content-type", "text/plain"}}});
  transaction.send("invoices@billing", "invoice 17");
  transaction.call("reserve@warehouse", "2 pens");  // Application code there votes.
  nemcon::Outcome outcome = transaction.commit();

  // Not known here and now: the same again, under the same id, so never twice in effect.
  while (outcome.state == nemcon::State::unknown)
    outcome = transaction.commit();

  std::cout << outcome.summary() << "\n";
  for (const nemcon::Message& reply : outcome.replies)
    std::cout << reply.body << "\n";
  return outcome.committed() ? 0 : 1;
}
