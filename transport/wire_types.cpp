#include "transport/wire_types.hpp"

namespace nemcon::transport {

bool is_known(core::OperationKind value) {
  using enum core::OperationKind;
  switch (value) {
    case deliver:
    case consume:
    case call:
    case check:
      return true;
  }
  return false;
}

bool is_known(core::Ordering value) {
  using enum core::Ordering;
  switch (value) {
    case producer:
    case mesh:
    case none:
      return true;
  }
  return false;
}

bool is_known(core::Choice value) {
  using enum core::Choice;
  switch (value) {
    case none:
    case no:
    case yes:
      return true;
  }
  return false;
}

bool is_known(core::Reason value) {
  using enum core::Reason;
  switch (value) {
    case none:
    case unknown_queue:
    case unknown_service:
    case ambiguous_name:
    case queue_full:
    case queue_closing:
    case lease_lost:
    case out_of_order:
    case service_refused:
    case service_unavailable:
    case deadline:
    case preempted:
    case fenced:
    case descriptor_conflict:
    case clock_drift:
    case check_failed:
    case too_large:
    case too_many_branches:
    case unavailable:
    case disk_full:
    case window_full:
    case too_old:
    case forbidden:
    case stopping:
    case malformed:
    case not_found:
    case rolled_back_node:
      return true;
  }
  return false;
}

bool is_known(core::Refusal value) {
  using enum core::Refusal;
  switch (value) {
    case ballot:
    case too_old:
    case conflict:
    case drift:
      return true;
  }
  return false;
}

bool is_known(core::Knowledge value) {
  using enum core::Knowledge;
  switch (value) {
    case none:
    case working:
    case voted:
    case decided:
    case too_old:
      return true;
  }
  return false;
}

bool is_known(core::Settlement value) {
  using enum core::Settlement;
  switch (value) {
    case ack:
    case nack:
    case reject:
    case extend:
      return true;
  }
  return false;
}

bool is_known(core::Topic value) {
  using enum core::Topic;
  switch (value) {
    case status:
    case queues:
    case transactions:
    case in_doubt:
    case transaction:
      return true;
  }
  return false;
}

bool is_known(core::Verdict value) {
  using enum core::Verdict;
  switch (value) {
    case committed:
    case rolled_back:
    case in_doubt:
    case unknown:
      return true;
  }
  return false;
}

bool is_known(FrameKind value) {
  using enum FrameKind;
  switch (value) {
    case greeting:
    case welcome:
    case refusal:
    case peer:
    case requests:
    case replies:
    case ping:
    case pong:
    case hold:
    case go_on:
    case bye:
      return true;
  }
  return false;
}

bool is_known(Role value) {
  using enum Role;
  switch (value) {
    case peer:
    case client:
      return true;
  }
  return false;
}

bool is_known(RefusalReason value) {
  using enum RefusalReason;
  switch (value) {
    case version:
    case unknown:
    case forbidden:
    case malformed:
    case fault:
    case full:
    case replaced:
    case stranger:
      return true;
  }
  return false;
}

}  // namespace nemcon::transport
