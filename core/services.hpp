// Services: the applications at this node that vote, and what they have still to be told.
//
//   call:   asked ──vote──► answered ──(transaction voted, decided)──► deciding ──done──► gone
//             └──given up (deadline, node voted no)──► deciding (roll back)
//
// A decision is delivered again until the application confirms it. One instance of a service is
// active, the others stand by and must share its prepared state. All volatile: after a restart
// the rows say what has to be decided, and the application says what it has prepared.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/context.hpp"
#include "core/deadlines.hpp"

namespace nemcon::core {

struct Call {
  std::string service;
  std::string principal;
  Content content;
  Instant deadline{};
};

// What an instance said that its application has prepared and not finished.
struct InDoubt {
  LinkId link{};
  std::uint64_t request = 0;
  std::uint64_t looked = 0;
  std::string service;
  CallKey call;
};

class Services {
 public:
  explicit Services(Context& context) : context_(context) {}

  // Answers. False: refused, there are too many.
  bool try_serve(LinkId link, const Serve& serve);
  void remove_instance(LinkId link, const std::string& service);
  void on_client_gone(LinkId link);

  // Ends the instances for which `is_over` says so. True: there were some.
  bool end_where(const std::function<bool(LinkId, const std::string& service)>& is_over);

  // Does this node serve it, or did it in this life?
  [[nodiscard]] bool is_known(const std::string& service) const;

  // Of a call that is not finished; null of any other.
  [[nodiscard]] const std::string* find_service(const CallKey& call) const;
  [[nodiscard]] bool is_asked(const CallKey& call) const;
  [[nodiscard]] std::vector<std::string> names() const;

  void ask(const CallKey& key, const Call& call);

  // False when nobody waits for this vote: it is a late copy.
  [[nodiscard]] bool try_take_vote(LinkId link, const ServiceVote& vote);

  // The transaction does not need the answer any more: roll back whatever was prepared.
  void give_up(const CallKey& key);

  void decide(const CallKey& key, const Call& call, const Outcome& outcome);

  // The link that was told of the decision has carried it out. False: not waiting for it.
  [[nodiscard]] bool try_finish(const CallKey& key);

  // What instances reported of their calls is kept until the node can judge it.
  [[nodiscard]] std::vector<InDoubt> take_reports() { return std::exchange(reports_, {}); }

  // Rule P-36: a report of a call that nothing is known of here may have been overtaken: its
  // commit was told, confirmed and forgotten since the instance looked. False for a first report;
  // the instance is then to look again, and only what it still finds is in doubt.
  [[nodiscard]] bool is_confirmed(const InDoubt& report);
  void ask_to_look_again();

  void on_deadline(Instant now);

  [[nodiscard]] std::optional<Instant> earliest() const { return resend_.earliest(); }

 private:
  struct Pending {
    Call call;
    bool told = false;  // An instance of this life may have prepared it.
    bool deciding = false;
    bool commit = false;
    Hlc at;
    std::uint32_t attempt = 0;
  };

  struct Service {
    std::deque<LinkId> instances;  // The first is active.
    std::set<CallKey> pending;
    bool seen = false;  // An instance was here in this life.
  };

  struct Look {
    std::uint64_t number = 0;
    std::uint64_t request = 0;  // Of the Serve that is answered with it.
  };

  // Which limit one more instance would be over, in words.
  [[nodiscard]] std::optional<std::string> find_excess(LinkId link,
                                                       const std::string& service) const;
  // The number of the look that the instance will be asked for.
  std::uint64_t want_look(LinkId link, const std::string& service, std::uint64_t request);
  void forget(const CallKey& key);
  void deliver(const CallKey& key, Pending& pending);
  void deliver_all(Service& service);

  Context& context_;
  std::map<std::string, Service> services_;
  std::map<CallKey, Pending> pending_;
  Deadlines<CallKey> resend_{context_.options.nonce};
  std::vector<InDoubt> reports_;
  std::map<LinkId, std::map<CallKey, std::uint64_t>> unconfirmed_;  // With the number of the look.
  std::map<std::pair<LinkId, std::string>, Look> looks_;            // To be asked for.
  std::uint64_t last_look_ = 0;
};

}  // namespace nemcon::core
