// Survives its own crash without doing anything twice: the id is kept before the commit.
//
//   example_restart tcp://127.0.0.1:7411 orders@shop /var/lib/checkout/id
#include <fstream>
#include <iostream>

#include <nemcon/nemcon.hpp>

int main(int count, char** words) {
  if (count != 4) return 2;
  const std::string queue = words[2];
  const std::string file = words[3];
  nemcon::Client client({.nodes = {words[1]}, .name = "checkout"});

  // After a restart: what became of the one that was under way?
  std::string kept;
  if (std::ifstream{file} >> kept) {
    const auto id = nemcon::TransactionId::parse(kept);
    if (!id) return 2;
    const nemcon::Outcome outcome = client.outcome(*id);
    std::cout << "the one before: " << outcome.summary() << "\n";
    if (outcome.committed()) return 0;
    const bool never_arrived = outcome.reason == nemcon::Reason::not_found;
    if (outcome.state == nemcon::State::unknown && !never_arrived) return 3;
  }

  auto transaction = client.begin();
  transaction.send(queue, "order 17");
  std::ofstream{file} << transaction.id().text() << std::endl;  // Synced, in earnest.
  const nemcon::Outcome outcome = transaction.commit();
  std::cout << outcome.summary() << "\n";
  return outcome.committed() ? 0 : 1;
}
