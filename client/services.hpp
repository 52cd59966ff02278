// Services: which services this client offers, registered anew at every node that it comes to.
//
// One thread: the loop's. The application's functions run on the threads of each ServiceWorker.
#pragma once

#include <cstdint>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include <nemcon/error.hpp>

#include "client/effects.hpp"
#include "client/service_worker.hpp"
#include "client/timing.hpp"

namespace nemcon::client {

class Services {
 public:
  explicit Services(Timing timing) : timing_(timing) {}

  // `answer`: whether it is the active instance, once the node has taken it.
  void add(const std::string& name, std::shared_ptr<ServiceWorker> worker, core::Instant deadline,
           std::promise<bool> answer);

  void remove(const std::string& name, Effects& effects);

  [[nodiscard]] bool contains(const std::string& name) const { return offers_.contains(name); }

  void on_opened(std::uint64_t link);

  void on_link_down() { link_ = 0; }

  // The worker has collected what is in doubt: the service can be registered.
  void on_collected(const std::string& name, std::vector<core::CallKey> in_doubt,
                    ServiceWorker::Look look, Effects& effects);
  void on_voted(core::ServiceVote vote, std::uint64_t link, Effects& effects) const;
  void on_done(const core::ServiceDone& done, Effects& effects) const;

  void on_prepare(const core::ServicePrepare& request, Effects& effects);
  void on_decision(const core::ServiceDecision& request);
  [[nodiscard]] bool on_serving(const core::Serving& serving, Effects& effects);
  [[nodiscard]] bool on_denied(core::Instant now, const core::Denied& denied, Effects& effects);

  void advance(core::Instant now, Effects& effects);

  [[nodiscard]] std::optional<core::Instant> wake_at() const { return check_at_; }

  // Registrations that are not answered yet are told this.
  void fail_all(const Error& error, Effects& effects);

 private:
  struct Offer {
    std::shared_ptr<ServiceWorker> worker;
    std::optional<std::promise<bool>> answer;  // Until the first answer.
    core::Instant deadline{};
    std::uint64_t request = 0;  // Of the registration on this link.
    std::optional<core::Instant> again_at;
    std::string trouble;
  };

  using Offers = std::map<std::string, Offer>;

  void wake_by(core::Instant at);
  Offers::iterator give_up(Offers::iterator item, const Error& error, Effects& effects);

  const Timing timing_;
  std::uint64_t link_ = 0;  // Zero: none is open.
  Offers offers_;
  std::uint64_t last_number_ = std::uint64_t{1} << 61U;  // Apart from Session's and Questions'.
  std::optional<core::Instant> check_at_;
};

}  // namespace nemcon::client
