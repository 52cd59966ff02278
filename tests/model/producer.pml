/* producer.pml: the order of one producer at one `producer` queue (Rules P-29 to P-31, P-21).
 *
 * Transactions 0, 1 and 2 are numbers 1, 2, 3 of the producer's first session, sent without waiting
 * for each other; 3 and 4 are numbers 1 and 2 of its second session, after a restart that knows
 * nothing of what became of the first. Each has a branch at the queue and one elsewhere, whose
 * vote may be yes or no at any time. PREPARE of any of them arrives at any time, early or very
 * late, as after a lost initiator; outcomes are learnt late or never. Asserted is what a consumer
 * sees: no message comes first after one that was sent later.
 *
 * P-32, the wait for the preceding transaction, is left out: it only avoids needless aborts, and
 * the order must not depend on it. That a transaction has one outcome is what commit.pml is about;
 * here it is a variable that is written once, and may be rolled back at any time, as by a ballot.
 * What is delivered a second time is outside the order.
 *
 * With -DFORGETTING the client acknowledges what has ended, and rows are dropped (P-15).
 *
 * What ./dev model runs, one a line. A mutant and a probe must make an assertion fail.
 *
 *   scope small four_transactions     -DTRANSACTIONS=4 -DCLOCK_MAX=4
 *   scope small five_transactions     -DTRANSACTIONS=5 -DCLOCK_MAX=5
 *   scope small five_forgetting       -DTRANSACTIONS=5 -DCLOCK_MAX=5 -DFORGETTING
 *
 *   probe all_delivered               -DTRANSACTIONS=4 -DCLOCK_MAX=4
 *   probe all_forgotten               -DTRANSACTIONS=4 -DCLOCK_MAX=4 -DFORGETTING
 *
 *   mutant ignore_high_mark           P-31 -DTRANSACTIONS=4 -DCLOCK_MAX=4
 *   mutant high_mark_without_epoch    P-31 -DTRANSACTIONS=4 -DCLOCK_MAX=4
 *   mutant high_mark_is_volatile      P-31 -DTRANSACTIONS=4 -DCLOCK_MAX=4
 *   mutant high_mark_from_rows        P-31 -DTRANSACTIONS=4 -DCLOCK_MAX=4 -DFORGETTING
 *   mutant overtake_own_producer      P-30 -DTRANSACTIONS=4 -DCLOCK_MAX=4
 *   mutant forget_prepared_at_start   P-30 -DTRANSACTIONS=4 -DCLOCK_MAX=4
 *   mutant prepared_of_session_only   P-30 -DTRANSACTIONS=4 -DCLOCK_MAX=4
 *   mutant place_by_commit            P-29 -DTRANSACTIONS=4 -DCLOCK_MAX=4
 *   mutant visible_at_vote            P-29 -DTRANSACTIONS=4 -DCLOCK_MAX=4
 *   mutant clock_starts_anew          P-21 -DTRANSACTIONS=4 -DCLOCK_MAX=4
 *   mutant forget_without_refusal     P-14 -DTRANSACTIONS=4 -DCLOCK_MAX=5 -DFORGETTING
 */

#define NONE 0
#define NO 1
#define YES 2
#define ROLLED_BACK 1
#define COMMITTED 2
#define FORGOTTEN 3

#define IN_FIRST_SESSION(tx) ((tx) < 3)

/* Durable at the queue's node. */
byte vote[TRANSACTIONS];
byte vote_at[TRANSACTIONS];     /* The place of the message (P-29). */
byte decided[TRANSACTIONS];
bool delivered[TRANSACTIONS];
byte high;                      /* 1 + the highest (epoch, number) that got a yes; 0: none. */
bool is_past_mark[TRANSACTIONS];

byte stored_clock;              /* Of the newest record: the largest timestamp used. */

byte clock;                     /* Volatile. */
byte outcome[TRANSACTIONS];
byte newest;                    /* 1 + the last of those that were delivered, in the order sent. */
#ifdef MUTANT_forget_prepared_at_start
bool is_lost[TRANSACTIONS];
#define IS_KNOWN_PREPARED(tx) (!is_lost[tx])
#else
#define IS_KNOWN_PREPARED(tx) true
#endif
#ifdef MUTANT_place_by_commit
byte place[TRANSACTIONS], learnt;
#define PLACE(tx) place[tx]
#else
#define PLACE(tx) vote_at[tx]
#endif

/* Work of one step, 0 between steps. */
byte t;
bool restarting;

/* ---- the vote -------------------------------------------------------------------------------- */

/* Rule P-31: this alone keeps the order. Epochs come before numbers. That a transaction is not
   voted on twice is not the mark's affair, but that of P-15. */
#if defined(MUTANT_ignore_high_mark)
#define IS_IN_ORDER(tx) true
#elif defined(MUTANT_high_mark_without_epoch)
#define NUMBER(tx) (IN_FIRST_SESSION(tx) -> (tx) : (tx) - 3)
#define IS_IN_ORDER(tx) (high == 0 || NUMBER(tx) >= NUMBER(high - 1))
#else
#define IS_IN_ORDER(tx) ((tx) + 1 >= high)
#endif

/* Rule P-15: what is unknown and acknowledged is too old. */
#ifdef MUTANT_forget_without_refusal
#define IS_UNKNOWN(tx) (vote[tx] == NONE && (decided[tx] == NONE || decided[tx] == FORGOTTEN))
#else
#define IS_UNKNOWN(tx) (vote[tx] == NONE && decided[tx] == NONE && !is_past_mark[tx])
#endif

#if defined(MUTANT_visible_at_vote)
#define ALSO(tx) decided[tx] = COMMITTED
#elif defined(MUTANT_forget_without_refusal)
#define ALSO(tx) decided[tx] = NONE; is_past_mark[tx] = false
#else
#define ALSO(tx)
#endif

#define VOTE(tx) \
  :: d_step { IS_UNKNOWN(tx) && IS_IN_ORDER(tx) && clock < CLOCK_MAX -> \
              vote[tx] = YES; clock++; stored_clock = clock; vote_at[tx] = clock; \
              high = (tx) + 1; ALSO(tx) } \
  :: d_step { IS_UNKNOWN(tx) && vote[tx] == NONE -> vote[tx] = NO }

/* ---- the outcome ----------------------------------------------------------------------------- */

#define DECIDE(tx) \
  :: d_step { outcome[tx] == NONE && vote[tx] == YES -> outcome[tx] = COMMITTED } \
  :: d_step { outcome[tx] == NONE -> outcome[tx] = ROLLED_BACK }

#ifdef MUTANT_place_by_commit
#define TAKE_PLACE(tx) learnt++; place[tx] = learnt
#else
#define TAKE_PLACE(tx) skip
#endif

#define LEARN(tx) \
  :: d_step { outcome[tx] != NONE && decided[tx] == NONE && !is_past_mark[tx] -> \
              assert(outcome[tx] != COMMITTED || vote[tx] == YES); \
              TAKE_PLACE(tx); \
              decided[tx] = outcome[tx] }

/* ---- delivery -------------------------------------------------------------------------------- */

/* Rule P-30: for every prepared, undecided one of the same producer with a smaller vote timestamp,
   of older sessions, too. */
#if defined(MUTANT_overtake_own_producer)
#define IS_OWN(tx, other) false
#elif defined(MUTANT_prepared_of_session_only)
#define IS_OWN(tx, other) (IN_FIRST_SESSION(tx) == IN_FIRST_SESSION(other))
#else
#define IS_OWN(tx, other) true
#endif
#define WAITS(tx, other) \
  ((other) != (tx) && \
   ((vote[other] == YES && decided[other] == NONE && IS_KNOWN_PREPARED(other) && \
     IS_OWN(tx, other) && vote_at[other] < PLACE(tx)) || \
    (decided[other] == COMMITTED && !delivered[other] && PLACE(other) < PLACE(tx))))
#if TRANSACTIONS == 5
#define IS_NEXT(tx) \
  (!WAITS(tx, 0) && !WAITS(tx, 1) && !WAITS(tx, 2) && !WAITS(tx, 3) && !WAITS(tx, 4))
#else
#define IS_NEXT(tx) (!WAITS(tx, 0) && !WAITS(tx, 1) && !WAITS(tx, 2) && !WAITS(tx, 3))
#endif

#define DELIVER(tx) \
  :: d_step { decided[tx] == COMMITTED && !delivered[tx] && IS_NEXT(tx) -> \
              assert(outcome[tx] == COMMITTED); \
              assert(newest <= tx);  /* None that was sent later, and itself not before. */ \
              delivered[tx] = true; newest = (tx) + 1 }

/* ---- forgetting ------------------------------------------------------------------------------ */

/* The client acknowledges in the order of its numbers, once it knows the outcome; the row goes once
   all is done here. */
#ifdef FORGETTING
#define IS_FIRST(tx) ((tx) == 0 || (tx) == 3)
#define MAY_ACKNOWLEDGE(tx) (outcome[tx] != NONE && (IS_FIRST(tx) || is_past_mark[(tx) - 1]))
#define FORGET(tx) \
  :: d_step { MAY_ACKNOWLEDGE(tx) && !is_past_mark[tx] && vote[tx] != YES && \
              (decided[tx] != NONE || vote[tx] == NONE) -> \
              is_past_mark[tx] = true; vote[tx] = NONE; decided[tx] = FORGOTTEN } \
  :: d_step { MAY_ACKNOWLEDGE(tx) && !is_past_mark[tx] && vote[tx] == YES && \
              (decided[tx] == ROLLED_BACK || (decided[tx] == COMMITTED && delivered[tx])) -> \
              is_past_mark[tx] = true; vote[tx] = NONE; vote_at[tx] = 0; delivered[tx] = false; \
              decided[tx] = FORGOTTEN }
#else
#define FORGET(tx)
#endif

/* ---- crash ----------------------------------------------------------------------------------- */

#define CRASH :: d_step { true -> restarting = true }

inline restart() {
  clock = stored_clock;
#ifdef MUTANT_clock_starts_anew
  clock = 0;
#endif
#ifdef MUTANT_forget_prepared_at_start
  t = 0;
  do
  :: t < TRANSACTIONS ->
     if :: vote[t] == YES && decided[t] == NONE -> is_lost[t] = true :: else fi;
     t++
  :: else -> break
  od;
#endif
#ifdef MUTANT_high_mark_is_volatile
  high = 0;
#endif
#ifdef MUTANT_high_mark_from_rows
  high = 0; t = 0;
  do
  :: t < TRANSACTIONS -> high = (vote[t] == YES -> t + 1 : high); t++
  :: else -> break
  od;
#endif
  t = 0; restarting = false
}

inline judge() {
#ifdef PROBE_all_delivered
  assert(!(delivered[0] && delivered[1] && delivered[2] && delivered[3]));
#endif
#ifdef PROBE_all_forgotten
  assert(!(newest == 4 && decided[0] == FORGOTTEN && decided[1] == FORGOTTEN &&
           decided[2] == FORGOTTEN && decided[3] == FORGOTTEN));
#endif
  skip
}

#define EACH(tx) VOTE(tx) DECIDE(tx) LEARN(tx) DELIVER(tx) FORGET(tx)

active proctype queue() {
end:
  do
  :: atomic {
       if
       EACH(0) EACH(1) EACH(2) EACH(3)
#if TRANSACTIONS == 5
       EACH(4)
#endif
       CRASH
       fi;
       d_step {
         if :: restarting -> restart() :: else fi;
         judge()
       }
     }
  od
}
