// Effects: what the parts of a client want done after a turn of the loop. Plain values; the
// loop carries them out.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include <nemcon/client.hpp>

#include "client/completion.hpp"
#include "client/service_worker.hpp"
#include "core/request.hpp"

namespace nemcon::client {

// Names one of this client's transactions: (epoch, sequence).
struct SessionKey {
  core::Epoch epoch;
  core::Sequence sequence;

  friend auto operator<=>(const SessionKey&, const SessionKey&) = default;
};

// Tell `completion`; if `key` is there, call Session::handled() when the application has it.
struct Telling {
  Completion completion;
  Conclusion conclusion;
  std::optional<SessionKey> key;
};

struct Effects {
  std::vector<core::Request> requests;
  std::vector<Telling> tellings;
  std::vector<Notice> notices;
  std::vector<std::shared_ptr<ServiceWorker>> retired;  // To be stopped, by another thread.
  bool reconnect = false;                               // Leave this link and make another one.
};

}  // namespace nemcon::client
