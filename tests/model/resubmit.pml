/* resubmit.pml: one id, submitted again through another node (Rules P-5, P-12, P-14).
 *
 * Two nodes compose a descriptor each for the same id, with the same two participants but other
 * witnesses: each descriptor is an instance of consensus of its own. What a participant votes on
 * first binds the id; it refuses the other one, which no yes can follow. PREPAREs of both stay in
 * the network, also after the participants have forgotten the transaction. Asserted: no participant
 * carries the id out twice, and of the two descriptors at most one commits.
 *
 * A branch of an instance has one value here, written once, which is what commit.pml is about: yes
 * only after a vote, no at any time, as by a ballot. That the second node asks everybody first
 * (P-23) is left out: it lets a client follow the first submission, and nothing rests on it.
 *
 * What ./dev model runs, one a line. A mutant and a probe must make an assertion fail.
 *
 *   scope small two_descriptors  -DALL
 *
 *   probe second_committed       -DALL
 *   probe forgotten              -DALL
 *
 *   mutant bind_twice            P-5  -DALL
 *   mutant bind_while_prepared   P-5  -DALL
 *   mutant forget_without_refusal P-14 -DALL
 */

#define NONE 0
#define NO 1
#define YES 2
#define ROLLED_BACK 1
#define COMMITTED 2
#define FORGOTTEN 3

/* Of participant p, for descriptor d, at [d * 2 + p]. */
byte vote[4];          /* Durable. */
byte chosen[4];        /* Written once. */
byte decided[4];       /* Durable. */

bool is_remembered[2];  /* The id has ended here: nothing of it is voted on again. */
byte applied[2];        /* Commits carried out. */

#define AT(descriptor, node) ((descriptor) * 2 + (node))
#define OTHER(descriptor) (1 - (descriptor))

/* Rule P-5. What was forgotten is refused by the id, whichever the descriptor. */
#if defined(MUTANT_bind_twice)
#define IS_BOUND_ELSEWHERE(descriptor, node) false
#elif defined(MUTANT_bind_while_prepared)
/* Only what is prepared binds, what has ended does not. */
#define IS_BOUND_ELSEWHERE(descriptor, node) \
  (vote[AT(OTHER(descriptor), node)] == YES && decided[AT(OTHER(descriptor), node)] == NONE)
#else
#define IS_BOUND_ELSEWHERE(descriptor, node) (vote[AT(OTHER(descriptor), node)] != NONE)
#endif

#define MAY_VOTE(descriptor, node) \
  (vote[AT(descriptor, node)] == NONE && decided[AT(descriptor, node)] == NONE && \
   !is_remembered[node])

#define VOTE(descriptor, node) \
  :: d_step { MAY_VOTE(descriptor, node) && !IS_BOUND_ELSEWHERE(descriptor, node) -> \
              vote[AT(descriptor, node)] = YES } \
  :: d_step { MAY_VOTE(descriptor, node) && !IS_BOUND_ELSEWHERE(descriptor, node) -> \
              vote[AT(descriptor, node)] = NO }

#define CHOOSE(descriptor, node) \
  :: d_step { chosen[AT(descriptor, node)] == NONE && vote[AT(descriptor, node)] == YES -> \
              chosen[AT(descriptor, node)] = YES } \
  :: d_step { chosen[AT(descriptor, node)] == NONE -> chosen[AT(descriptor, node)] = NO }

#define COMMITS(descriptor) \
  (chosen[AT(descriptor, 0)] == YES && chosen[AT(descriptor, 1)] == YES)
#define ROLLS_BACK(descriptor) \
  (chosen[AT(descriptor, 0)] == NO || chosen[AT(descriptor, 1)] == NO)

#define LEARN(descriptor, node) \
  :: d_step { decided[AT(descriptor, node)] == NONE && vote[AT(descriptor, node)] == YES && \
              COMMITS(descriptor) -> \
              decided[AT(descriptor, node)] = COMMITTED; applied[node]++ } \
  :: d_step { decided[AT(descriptor, node)] == NONE && ROLLS_BACK(descriptor) -> \
              decided[AT(descriptor, node)] = ROLLED_BACK }

/* Only what all know (P-13), and it leaves a refusal. */
#ifdef MUTANT_forget_without_refusal
#define REMEMBER(node)
#define AGAIN(descriptor, node) vote[AT(descriptor, node)] = NONE; \
              decided[AT(descriptor, node)] = NONE
#else
#define REMEMBER(node) is_remembered[node] = true;
#define AGAIN(descriptor, node) vote[AT(descriptor, node)] = NONE; \
              decided[AT(descriptor, node)] = FORGOTTEN
#endif
#define FORGET(descriptor, node) \
  :: d_step { (decided[AT(descriptor, node)] == COMMITTED || \
               decided[AT(descriptor, node)] == ROLLED_BACK) && \
              decided[AT(descriptor, 0)] != NONE && decided[AT(descriptor, 1)] != NONE -> \
              REMEMBER(node) AGAIN(descriptor, node) }

#define EACH(descriptor, node) \
  VOTE(descriptor, node) CHOOSE(descriptor, node) LEARN(descriptor, node) FORGET(descriptor, node)

inline judge() {
  assert(applied[0] <= 1 && applied[1] <= 1);
  assert(!(COMMITS(0) && COMMITS(1)));
#ifdef PROBE_second_committed
  assert(!(COMMITS(1) && ROLLS_BACK(0)));
#endif
#ifdef PROBE_forgotten
  assert(!(COMMITS(0) && decided[AT(0, 0)] == FORGOTTEN && decided[AT(0, 1)] == FORGOTTEN));
#endif
}

active proctype mesh() {
end:
  do
  :: atomic {
       if
       EACH(0, 0) EACH(0, 1) EACH(1, 0) EACH(1, 1)
       :: else -> break
       fi;
       d_step { judge() }
     }
  od
}
