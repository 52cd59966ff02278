/* order.pml: one order over all `mesh` queues, by timestamps (Rules P-10, P-21, P-27, P-28).
 *
 * Transactions put a message each into queues of different nodes. A queue votes with a timestamp of
 * its node's clock; the largest one is the commit timestamp and the message's place. A queue
 * delivers in the order of places, once nothing that is prepared could get a smaller one. Asserted
 * is what consumers can see: over all queues, "delivered before" has no cycle.
 *
 * That a transaction has one outcome is what commit.pml is about: here it is a variable that is
 * written once. It may be rolled back at any time, as by a ballot. A node learns outcomes late or
 * never. A crash takes the clock away, which then starts above all that is durable (P-21).
 * A message is delivered once; what is delivered again has its place already.
 *
 * What ./dev model runs, one a line. A mutant and a probe must make an assertion fail.
 *
 *   scope small two_queues              -DPAIR -DCLOCK_MAX=5
 *   scope small ring                    -DRING -DCLOCK_MAX=2
 *   scope large ring_longer             -DRING -DCLOCK_MAX=3
 *   scope large three_transactions      -DTRIPLE -DCLOCK_MAX=4
 *
 *   probe all_delivered                 -DRING -DCLOCK_MAX=3
 *   probe waited                        -DPAIR -DCLOCK_MAX=4
 *
 *   mutant clock_starts_anew       P-21 -DPAIR -DCLOCK_MAX=4
 *   mutant decision_not_merged     P-21 -DPAIR -DCLOCK_MAX=4
 *   mutant clock_from_votes        P-21 -DPAIR -DCLOCK_MAX=4
 *   mutant least_timestamp_commits P-10 -DPAIR -DCLOCK_MAX=4
 *   mutant place_by_vote           P-27 -DPAIR -DCLOCK_MAX=4
 *   mutant no_tie_break            P-27 -DPAIR -DCLOCK_MAX=4
 *   mutant deliver_without_waiting P-28 -DPAIR -DCLOCK_MAX=4
 *   mutant forget_prepared_at_start P-28 -DPAIR -DCLOCK_MAX=4
 *   mutant overtake_visible        P-28 -DPAIR -DCLOCK_MAX=4
 */

/* Which transaction touches which queue; each queue is at a node of its own. */
#if defined(PAIR)
#define TRANSACTIONS 2
#define QUEUES 2
#define TOUCHES(tx, queue) true
#elif defined(TRIPLE)
#define TRANSACTIONS 3
#define QUEUES 2
#define TOUCHES(tx, queue) true
#else
/* Any two transactions share one queue only, where they are in some order: all could be well in
   each queue and wrong as a whole. */
#define TRANSACTIONS 3
#define QUEUES 3
#define TOUCHES(tx, queue) ((queue) == (tx) || (queue) == ((tx) + 1) % 3)
#endif

#define NONE 0
#define ROLLED_BACK 1
#define COMMITTED 2

/* Durable at the queue's node, at [queue * TRANSACTIONS + transaction]. */
byte vote_at[QUEUES * TRANSACTIONS];   /* The timestamp of a yes; 0: no vote yet. */
byte decided[QUEUES * TRANSACTIONS];
bool delivered[QUEUES * TRANSACTIONS];

byte clock[QUEUES];                    /* Volatile: the largest timestamp issued or learnt. */
byte outcome[TRANSACTIONS];
byte commit_at[TRANSACTIONS];
short before;                          /* Bit a * 3 + b: a was delivered before b somewhere. */
#ifdef MUTANT_forget_prepared_at_start
bool is_forgotten[QUEUES * TRANSACTIONS];
#define IS_KNOWN_PREPARED(i) (!is_forgotten[i])
#else
#define IS_KNOWN_PREPARED(i) true
#endif
#ifdef PROBE_waited
bool waited;
#endif

/* Work of one step, 0 between steps. */
byte t, q, largest, restart_of, deliver_from, deliver_what;

#define AT(queue, tx) ((queue) * TRANSACTIONS + (tx))

/* ---- the way to the outcome ------------------------------------------------------------------ */

#define VOTE(queue, tx) \
  :: d_step { TOUCHES(tx, queue) && vote_at[AT(queue, tx)] == 0 && \
              decided[AT(queue, tx)] == NONE && clock[queue] < CLOCK_MAX -> \
              clock[queue]++; vote_at[AT(queue, tx)] = clock[queue] }

/* Time passes, other transactions vote. */
#define TICK(queue) :: d_step { clock[queue] < CLOCK_MAX - 1 -> clock[queue]++ }

#define HAS_VOTED(queue, tx) (!TOUCHES(tx, queue) || vote_at[AT(queue, tx)] != 0)
#define MAX(one, other) ((one) > (other) -> (one) : (other))
#if QUEUES == 3
#define ALL_VOTED(tx) (HAS_VOTED(0, tx) && HAS_VOTED(1, tx) && HAS_VOTED(2, tx))
#define LARGEST(tx) MAX(vote_at[tx], MAX(vote_at[AT(1, tx)], vote_at[AT(2, tx)]))
#else
#define ALL_VOTED(tx) (HAS_VOTED(0, tx) && HAS_VOTED(1, tx))
#define LARGEST(tx) MAX(vote_at[tx], vote_at[AT(1, tx)])
#endif
#ifdef MUTANT_least_timestamp_commits
#undef LARGEST
#define LARGEST(tx) (vote_at[tx] < vote_at[AT(1, tx)] -> vote_at[tx] : vote_at[AT(1, tx)])
#endif

#define DECIDE(tx) \
  :: d_step { outcome[tx] == NONE && ALL_VOTED(tx) -> \
              outcome[tx] = COMMITTED; commit_at[tx] = LARGEST(tx) } \
  :: d_step { outcome[tx] == NONE -> outcome[tx] = ROLLED_BACK }

/* Rule P-21: the clock goes past what it learns, together with the record of the decision. */
#if defined(MUTANT_decision_not_merged)
#define MERGE(queue, time)
#else
#define MERGE(queue, time) clock[queue] = MAX(clock[queue], time)
#endif

#define LEARN(queue, tx) \
  :: d_step { TOUCHES(tx, queue) && outcome[tx] != NONE && decided[AT(queue, tx)] == NONE -> \
              decided[AT(queue, tx)] = outcome[tx]; \
              MERGE(queue, commit_at[tx]) }

#define CRASH(queue) :: d_step { true -> restart_of = (queue) + 1 }

inline restart() {
  q = restart_of - 1; t = 0; largest = 0;
  do
  :: t < TRANSACTIONS ->
     largest = MAX(largest, vote_at[AT(q, t)]);
#ifndef MUTANT_clock_from_votes
     if
     :: decided[AT(q, t)] == COMMITTED -> largest = MAX(largest, commit_at[t])
     :: else
     fi;
#endif
#ifdef MUTANT_forget_prepared_at_start
     if
     :: vote_at[AT(q, t)] != 0 && decided[AT(q, t)] == NONE -> is_forgotten[AT(q, t)] = true
     :: else
     fi;
#endif
     t++
  :: else -> break
  od;
#ifdef MUTANT_clock_starts_anew
  largest = 0;
#endif
#if !defined(MUTANT_decision_not_merged) && !defined(MUTANT_clock_starts_anew) && \
    !defined(MUTANT_clock_from_votes)
  assert(clock[q] >= largest);
#endif
  clock[q] = largest;
  q = 0; t = 0; largest = 0; restart_of = 0
}

/* ---- delivery -------------------------------------------------------------------------------- */

#ifdef MUTANT_place_by_vote
#define PLACE(queue, tx) vote_at[AT(queue, tx)]
#else
#define PLACE(queue, tx) commit_at[tx]
#endif

/* Rule P-27: the transaction's id decides between equal timestamps. */
#ifdef MUTANT_no_tie_break
#define COULD_GO_BEFORE(queue, other, tx) (vote_at[AT(queue, other)] < PLACE(queue, tx))
#else
#define COULD_GO_BEFORE(queue, other, tx) \
  (vote_at[AT(queue, other)] < PLACE(queue, tx) || \
   (vote_at[AT(queue, other)] == PLACE(queue, tx) && (other) < (tx)))
#endif
#define IS_BEFORE(queue, other, tx) \
  (PLACE(queue, other) < PLACE(queue, tx) || \
   (PLACE(queue, other) == PLACE(queue, tx) && (other) < (tx)))

/* Rule P-28: a smaller proposal may still become a smaller commit timestamp. */
#ifdef MUTANT_deliver_without_waiting
#define WAITS_FOR_PREPARED(queue, tx, other) false
#else
#define WAITS_FOR_PREPARED(queue, tx, other) \
  (vote_at[AT(queue, other)] != 0 && decided[AT(queue, other)] == NONE && \
   IS_KNOWN_PREPARED(AT(queue, other)) && COULD_GO_BEFORE(queue, other, tx))
#endif
#ifdef MUTANT_overtake_visible
#define WAITS_FOR_VISIBLE(queue, tx, other) false
#else
#define WAITS_FOR_VISIBLE(queue, tx, other) \
  (decided[AT(queue, other)] == COMMITTED && !delivered[AT(queue, other)] && \
   IS_BEFORE(queue, other, tx))
#endif
#define WAITS(queue, tx, other) \
  ((other) != (tx) && (WAITS_FOR_PREPARED(queue, tx, other) || WAITS_FOR_VISIBLE(queue, tx, other)))
#if TRANSACTIONS == 3
#define IS_NEXT(queue, tx) (!WAITS(queue, tx, 0) && !WAITS(queue, tx, 1) && !WAITS(queue, tx, 2))
#else
#define IS_NEXT(queue, tx) (!WAITS(queue, tx, 0) && !WAITS(queue, tx, 1))
#endif

#define DELIVER(queue, tx) \
  :: d_step { decided[AT(queue, tx)] == COMMITTED && !delivered[AT(queue, tx)] && \
              IS_NEXT(queue, tx) -> \
              deliver_from = queue; deliver_what = (tx) + 1 }

inline deliver() {
  t = 0;
  do
  :: t < TRANSACTIONS ->
     if
     :: delivered[AT(deliver_from, t)] -> before = before | (1 << (t * 3 + deliver_what - 1))
     :: else
     fi;
#ifdef PROBE_waited
     if
     :: t != deliver_what - 1 && decided[AT(deliver_from, t)] == ROLLED_BACK &&
        vote_at[AT(deliver_from, t)] != 0 &&
        vote_at[AT(deliver_from, t)] < commit_at[deliver_what - 1] -> waited = true
     :: else
     fi;
#endif
     t++
  :: else -> break
  od;
  delivered[AT(deliver_from, deliver_what - 1)] = true;
  t = 0; deliver_from = 0; deliver_what = 0
}

#define BEFORE(one, other) ((before >> ((one) * 3 + (other))) & 1)

inline judge() {
  assert(!(BEFORE(0, 1) && BEFORE(1, 0)));
  assert(!(BEFORE(0, 2) && BEFORE(2, 0)));
  assert(!(BEFORE(1, 2) && BEFORE(2, 1)));
  assert(!(BEFORE(0, 1) && BEFORE(1, 2) && BEFORE(2, 0)));
  assert(!(BEFORE(1, 0) && BEFORE(0, 2) && BEFORE(2, 1)));
#ifdef PROBE_all_delivered
  assert(!(delivered[AT(0, 0)] && delivered[AT(1, 0)] && delivered[AT(1, 1)] &&
           delivered[AT(2, 1)] && delivered[AT(2, 2)] && delivered[AT(0, 2)]));
#endif
#ifdef PROBE_waited
  assert(!waited);
#endif
}

/* ---- everybody ------------------------------------------------------------------------------- */

#define EACH_OF_QUEUE(queue, tx) VOTE(queue, tx) LEARN(queue, tx) DELIVER(queue, tx)
#if TRANSACTIONS == 3
#define EACH_AT(queue) \
  EACH_OF_QUEUE(queue, 0) EACH_OF_QUEUE(queue, 1) EACH_OF_QUEUE(queue, 2) TICK(queue) CRASH(queue)
#else
#define EACH_AT(queue) EACH_OF_QUEUE(queue, 0) EACH_OF_QUEUE(queue, 1) TICK(queue) CRASH(queue)
#endif

active proctype mesh() {
end:
  do
  :: atomic {
       if
       EACH_AT(0) EACH_AT(1)
       DECIDE(0) DECIDE(1)
#if QUEUES == 3
       EACH_AT(2)
#endif
#if TRANSACTIONS == 3
       DECIDE(2)
#endif
       fi;
       d_step {
         if
         :: restart_of != 0 -> restart()
         :: deliver_what != 0 -> deliver()
         :: else
         fi;
         judge()
       }
     }
  od
}
