#include "tests/attack/flooders.hpp"
#include "tests/attack/greedy_clients.hpp"
#include "tests/attack/key_holders.hpp"
#include "tests/attack/order.hpp"
#include "tests/attack/peer_attacks.hpp"
#include "tests/attack/stayers.hpp"
#include "tests/attack/strangers.hpp"

namespace nemcon::attack {

const std::map<std::string, Attacker>& attackers() {
  static const std::map<std::string, Attacker> value = {
      {"wrong-key", come_with_unknown_keys},
      {"revoked-key", come_with_a_revoked_key},
      {"no-key", come_in_plain_text},
      {"handshake-flood", flood_with_handshakes},
      {"spoofed-sender", greet_as_another},
      {"malformed", send_malformed_frames},
      {"foreign-queue", use_foreign_queues},
      {"garbage-greeting", greet_with_garbage},
      {"huge-frame", announce_huge_frames},
      {"idle-connections", stay_idle},
      {"descriptors", take_all_descriptors},
      {"foreign-decision", decide_for_others},
      {"replay", replay_after_restart},
      {"lying-peer", lie},
      {"frame-just-below", send_before_handshake},
      {"ack-flood", acknowledge_without_end},
      {"session-flood", open_without_end},
      {"serve-doubts", doubt_without_end},
      {"flood-and-leave", flood_and_leave},
      {"bye-and-stay", say_bye_and_stay},
  };
  return value;
}

}  // namespace nemcon::attack
