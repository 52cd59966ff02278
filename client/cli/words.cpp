#include "client/cli/words.hpp"

namespace nemcon::cli {

const char* to_name(State state) {
  switch (state) {
    using enum State;
    case committed:
      return "committed";
    case rolled_back:
      return "rolled_back";
    case unknown:
      return "unknown";
  }
  return "unknown";
}

const char* to_name(Reason reason) {
  switch (reason) {
    using enum Reason;
    case none:
      return "none";
    case unknown_queue:
      return "unknown_queue";
    case unknown_service:
      return "unknown_service";
    case ambiguous_name:
      return "ambiguous_name";
    case queue_full:
      return "queue_full";
    case queue_closing:
      return "queue_closing";
    case lease_lost:
      return "lease_lost";
    case out_of_order:
      return "out_of_order";
    case service_refused:
      return "service_refused";
    case service_unavailable:
      return "service_unavailable";
    case deadline:
      return "deadline";
    case preempted:
      return "preempted";
    case fenced:
      return "fenced";
    case descriptor_conflict:
      return "descriptor_conflict";
    case clock_drift:
      return "clock_drift";
    case check_failed:
      return "check_failed";
    case too_large:
      return "too_large";
    case too_many_branches:
      return "too_many_branches";
    case unavailable:
      return "unavailable";
    case disk_full:
      return "disk_full";
    case window_full:
      return "window_full";
    case too_old:
      return "too_old";
    case forbidden:
      return "forbidden";
    case stopping:
      return "stopping";
    case malformed:
      return "malformed";
    case not_found:
      return "not_found";
    case rolled_back_node:
      return "rolled_back_node";
  }
  return "none";
}

}  // namespace nemcon::cli
