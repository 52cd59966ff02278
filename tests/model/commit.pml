/* commit.pml: votes, witnesses, recovery ballots, and what anybody could conclude from them.
 *
 * One transaction. Each branch has a participant, which votes once (Rules P-6, P-7), and witnesses
 * (P-3), which accept its vote at ballot 0 or what the leader of a higher ballot proposes
 * (P-17 to P-19). The outcome is never stored: after every step the model works out what a learner
 * could conclude who has received any of the messages ever sent (P-9, P-10), and asserts that no
 * two of them can conclude different things.
 *
 * The network: what was sent stays sent. Whoever it is for acts on it at any later time, once or
 * never: that is loss, delay, reordering and duplication in one, since every action is idempotent.
 *
 * Crashes: a record and what relies on it are one step here, because nothing leaves before its
 * record is durable (P-8). A crash before the flush is a step that did not happen; one after it
 * takes away only a leader's ballot, and each ballot may stop anywhere. The mutants at
 * no_vote_before_flush and promise_before_flush take the two apart.
 *
 * What ./dev model runs, one a line. A mutant, a probe and a limit must make an assertion fail.
 *
 *   scope small mode_x               -DMODE_X -DBALLOTS=1
 *   scope small mode_x_two_ballots   -DMODE_X -DBALLOTS=2
 *   scope small mode_x_one_lost      -DMODE_X -DBALLOTS=1 -DLOST=1
 *   scope small mode_x_two_lost      -DMODE_X -DBALLOTS=1 -DLOST=2 -DMAY_BLOCK
 *   scope small mode_s               -DMODE_S -DBALLOTS=2
 *   scope small mode_c               -DMODE_C -DBALLOTS=2
 *   scope small mode_c_one_lost      -DMODE_C -DBALLOTS=2 -DLOST=1 -DMAY_BLOCK
 *   scope small three_branches       -DMODE_X3 -DBALLOTS=1
 *   scope large two_ballots_one_lost -DMODE_X -DBALLOTS=2 -DLOST=1
 *   scope large three_ballots        -DMODE_X -DBALLOTS=3
 *   scope large three_branches_lost  -DMODE_X3 -DBALLOTS=1 -DLOST=1
 *   scope large three_branches_two_ballots -DMODE_X3 -DBALLOTS=2
 *
 *   probe committed                  -DMODE_X -DBALLOTS=1
 *   probe committed_by_ballot        -DMODE_X -DBALLOTS=1
 *   probe rolled_back_by_ballot      -DMODE_X -DBALLOTS=1
 *   limit blocked_by_two_lost        -DMODE_X -DBALLOTS=1 -DLOST=2
 *   limit blocked_by_coordinator     -DMODE_C -DBALLOTS=1 -DLOST=1
 *
 *   mutant no_vote_before_flush      P-7  -DMODE_X -DBALLOTS=1
 *   mutant promise_before_flush      P-8  -DMODE_X -DBALLOTS=1
 *   mutant vote_again_after_promise  P-18 -DMODE_X -DBALLOTS=1
 *   mutant accept_lower_ballot       P-18 -DMODE_X -DBALLOTS=2
 *   mutant own_vote_after_promise    P-18 -DMODE_X -DBALLOTS=1
 *   mutant ignore_accepted_value     P-19 -DMODE_X -DBALLOTS=1
 *   mutant adopt_lowest_ballot       P-19 -DMODE_X -DBALLOTS=2
 *   mutant minority_of_promises      P-19 -DMODE_X -DBALLOTS=1
 *   mutant promises_of_any_witness   P-19 -DMODE_X3 -DBALLOTS=1
 *   mutant invent_yes                P-19 -DMODE_X -DBALLOTS=1
 *   mutant invent_timestamp          P-19 -DMODE_X -DBALLOTS=1
 *   mutant minority_learns           P-9  -DMODE_X -DBALLOTS=1
 *   mutant own_yes_is_enough         P-9  -DMODE_X -DBALLOTS=1
 *   mutant add_up_ballots            P-9  -DMODE_X -DBALLOTS=3
 *   mutant least_timestamp_commits   P-10 -DMODE_X -DBALLOTS=1
 *   mutant reuse_ballot              P-17 -DMODE_X -DBALLOTS=2 -DMAY_BLOCK
 *   mutant abort_alone               P-6  -DMODE_X -DBALLOTS=1
 *   mutant commit_on_time_out        P-20 -DMODE_X -DBALLOTS=1
 */

/* ---- the mesh: who takes part, who witnesses what (P-3) -------------------------------------- */

#if defined(MODE_S)
/* Each participant is the only witness of its own vote. */
#define NODES 2
#define BRANCHES 2
#define HOME(branch) (branch)
#define WITNESSES(branch) (1 << (branch))
#define QUORUM 1

#elif defined(MODE_C)
/* Node 2 is the coordinator, and has no branch. */
#define NODES 3
#define BRANCHES 2
#define HOME(branch) (branch)
#define WITNESSES(branch) 4
#define QUORUM 1

#elif defined(MODE_X)
/* F = 1. The initiator, node 0, has a branch, node 1 the other one, node 2 is spare. */
#define NODES 3
#define BRANCHES 2
#define HOME(branch) (branch)
#define WITNESSES(branch) 7
#define QUORUM 2

#elif defined(MODE_X3)
/* F = 1. The initiator, node 0, has no branch; those of nodes 1, 2, 3 do not have the same
   witnesses: {1, 0, 2}, {2, 0, 1} and {3, 0, 1}. */
#define NODES 4
#define BRANCHES 3
#define HOME(branch) ((branch) + 1)
#define WITNESSES(branch) ((branch) == 2 -> 11 : 7)
#define QUORUM 2
#endif

#define IS_WITNESS(node, branch) ((WITNESSES(branch) >> (node)) & 1)

/* ---- state ---------------------------------------------------------------------------------- */

/* What is voted, accepted, proposed. A yes carries a timestamp: that of branch p is p + 1, so that
   the last branch has the largest. YES_EARLY is a yes whose timestamp somebody else invented. */
#define NONE 0
#define NO 1
#define YES 2
#define YES_EARLY 3

#define IS_YES(value) ((value) >= YES)
#define SAME_CHOICE(one, other) ((one) == (other) || (IS_YES(one) && IS_YES(other)))

byte vote[BRANCHES];       /* Durable, at the participant. */
byte promised[NODES];      /* Durable: the highest ballot promised; one for all branches (P-18). */
byte promises[NODES];      /* PROMISE messages sent: bit b for ballot b. */
byte accepted[(BALLOTS + 1) * NODES];  /* ACCEPTED messages sent, two bits a branch. The newest of
                              them is the witness's durable state: it accepts nothing lower. */
byte proposal[BALLOTS + 1];  /* PROPOSE messages sent, two bits a branch; 0: none. */

#define ACCEPTED(ballot, node, branch) \
  ((accepted[(ballot) * NODES + (node)] >> (2 * (branch))) & 3)
#define SET_ACCEPTED(ballot, node, branch, value) \
  accepted[(ballot) * NODES + (node)] = \
      accepted[(ballot) * NODES + (node)] | ((value) << (2 * (branch)))
#define PROPOSED(ballot, branch) ((proposal[ballot] >> (2 * (branch))) & 3)
#define HAS_PROMISED(ballot, node) ((promises[node] >> NUMBER(ballot)) & 1)

#ifdef MUTANT_reuse_ballot
/* Ballot 2 is ballot 1 once more: its leader was restarted and takes the same number again. */
#define NUMBER(ballot) 1
#else
#define NUMBER(ballot) (ballot)
#endif

#ifdef LOST
byte lost;                 /* Nodes gone for good: bit n for node n. */
byte lost_count;
#define IS_LIVE(node) (!((lost >> (node)) & 1))
#else
#define IS_LIVE(node) true
#endif

#ifdef MUTANT_no_vote_before_flush
bool no_has_left[BRANCHES];  /* The "no" was sent, its record may be lost. */
#define HAS_SAID_NO(branch) (vote[branch] == NO || no_has_left[branch])
#else
#define HAS_SAID_NO(branch) (vote[branch] == NO)
#endif
#if defined(MUTANT_abort_alone) || defined(MUTANT_commit_on_time_out)
bool decided_alone;
#endif

/* What somebody could have concluded by now; what is learnt never becomes unlearnt. */
bool can_commit, can_roll_back;

/* Work of one step, 0 between steps. */
byte leading, from_nodes, p, n, b, b2, count, value, best, commit_at;
bool all_chosen, one_no, at_early;

/* ---- actions: participants ------------------------------------------------------------------- */

/* Rule P-7: the vote and the participant's own acceptance are one record. P-18: after a promise the
   vote is no acceptance any more. */
#ifdef MUTANT_own_vote_after_promise
#define MAY_SAY_YES(branch) true
#define COUNTS_AT_ZERO(branch) true
#else
#define MAY_SAY_YES(branch) (promised[HOME(branch)] == 0)
#define COUNTS_AT_ZERO(branch) (promised[HOME(branch)] == 0)
#endif

#define RECORD_VOTE(branch, said) \
  vote[branch] = said; \
  if \
  :: IS_WITNESS(HOME(branch), branch) && COUNTS_AT_ZERO(branch) -> \
     SET_ACCEPTED(0, HOME(branch), branch, said) \
  :: else \
  fi

#ifdef MUTANT_no_vote_before_flush
#define SAY_NO_EARLY(branch) \
  :: d_step { vote[branch] == NONE && !no_has_left[branch] -> no_has_left[branch] = true }
#else
#define SAY_NO_EARLY(branch)
#endif

#define VOTE(branch) \
  :: d_step { IS_LIVE(HOME(branch)) && vote[branch] == NONE && MAY_SAY_YES(branch) -> \
              RECORD_VOTE(branch, YES) } \
  :: d_step { IS_LIVE(HOME(branch)) && vote[branch] == NONE -> RECORD_VOTE(branch, NO) } \
  SAY_NO_EARLY(branch)

/* ---- actions: witnesses ---------------------------------------------------------------------- */

#ifdef MUTANT_vote_again_after_promise
#define TAKES_VOTES(node) true
#else
#define TAKES_VOTES(node) (promised[node] == 0)
#endif

/* VOTE arrives at another node (P-6: it comes from the participant, or is refused). */
#define ACCEPT_VOTE(node, branch) \
  :: d_step { IS_LIVE(node) && IS_WITNESS(node, branch) && node != HOME(branch) && \
              TAKES_VOTES(node) && ACCEPTED(0, node, branch) == NONE && vote[branch] != NONE -> \
              SET_ACCEPTED(0, node, branch, vote[branch]) }

/* ASK-PROMISE arrives. Nodes without a branch to witness are asked, too: P-11 makes a participant
   without a vote say no, in the same step. */
#define SAY_NO_TO_LEADER(node, branch) \
  if \
  :: HOME(branch) == node && vote[branch] == NONE -> vote[branch] = NO \
  :: else \
  fi
#if BRANCHES == 3
#define SAY_NO_TO_LEADER_EACH(node) \
  SAY_NO_TO_LEADER(node, 0); SAY_NO_TO_LEADER(node, 1); SAY_NO_TO_LEADER(node, 2)
#else
#define SAY_NO_TO_LEADER_EACH(node) SAY_NO_TO_LEADER(node, 0); SAY_NO_TO_LEADER(node, 1)
#endif
#ifdef MUTANT_own_vote_after_promise
#undef SAY_NO_TO_LEADER_EACH
#define SAY_NO_TO_LEADER_EACH(node) skip
#endif

#define PROMISE(ballot, node) \
  :: d_step { IS_LIVE(node) && promised[node] < NUMBER(ballot) -> \
              promised[node] = NUMBER(ballot); \
              promises[node] = promises[node] | (1 << NUMBER(ballot)); \
              SAY_NO_TO_LEADER_EACH(node) }

/* PROPOSE arrives. */
#ifdef MUTANT_accept_lower_ballot
#define TAKES_BALLOT(ballot, node) true
#else
#define TAKES_BALLOT(ballot, node) (promised[node] <= NUMBER(ballot))
#endif

#define WITNESSED_BITS(node) \
  ((IS_WITNESS(node, 0) * 3) | (IS_WITNESS(node, 1) * 12) | (WITNESSES_THIRD(node) * 48))
#if BRANCHES == 3
#define WITNESSES_THIRD(node) IS_WITNESS(node, 2)
#else
#define WITNESSES_THIRD(node) 0
#endif

#define ACCEPT_PROPOSAL(ballot, node) \
  :: d_step { IS_LIVE(node) && proposal[ballot] != 0 && TAKES_BALLOT(ballot, node) && \
              accepted[ballot * NODES + node] == 0 && WITNESSED_BITS(node) != 0 -> \
              if \
              :: promised[node] < NUMBER(ballot) -> promised[node] = NUMBER(ballot) \
              :: else \
              fi; \
              accepted[ballot * NODES + node] = proposal[ballot] & WITNESSED_BITS(node) }

/* ---- actions: a leader ----------------------------------------------------------------------- */

/* Any live node may lead; which one does not matter, since a ballot has one leader in one life
   (P-17). It proposes once, after it has heard from some set of nodes that is enough. */
#define HAVE_PROMISED(ballot, nodes) \
  ((!((nodes) & 1) || HAS_PROMISED(ballot, 0)) && (!((nodes) & 2) || HAS_PROMISED(ballot, 1)) && \
   (!((nodes) & 4) || HAS_PROMISED_2(ballot)) && (!((nodes) & 8) || HAS_PROMISED_3(ballot)))
#if NODES >= 3
#define HAS_PROMISED_2(ballot) HAS_PROMISED(ballot, 2)
#else
#define HAS_PROMISED_2(ballot) false
#endif
#if NODES >= 4
#define HAS_PROMISED_3(ballot) HAS_PROMISED(ballot, 3)
#else
#define HAS_PROMISED_3(ballot) false
#endif

#define SIZE(nodes) (((nodes) & 1) + (((nodes) >> 1) & 1) + (((nodes) >> 2) & 1) + ((nodes) >> 3))

/* Rule P-19: of each branch's own witnesses; a promise covers what its node witnesses, no more. */
#if defined(MUTANT_minority_of_promises)
#define ENOUGH_FOR(nodes, branch) (SIZE((nodes) & WITNESSES(branch)) >= 1)
#elif defined(MUTANT_promises_of_any_witness)
#define ENOUGH_FOR(nodes, branch) (SIZE(nodes) >= QUORUM)
#else
#define ENOUGH_FOR(nodes, branch) (SIZE((nodes) & WITNESSES(branch)) >= QUORUM)
#endif
#if BRANCHES == 3
#define ENOUGH(nodes) (ENOUGH_FOR(nodes, 0) && ENOUGH_FOR(nodes, 1) && ENOUGH_FOR(nodes, 2))
#else
#define ENOUGH(nodes) (ENOUGH_FOR(nodes, 0) && ENOUGH_FOR(nodes, 1))
#endif

#define LEAD(ballot, nodes) \
  :: d_step { proposal[ballot] == 0 && ENOUGH(nodes) && HAVE_PROMISED(ballot, nodes) -> \
              leading = ballot; from_nodes = nodes }

/* P-19 for branch p at ballot `leading`, from the promises of from_nodes: the value accepted at the
   highest ballot; else the participant's own vote; else no. Sets `value`. */
inline choose_value() {
  value = NONE; best = 0; n = 0;
  do
  :: n < NODES ->
     if
     :: ((from_nodes >> n) & 1) && IS_WITNESS(n, p) ->
        b = 0;
        do
        :: b < NUMBER(leading) ->
           if
#ifdef MUTANT_adopt_lowest_ballot
           :: ACCEPTED(b, n, p) != NONE && (value == NONE || b < best) ->
#else
           :: ACCEPTED(b, n, p) != NONE && (value == NONE || b >= best) ->
#endif
              value = ACCEPTED(b, n, p); best = b
           :: else
           fi;
           b++
        :: else -> break
        od
     :: else
     fi;
     n++
  :: else -> break
  od;
#ifdef MUTANT_ignore_accepted_value
  value = NO;
#endif
  if
  :: value == NONE && ((from_nodes >> HOME(p)) & 1) -> value = vote[p]
  :: else
  fi;
#ifdef MUTANT_invent_timestamp
  if :: value == YES -> value = YES_EARLY :: else fi;
#endif
  if
#ifdef MUTANT_invent_yes
  :: value == NONE -> value = YES
#else
  :: value == NONE -> value = NO
#endif
  :: else
  fi;
  n = 0; b = 0; best = 0
}

inline lead() {
  p = 0; count = 0;
  do
  :: p < BRANCHES -> choose_value(); count = count | (value << (2 * p)); p++
  :: else -> break
  od;
  proposal[leading] = count;
  p = 0; count = 0; value = 0; leading = 0; from_nodes = 0
}

/* ---- actions: faults ------------------------------------------------------------------------- */

#ifdef LOST
#define LOSE(node) \
  :: d_step { lost_count < LOST && IS_LIVE(node) -> \
              lost = lost | (1 << (node)); lost_count++ }
#else
#define LOSE(node)
#endif

#ifdef MUTANT_promise_before_flush
/* The promise has left, its record has not been flushed: it is lost. */
#define CRASH(node) :: d_step { promised[node] == 1 && accepted[NODES + node] == 0 -> \
                                promised[node] = 0 }
#else
#define CRASH(node)
#endif

#ifdef MUTANT_abort_alone
#define DECIDE_ALONE :: d_step { vote[1] == YES && !decided_alone -> \
                                 decided_alone = true; can_roll_back = true }
#elif defined(MUTANT_commit_on_time_out)
#define DECIDE_ALONE :: d_step { vote[1] == YES && !decided_alone -> \
                                 decided_alone = true; can_commit = true }
#else
#define DECIDE_ALONE
#endif

/* ---- what a learner could conclude ----------------------------------------------------------- */

#ifdef MUTANT_minority_learns
#define LEARNERS_QUORUM 1
#else
#define LEARNERS_QUORUM QUORUM
#endif

/* Rules P-9 and P-10 for branch p. Sets all_chosen to false unless it is chosen yes; one_no when it
   is chosen no; and commit_at to the largest timestamp of those chosen yes. */
inline look_at_branch() {
  b = 0; best = 0;  /* best: whether it is chosen yes: bit 0, bit 1 with an invented timestamp. */
  if :: HAS_SAID_NO(p) -> one_no = true :: else fi;
#ifdef MUTANT_own_yes_is_enough
  if :: vote[p] == YES -> best = 1 :: else fi;
#endif
  do
  :: b <= BALLOTS ->
     value = NO;
     do
     :: value <= YES ->
        n = 0; count = 0; at_early = false;
        do
        :: n < NODES ->
           if
           :: IS_WITNESS(n, p) && SAME_CHOICE(ACCEPTED(b, n, p), value) ->
              count++;
              if :: ACCEPTED(b, n, p) == YES_EARLY -> at_early = true :: else fi
           :: else
           fi;
#ifdef MUTANT_add_up_ballots
           /* The same witness at another ballot counts, too, though not twice. */
           if
           :: IS_WITNESS(n, p) && !SAME_CHOICE(ACCEPTED(b, n, p), value) ->
              b2 = 0;
              do
              :: b2 <= BALLOTS && SAME_CHOICE(ACCEPTED(b2, n, p), value) -> count++; break
              :: b2 <= BALLOTS && !SAME_CHOICE(ACCEPTED(b2, n, p), value) -> b2++
              :: else -> break
              od;
              b2 = 0
           :: else
           fi;
#endif
           n++
        :: else -> break
        od;
        if
        :: count >= LEARNERS_QUORUM && value == NO -> one_no = true
        :: count >= LEARNERS_QUORUM && value == YES -> best = best | (1 + at_early)
        :: else
        fi;
        value++
     :: else -> break
     od;
     b++
  :: else -> break
  od;
  if
  :: best == 0 -> all_chosen = false
#ifdef MUTANT_least_timestamp_commits
  :: best == 1 && commit_at == 0 -> commit_at = p + 1
#else
  :: best == 1 -> commit_at = p + 1
#endif
  :: else  /* Somebody may see the invented timestamp, which is lower than any other. */
  fi;
  b = 0; best = 0; n = 0; count = 0; value = 0; at_early = false
}

inline judge() {
  all_chosen = true; one_no = false; commit_at = 0; p = 0;
  do
  :: p < BRANCHES -> look_at_branch(); p++
  :: else -> break
  od;
  if
  :: all_chosen ->
     can_commit = true;
     assert(commit_at == BRANCHES)  /* P-10: the largest vote timestamp, whoever looks. */
  :: else
  fi;
  if :: one_no -> can_roll_back = true :: else fi;

  assert(!(can_commit && can_roll_back));  /* Agreement. */

  p = 0;
  do
  :: p < BRANCHES ->
     assert(!can_commit || vote[p] == YES);  /* Validity. */
     assert(vote[p] == NONE || !(HAS_SAID_NO(p) && vote[p] == YES));  /* P-6: one word for ever. */
     p++
  :: else -> break
  od;

#ifdef PROBE_committed
  assert(!can_commit);
#endif
#ifdef PROBE_committed_by_ballot
  assert(!(can_commit && proposal[1] == (YES | (YES << 2)) && accepted[0] == YES));
#endif
#ifdef PROBE_rolled_back_by_ballot
  assert(!(can_roll_back && vote[0] != NO && vote[1] != NO));
#endif
  p = 0; all_chosen = false; one_no = false; commit_at = 0
}

/* Nobody can do anything any more, and all messages may have been lost since they were first acted
   on: what the live nodes still hold must tell the outcome. Their newest acceptances are those of
   the highest ballot, which has run to its end. */
inline nobody_is_blocked() {
  p = 0; all_chosen = true; one_no = false;
  do
  :: p < BRANCHES ->
     n = 0; count = 0; value = 0;
     do
     :: n < NODES ->
        if
        :: IS_LIVE(n) && IS_WITNESS(n, p) && IS_YES(ACCEPTED(BALLOTS, n, p)) -> count++
        :: IS_LIVE(n) && IS_WITNESS(n, p) && ACCEPTED(BALLOTS, n, p) == NO -> value++
        :: else
        fi;
        n++
     :: else -> break
     od;
     if :: count < QUORUM -> all_chosen = false :: else fi;
     if
     :: value >= QUORUM || (vote[p] == NO && IS_LIVE(HOME(p))) -> one_no = true
     :: else
     fi;
     p++
  :: else -> break
  od;
#ifndef MAY_BLOCK
  assert(all_chosen || one_no);
#endif
  p = 0; n = 0; count = 0; value = 0
}

/* ---- everybody ------------------------------------------------------------------------------- */

#if NODES == 2
#define EACH_NODE(action) action(0) action(1)
#define EACH_NODE_AT(action, ballot) action(ballot, 0) action(ballot, 1)
#define LEAD_EACH(ballot) LEAD(ballot, 3)
#elif NODES == 3
#define EACH_NODE(action) action(0) action(1) action(2)
#define EACH_NODE_AT(action, ballot) action(ballot, 0) action(ballot, 1) action(ballot, 2)
#define LEAD_EACH(ballot) \
  LEAD(ballot, 1) LEAD(ballot, 2) LEAD(ballot, 3) LEAD(ballot, 4) LEAD(ballot, 5) LEAD(ballot, 6) \
  LEAD(ballot, 7)
#else
#define EACH_NODE(action) action(0) action(1) action(2) action(3)
#define EACH_NODE_AT(action, ballot) \
  action(ballot, 0) action(ballot, 1) action(ballot, 2) action(ballot, 3)
#define LEAD_EACH(ballot) \
  LEAD(ballot, 3) LEAD(ballot, 5) LEAD(ballot, 6) LEAD(ballot, 7) LEAD(ballot, 9) \
  LEAD(ballot, 10) LEAD(ballot, 11) LEAD(ballot, 12) LEAD(ballot, 13) LEAD(ballot, 14) \
  LEAD(ballot, 15)
#endif

#define BALLOT(ballot) \
  EACH_NODE_AT(PROMISE, ballot) LEAD_EACH(ballot) EACH_NODE_AT(ACCEPT_PROPOSAL, ballot)

#if BRANCHES == 2
#define EACH_BRANCH(action) action(0) action(1)
#define ACCEPT_VOTES(node) ACCEPT_VOTE(node, 0) ACCEPT_VOTE(node, 1)
#else
#define EACH_BRANCH(action) action(0) action(1) action(2)
#define ACCEPT_VOTES(node) ACCEPT_VOTE(node, 0) ACCEPT_VOTE(node, 1) ACCEPT_VOTE(node, 2)
#endif

active proctype mesh() {
end:
  do
  :: atomic {
       if
       EACH_BRANCH(VOTE)
       EACH_NODE(ACCEPT_VOTES)
       BALLOT(1)
#if BALLOTS >= 2
       BALLOT(2)
#endif
#if BALLOTS >= 3
       BALLOT(3)
#endif
       EACH_NODE(LOSE)
       EACH_NODE(CRASH)
       DECIDE_ALONE
       :: else -> nobody_is_blocked(); break
       fi;
       d_step {
         if :: leading != 0 -> lead() :: else fi;
         judge()
       }
     }
  od
}
