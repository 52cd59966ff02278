// Mutants: known ways of getting the protocol wrong, planted in this code and in log and transport.
// A build with NEMCON_MUTANTS has all of them, switched on one at a time; in any other build
// planted() is the constant false and nothing of them is left. `./dev mutants` demands that each is
// found, by the simulator, or by the test that is named where the mistake lies below the simulated
// disk and network: a test that cannot fail proves nothing.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace nemcon::core {

enum class Mutant : std::uint8_t {
  none,
  promise_before_flush,
  reply_before_flush,
  no_vote_before_flush,
  vote_again_after_promise,
  accept_lower_ballot,
  promise_without_vote,
  ignore_accepted_value,
  adopt_lowest_ballot,
  minority_of_promises,
  invent_yes,
  invent_timestamp,
  minority_learns,
  own_yes_is_enough,
  reuse_ballot,
  abort_alone,
  commit_on_time_out,
  bind_twice,
  forget_before_informed,
  forget_without_refusal,
  forget_witness_only,
  too_old_is_inclusive,
  mark_without_epoch,
  forget_stored_outcomes,
  clock_starts_anew,
  least_timestamp_commits,
  deliver_without_waiting,
  no_tie_break,
  ignore_high_mark,
  overtake_own_producer,
  forget_prepared_at_start,
  deliver_rolled_back,
  keep_claim,
  consume_rolled_back,
  lease_survives_claim,
  acknowledge_before_write,
  checkpoint_forgets_returned,
  checkpoint_forgets_erased,
  believe_old_copy,
  rollback_without_tombstone,
  in_doubt_unheard,
  decision_told_once,
  forget_unconfirmed_service,
  too_old_is_rolled_back,
  resubmit_unasked,
  claim_lost_at_start,
  dead_letter_lost,
  sender_from_payload,
  permission_at_begin_only,
  believe_strangers,
  believe_hearsay,
  believe_unshown,
  ignore_full_disk,
  journal_flush_left_out,
  journal_flush_unchecked,
  journal_flush_again,
  journal_read_from_cache,
  segment_name_not_flushed,
  newest_segment_only,
  journal_ends_at_damage,
  journal_skips_damage,
  batch_checksum_unread,
  row_checksum_unread,
  row_checksum_without_key,
  old_rows_believed,
  no_room_is_done,
  checkpoint_in_halves,
  unknown_key_let_in,
  revoked_key_served,
  peer_by_its_word,
  session_by_its_word,
  half_a_message_is_one,
};

struct MutantInfo {
  Mutant mutant = Mutant::none;
  std::string_view name;
  // The rule of docs/protocol.md, or the folder whose README promises what it breaks.
  std::string_view breaks;
  // The test program, and the test in it; both empty: the simulation.
  std::string_view program;
  std::string_view test;
};

inline constexpr std::array mutants = {
    MutantInfo{Mutant::promise_before_flush, "promise-before-flush", "P-8"},
    MutantInfo{Mutant::reply_before_flush, "reply-before-flush", "P-8"},
    MutantInfo{Mutant::no_vote_before_flush, "no-vote-before-flush", "P-7"},
    MutantInfo{Mutant::vote_again_after_promise, "vote-again-after-promise", "P-18"},
    MutantInfo{Mutant::accept_lower_ballot, "accept-lower-ballot", "P-18"},
    MutantInfo{Mutant::promise_without_vote, "promise-without-vote", "P-11"},
    MutantInfo{Mutant::ignore_accepted_value, "ignore-accepted-value", "P-19"},
    MutantInfo{Mutant::adopt_lowest_ballot, "adopt-lowest-ballot", "P-19"},
    MutantInfo{Mutant::minority_of_promises, "minority-of-promises", "P-19"},
    MutantInfo{Mutant::invent_yes, "invent-yes", "P-19"},
    MutantInfo{Mutant::invent_timestamp, "invent-timestamp", "P-19"},
    MutantInfo{Mutant::minority_learns, "minority-learns", "P-9"},
    MutantInfo{Mutant::own_yes_is_enough, "own-yes-is-enough", "P-9"},
    MutantInfo{Mutant::reuse_ballot, "reuse-ballot", "P-17"},
    MutantInfo{Mutant::abort_alone, "abort-alone", "P-6"},
    MutantInfo{Mutant::commit_on_time_out, "commit-on-time-out", "P-20"},
    MutantInfo{Mutant::bind_twice, "bind-twice", "P-5"},
    MutantInfo{Mutant::forget_before_informed, "forget-before-informed", "P-13"},
    MutantInfo{Mutant::forget_without_refusal, "forget-without-refusal", "P-14"},
    MutantInfo{Mutant::forget_witness_only, "forget-witness-only", "P-15"},
    MutantInfo{Mutant::too_old_is_inclusive, "too-old-is-inclusive", "P-15"},
    MutantInfo{Mutant::mark_without_epoch, "mark-without-epoch", "P-16"},
    MutantInfo{Mutant::forget_stored_outcomes, "forget-stored-outcomes", "P-14"},
    MutantInfo{Mutant::clock_starts_anew, "clock-starts-anew", "P-21"},
    MutantInfo{Mutant::least_timestamp_commits, "least-timestamp-commits", "P-10"},
    MutantInfo{Mutant::deliver_without_waiting, "deliver-without-waiting", "P-28"},
    MutantInfo{Mutant::no_tie_break, "no-tie-break", "P-27"},
    MutantInfo{Mutant::ignore_high_mark, "ignore-high-mark", "P-31"},
    MutantInfo{Mutant::overtake_own_producer, "overtake-own-producer", "P-30"},
    MutantInfo{Mutant::forget_prepared_at_start, "forget-prepared-at-start", "P-28"},
    MutantInfo{Mutant::deliver_rolled_back, "deliver-rolled-back", "P-12"},
    MutantInfo{Mutant::keep_claim, "keep-claim", "P-34"},
    MutantInfo{Mutant::consume_rolled_back, "consume-rolled-back", "P-34"},
    MutantInfo{Mutant::lease_survives_claim, "lease-survives-claim", "P-34"},
    MutantInfo{Mutant::acknowledge_before_write, "acknowledge-before-write", "P-8"},
    MutantInfo{Mutant::checkpoint_forgets_returned, "checkpoint-forgets-returned", "P-34"},
    MutantInfo{Mutant::checkpoint_forgets_erased, "checkpoint-forgets-erased", "P-14"},
    MutantInfo{Mutant::believe_old_copy, "believe-old-copy", "P-37"},
    MutantInfo{Mutant::rollback_without_tombstone, "rollback-without-tombstone", "P-36",
               "core_test", "InDoubt.ALatePrepareOfItIsRefused"},
    MutantInfo{Mutant::in_doubt_unheard, "in-doubt-unheard", "P-36"},
    MutantInfo{Mutant::decision_told_once, "decision-told-once", "P-35"},
    MutantInfo{Mutant::forget_unconfirmed_service, "forget-unconfirmed-service", "P-35"},
    MutantInfo{Mutant::too_old_is_rolled_back, "too-old-is-rolled-back", "P-15"},
    MutantInfo{Mutant::resubmit_unasked, "resubmit-unasked", "P-23", "core_test",
               "Resubmission.AMessageToOneQueueIsNotSentAgainBeforeTheOthersAreAsked"},
    MutantInfo{Mutant::claim_lost_at_start, "claim-lost-at-start", "P-34"},
    MutantInfo{Mutant::dead_letter_lost, "dead-letter-lost", "P-34"},
    MutantInfo{Mutant::sender_from_payload, "sender-from-payload", "P-41"},
    MutantInfo{Mutant::permission_at_begin_only, "permission-at-begin-only", "P-42"},
    MutantInfo{Mutant::believe_strangers, "believe-strangers", "P-43"},
    MutantInfo{Mutant::believe_hearsay, "believe-hearsay", "P-43"},
    MutantInfo{Mutant::believe_unshown, "believe-unshown", "P-12"},
    MutantInfo{Mutant::ignore_full_disk, "ignore-full-disk", "P-44"},
    MutantInfo{Mutant::journal_flush_left_out, "journal-flush-left-out", "P-8", "log_test",
               "JournalLives.WhatWasAcknowledgedOutlivesEveryCrash"},
    MutantInfo{Mutant::journal_flush_unchecked, "journal-flush-unchecked", "P-8", "log_test",
               "JournalTest.AFailedFlushIsNeverRepeated"},
    MutantInfo{Mutant::journal_flush_again, "journal-flush-again", "P-8", "log_test",
               "JournalTest.AFailedFlushIsNeverRepeated"},
    MutantInfo{Mutant::journal_read_from_cache, "journal-read-from-cache", "log", "log_test",
               "JournalLives.WhatWasAcknowledgedOutlivesEveryCrash"},
    MutantInfo{Mutant::segment_name_not_flushed, "segment-name-not-flushed", "log", "log_test",
               "JournalLives.WhatWasAcknowledgedOutlivesEveryCrash"},
    MutantInfo{Mutant::newest_segment_only, "newest-segment-only", "log", "log_test",
               "JournalTest.EveryKindOfRecordIsReplayedInOrder"},
    MutantInfo{Mutant::journal_ends_at_damage, "journal-ends-at-damage", "log", "log_test",
               "JournalDamageTest.APageThatLandedInTheWrongPlaceIsNotBelieved"},
    MutantInfo{Mutant::journal_skips_damage, "journal-skips-damage", "log", "log_test",
               "JournalDamageTest.AFlipAtAnyByteIsHarmlessOrRefusedOrATornTail"},
    MutantInfo{Mutant::batch_checksum_unread, "batch-checksum-unread", "log", "log_test",
               "JournalDamageTest.ATailCutAtAnyByteEndsTheJournalBeforeTheTornBatch"},
    MutantInfo{Mutant::row_checksum_unread, "row-checksum-unread", "log", "log_test",
               "StoreDamageTest.EveryFlippedByteOfAMessageIsNoticed"},
    MutantInfo{Mutant::row_checksum_without_key, "row-checksum-without-key", "log", "log_test",
               "StoreDamageTest.AValueOfAnotherKeyTableOrStoreIsNotBelieved"},
    MutantInfo{Mutant::old_rows_believed, "old-rows-believed", "log", "log_test",
               "StoreFaultTest.OldRowsAreRefusedAndReported"},
    MutantInfo{Mutant::no_room_is_done, "no-room-is-done", "log", "log_test",
               "StoreFaultTest.WithoutBallastAFullDiskIsLowAndChangesNothing"},
    MutantInfo{Mutant::checkpoint_in_halves, "checkpoint-in-halves", "log", "log_test",
               "StoreFaultTest.ACallThatFailsInACheckpointLeavesTheOldOrTheNewState"},
    MutantInfo{Mutant::unknown_key_let_in, "unknown-key-let-in", "P-41", "gatekeeper_test",
               "Gate.WithItsKeeperRefusesWhomNobodyKnows"},
    MutantInfo{Mutant::revoked_key_served, "revoked-key-served", "P-41", "security_test",
               "Secured.RevokedKeyThatGoesOnSendingIsNotHeard"},
    MutantInfo{Mutant::peer_by_its_word, "peer-by-its-word", "P-43", "security_test",
               "Secured.PeerThatSaysItIsAnotherIsMuted"},
    MutantInfo{Mutant::session_by_its_word, "session-by-its-word", "P-41", "security_test",
               "Secured.SessionUnderAnotherNameIsMuted"},
    MutantInfo{Mutant::half_a_message_is_one, "half-a-message-is-one", "transport",
               "transport_hostile_test", "Hostile.AFrameCutShortIsAnError"},
};

#ifdef NEMCON_MUTANTS
// Process-wide; set before the first engine is made.
void plant(Mutant mutant);
[[nodiscard]] bool planted(Mutant mutant);
#else
[[nodiscard]] constexpr bool planted(Mutant) {
  return false;
}
#endif

}  // namespace nemcon::core
