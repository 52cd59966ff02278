// A service that takes part in transactions: it reserves stock.
//
// To keep this short, the stock lives in memory, so that it dies with the process; a real one is
// a database, written before each function returns.
//
//   example_service tcp://127.0.0.1:7412 60
#include <iostream>
#include <map>
#include <mutex>
#include <thread>

#include <nemcon/nemcon.hpp>

namespace {

class Stock {
 public:
  // Holding twice under one id holds once: prepare may be repeated.
  bool try_hold(const std::string& id, int pieces) {
    const std::lock_guard lock{mutex_};
    if (held_.contains(id)) return true;
    if (pieces > free_) return false;
    free_ -= pieces;
    held_[id] = pieces;
    return true;
  }

  // Nothing is held under the id when it was done before: commit may be repeated too.
  void take(const std::string& id) {
    const std::lock_guard lock{mutex_};
    held_.erase(id);
  }

  void release(const std::string& id) {
    const std::lock_guard lock{mutex_};
    const auto found = held_.find(id);
    if (found == held_.end()) return;
    free_ += found->second;
    held_.erase(found);
  }

  std::vector<nemcon::CallId> held() {
    const std::lock_guard lock{mutex_};
    std::vector<nemcon::CallId> ids;
    for (const auto& [id, pieces] : held_)
      ids.push_back(*nemcon::CallId::parse(id));
    return ids;
  }

 private:
  std::mutex mutex_;
  int free_ = 1000;
  std::map<std::string, int> held_;
};

}  // namespace

int main(int count, char** words) {
  if (count != 3) return 2;
  Stock stock;
  nemcon::Client client({.nodes = {words[1]}, .name = "stock-app"});

  nemcon::Service reserve;
  reserve.prepare = [&](const nemcon::Branch& branch) {
    const int pieces = std::stoi(branch.request.body);
    return stock.try_hold(branch.id.text(), pieces) ? nemcon::Vote::yes("reserved")
                                                    : nemcon::Vote::no("sold out");
  };
  reserve.commit = [&](const nemcon::Branch& branch) { stock.take(branch.id.text()); };
  reserve.roll_back = [&](const nemcon::Branch& branch) { stock.release(branch.id.text()); };
  reserve.in_doubt = [&] { return stock.held(); };
  client.serve("reserve", reserve);

  std::cout << "serving" << std::endl;
  std::this_thread::sleep_for(std::chrono::seconds{std::stoi(words[2])});
  return 0;
}
