/* forget.pml: what a node may forget, what it refuses afterwards, and who may still ask.
 *
 * One transaction in mode X, F = 1: the initiator (node 0) and node 1 are participants, node 2 is a
 * spare witness. The outcome is told (Rules P-12, P-13), rows are dropped (P-14), the client
 * acknowledges, and then nothing at all is left of it but the client's mark (P-15). PREPARE, votes,
 * questions, proposals and decisions stay in the network for ever: late copies arrive at nodes that
 * have forgotten. A witness that calls the transaction too old challenges a leader (P-39).
 *
 * What a learner could conclude is worked out from every ACCEPTED and every "no" ever sent, also by
 * nodes that have forgotten since: an outcome once told must never be contradicted.
 *
 * With -DASK_ONLY all messages are lost but for those whose sender would still repeat them, so that
 * only what nodes still hold can help whoever is in doubt. In the end the leader of the last ballot
 * must not be in doubt, unless only a further ballot would help; and when no node was lost, no row
 * must be left.
 *
 * Simpler than core/, and allowing more: FORGET reaches nodes in any order (P-14: the initiator
 * drops its own row last), a leader asks once, the last ballot is the last attempt.
 *
 * What ./dev model runs, one a line. A mutant and a probe must make an assertion fail.
 *
 *   scope small late_copies              -DBALLOTS=1 -DLEADER_1=1
 *   scope small initiator_leads          -DBALLOTS=1 -DLEADER_1=0
 *   scope small spare_leads              -DBALLOTS=1 -DLEADER_1=2
 *   scope small only_asking              -DBALLOTS=1 -DLEADER_1=1 -DASK_ONLY
 *   scope small only_asking_one_lost     -DBALLOTS=1 -DLEADER_1=1 -DASK_ONLY -DLOST=1
 *   scope large two_ballots              -DBALLOTS=2 -DLEADER_1=1 -DLEADER_2=0
 *   scope large two_ballots_by_spare     -DBALLOTS=2 -DLEADER_1=2 -DLEADER_2=1
 *   scope large two_ballots_only_asking  -DBALLOTS=2 -DLEADER_1=0 -DLEADER_2=1 -DASK_ONLY -DLOST=1
 *   scope large asking_twice             -DBALLOTS=2 -DLEADER_1=1 -DLEADER_2=1 -DASK_ONLY -DLOST=1
 *
 *   probe committed_and_forgotten        -DBALLOTS=1 -DLEADER_1=1
 *   probe found_by_challenge             -DBALLOTS=1 -DLEADER_1=1
 *
 *   mutant forget_before_informed        P-13 -DBALLOTS=1 -DLEADER_1=1
 *   mutant forget_without_refusal        P-14 -DBALLOTS=1 -DLEADER_1=1
 *   mutant forget_prepared               P-14 -DBALLOTS=1 -DLEADER_1=1
 *   mutant keep_orphans                  P-14 -DBALLOTS=1 -DLEADER_1=1 -DASK_ONLY
 *   mutant forget_witness_only           P-15 -DBALLOTS=1 -DLEADER_1=1
 *   mutant mark_before_outcome           P-15 -DBALLOTS=1 -DLEADER_1=1 -DASK_ONLY
 *   mutant too_old_is_rolled_back        P-15 -DBALLOTS=1 -DLEADER_1=1
 *   mutant acknowledge_without_tombstone P-12 -DBALLOTS=1 -DLEADER_1=1
 *   mutant never_insist                  P-39 -DBALLOTS=1 -DLEADER_1=1 -DASK_ONLY -DLOST=1
 *   mutant believe_old_doubt             P-39 -DBALLOTS=1 -DLEADER_1=1
 */

#define QUORUM 2

/* Votes and accepted values; outcomes. */
#define NONE 0
#define NO 1
#define YES 2
#define ROLLED_BACK 1
#define COMMITTED 2

/* ---- durable state --------------------------------------------------------------------------- */

/* The row of a node. It exists while any of this is set. */
byte vote[3];         /* Of the node's own branch; node 2 has none. */
byte held[6];         /* At [node * 2 + branch]: the newest acceptance, value + 4 * ballot. */
byte promised[3];
byte outcome[3];

/* What stays when the row is gone. */
byte remembered[3];   /* The outcome, until the client has acknowledged it. */
bool past_mark[3];    /* The client's mark is beyond it: what is unknown is too old. */

/* ---- volatile state -------------------------------------------------------------------------- */

byte challenge[3];    /* The ballot whose leader this witness has challenged last; 0: none. */
bool answered[3];     /* That leader was in doubt when it read the challenge. */

/* ---- messages ever sent ---------------------------------------------------------------------- */

byte said[2];                        /* VOTE: bit 0 no, bit 1 yes. */
bool asked[BALLOTS + 1];             /* ASK-PROMISE. */
short promise[(BALLOTS + 1) * 3];    /* PROMISE: 1, the acceptances held, the own vote. */
byte proposal[BALLOTS + 1];          /* PROPOSE: two bits a branch. */
byte accepted[(BALLOTS + 1) * 3];    /* ACCEPTED: two bits a branch. */
byte acknowledged;                   /* DECISION-ACK: bit n for node n. */
bool forget_sent;                    /* FORGET. */
bool told;                           /* The client knows the outcome. */
#ifdef MUTANT_believe_old_doubt
bool asked_in_doubt[BALLOTS + 1];    /* What ASK-PROMISE said of its sender. */
#endif

/* ---- what was, for the assertions alone ------------------------------------------------------ */

bool can_commit, can_roll_back;      /* Somebody could have concluded it by now. */
byte applied[2];                     /* Commits carried out. */

#ifdef LOST
byte lost;                           /* The node that is gone for good, + 1. */
#define IS_LIVE(node) (lost != (node) + 1)
#else
#define IS_LIVE(node) true
#endif

/* Work of one step, 0 between steps. */
byte leading, from_nodes, p, n, b, value, best, content;

#define HELD_VALUE(node, branch) (held[(node) * 2 + (branch)] & 3)
#define HELD_BALLOT(node, branch) (held[(node) * 2 + (branch)] >> 2)
#define HOLD(node, branch, ballot, what) held[(node) * 2 + (branch)] = (what) | ((ballot) << 2)
#define ACCEPTED(ballot, node, branch) \
  ((accepted[(ballot) * 3 + (node)] >> (2 * (branch))) & 3)
#define HAS_ROW(node) \
  (vote[node] != 0 || held[(node) * 2] != 0 || held[(node) * 2 + 1] != 0 || \
   promised[node] != 0 || outcome[node] != 0)
#define IS_PREPARED(node) (vote[node] == YES && outcome[node] == 0)
#define IS_UNDECIDED(node) (HAS_ROW(node) && outcome[node] == 0)
#define BIT(what) (1 << ((what) - 1))

/* Rule P-15: only what is unknown is too old. */
#define IS_TOO_OLD(node) (!HAS_ROW(node) && remembered[node] == 0 && past_mark[node])
#ifdef MUTANT_forget_witness_only
#define TAKES_PART(node) (HAS_ROW(node) || remembered[node] == 0)
#else
#define TAKES_PART(node) (HAS_ROW(node) || (remembered[node] == 0 && !past_mark[node]))
#endif

#if BALLOTS >= 2
#define LEADER(ballot) ((ballot) == 1 -> LEADER_1 : LEADER_2)
#else
#define LEADER(ballot) LEADER_1
#endif

/* A message is there while its sender would repeat it, or for ever. */
#ifdef ASK_ONLY
#define VOTE_ARRIVES(branch) (IS_LIVE(branch) && vote[branch] != NONE)
#define LEADER_SPEAKS(ballot) (IS_LIVE(LEADER(ballot)) && IS_UNDECIDED(LEADER(ballot)))
#define FORGET_ARRIVES(node) (forget_sent && (node) != 2)  /* Spare ones are not waited for. */
#else
#define VOTE_ARRIVES(branch) (said[branch] != 0)
#define LEADER_SPEAKS(ballot) true
#define FORGET_ARRIVES(node) forget_sent
#endif

/* ---- actions: voting ------------------------------------------------------------------------- */

#define SAY(node, what) \
  assert(said[node] == 0);  /* P-6: one word for ever, also after all is forgotten. */ \
  vote[node] = what; said[node] = said[node] | BIT(what); \
  if \
  :: promised[node] == 0 -> \
     HOLD(node, node, 0, what); \
     accepted[node] = accepted[node] | ((what) << (2 * (node))) \
  :: else \
  fi

/* PREPARE arrives, in time or very late. */
#define MAY_VOTE(node) \
  (IS_LIVE(node) && vote[node] == NONE && outcome[node] == 0 && remembered[node] == 0 && \
   !past_mark[node])
#define VOTE(node) \
  :: d_step { MAY_VOTE(node) && promised[node] == 0 -> SAY(node, YES) } \
  :: d_step { MAY_VOTE(node) -> SAY(node, NO) }

#define TAKE_VOTE(node, branch) \
  :: d_step { IS_LIVE(node) && VOTE_ARRIVES(branch) && TAKES_PART(node) && \
              promised[node] == 0 && HELD_VALUE(node, branch) == NONE -> \
              value = (said[branch] == 1 -> NO : YES); \
              HOLD(node, branch, 0, value); \
              accepted[node] = accepted[node] | (value << (2 * (branch))); \
              value = 0 }

/* ---- actions: a ballot ----------------------------------------------------------------------- */

/* Rule P-17: whoever holds an undecided row. */
#ifdef MUTANT_believe_old_doubt
#define ASK(ballot) \
  :: d_step { IS_LIVE(LEADER(ballot)) && !asked[ballot] && IS_UNDECIDED(LEADER(ballot)) -> \
              asked[ballot] = true; asked_in_doubt[ballot] = IS_PREPARED(LEADER(ballot)) }
#else
#define ASK(ballot) \
  :: d_step { IS_LIVE(LEADER(ballot)) && !asked[ballot] && IS_UNDECIDED(LEADER(ballot)) -> \
              asked[ballot] = true }
#endif

/* Rule P-39: the leader has answered the challenge. */
#ifdef MUTANT_believe_old_doubt
#define INSISTS(ballot, node) (IS_TOO_OLD(node) && asked_in_doubt[ballot])
#else
#define INSISTS(ballot, node) (IS_TOO_OLD(node) && challenge[node] == ballot && answered[node])
#endif

#define PROMISE(ballot, node) \
  :: d_step { IS_LIVE(node) && asked[ballot] && LEADER_SPEAKS(ballot) && outcome[node] == 0 && \
              promised[node] < ballot && (TAKES_PART(node) || INSISTS(ballot, node)) -> \
              promised[node] = ballot; \
              challenge[node] = 0; answered[node] = false; \
              SAY_NO_TO_LEADER(node) \
              promise[(ballot) * 3 + (node)] = 1 | (held[(node) * 2] << 1) | \
                  (held[(node) * 2 + 1] << 5) | (vote[node] << 9) } \
  CHALLENGE(ballot, node)

/* Rule P-11. */
#define SAY_NO_TO_LEADER(node) \
  if \
  :: (node) < 2 && vote[node] == NONE -> SAY((node) & 1, NO) \
  :: else \
  fi;

#define CHALLENGE(ballot, node) \
  :: d_step { IS_LIVE(node) && asked[ballot] && LEADER_SPEAKS(ballot) && IS_TOO_OLD(node) && \
              !TAKES_PART(node) && challenge[node] != ballot -> \
              challenge[node] = ballot; answered[node] = false } \
  RESPOND(ballot, node)

#if defined(MUTANT_never_insist) || defined(MUTANT_believe_old_doubt)
#define RESPOND(ballot, node)
#else
#define RESPOND(ballot, node) \
  :: d_step { IS_LIVE(LEADER(ballot)) && challenge[node] == ballot && !answered[node] && \
              LEADER(ballot) < 2 && IS_PREPARED(LEADER(ballot)) && proposal[ballot] == 0 -> \
              answered[node] = true }
#endif

#define HAS_PROMISED(ballot, node) (promise[(ballot) * 3 + (node)] != 0)
#define LEAD(ballot, one, other) \
  :: d_step { IS_LIVE(LEADER(ballot)) && IS_UNDECIDED(LEADER(ballot)) && proposal[ballot] == 0 && \
              HAS_PROMISED(ballot, one) && HAS_PROMISED(ballot, other) -> \
              leading = ballot; from_nodes = (1 << (one)) | (1 << (other)) }

/* P-19: for each branch the value accepted at the highest ballot; else the own vote; else no. */
inline lead() {
  p = 0; content = 0;
  do
  :: p < 2 ->
     value = NONE; best = 0; n = 0;
     do
     :: n < 3 ->
        b = (promise[leading * 3 + n] >> (1 + 4 * p)) & 15;
        if
        :: ((from_nodes >> n) & 1) && (b & 3) != NONE && (value == NONE || (b >> 2) >= best) ->
           value = b & 3; best = b >> 2
        :: else
        fi;
        n++
     :: else -> break
     od;
     if
     :: value == NONE && ((from_nodes >> p) & 1) -> value = (promise[leading * 3 + p] >> 9) & 3
     :: else
     fi;
     if :: value == NONE -> value = NO :: else fi;
     content = content | (value << (2 * p));
     p++
  :: else -> break
  od;
  proposal[leading] = content;
  p = 0; n = 0; b = 0; value = 0; best = 0; content = 0; leading = 0; from_nodes = 0
}

#define ACCEPT(ballot, node) \
  :: d_step { IS_LIVE(node) && proposal[ballot] != 0 && LEADER_SPEAKS(ballot) && \
              TAKES_PART(node) && outcome[node] == 0 && promised[node] <= ballot && \
              HELD_BALLOT(node, 0) < ballot -> \
              promised[node] = ballot; \
              HOLD(node, 0, ballot, proposal[ballot] & 3); \
              HOLD(node, 1, ballot, proposal[ballot] >> 2); \
              accepted[(ballot) * 3 + (node)] = proposal[ballot] }

/* ---- actions: the outcome -------------------------------------------------------------------- */

/* Who could still tell: with all messages there, whoever has seen them; else a node that knows the
   outcome, a participant that said no, witnesses that hold a quorum. */
#ifdef ASK_ONLY
#define KNOWS(node, what) (IS_LIVE(node) && (outcome[node] == (what) || remembered[node] == (what)))
#define REFUSES(node) (IS_LIVE(node) && vote[node] == NO)
#define HOLD_SAME(one, other, branch, what) \
  (IS_LIVE(one) && IS_LIVE(other) && held[(one) * 2 + (branch)] == held[(other) * 2 + (branch)] && \
   HELD_VALUE(one, branch) == (what))
#define IS_HELD(branch, what) \
  (HOLD_SAME(0, 1, branch, what) || HOLD_SAME(0, 2, branch, what) || HOLD_SAME(1, 2, branch, what))
#define CAN_TELL_COMMIT \
  (KNOWS(0, COMMITTED) || KNOWS(1, COMMITTED) || KNOWS(2, COMMITTED) || \
   (IS_HELD(0, YES) && IS_HELD(1, YES)))
#define CAN_TELL_ROLL_BACK \
  (KNOWS(0, ROLLED_BACK) || KNOWS(1, ROLLED_BACK) || KNOWS(2, ROLLED_BACK) || \
   REFUSES(0) || REFUSES(1) || IS_HELD(0, NO) || IS_HELD(1, NO))
#else
#define CAN_TELL_COMMIT can_commit
#define CAN_TELL_ROLL_BACK can_roll_back
#endif

#define ACKNOWLEDGE(node) acknowledged = acknowledged | (1 << (node))
#define HAS_ACKNOWLEDGED(node) ((acknowledged >> (node)) & 1)

#ifdef MUTANT_acknowledge_without_tombstone
#define LEAVE_TOMBSTONE(node)
#else
#define LEAVE_TOMBSTONE(node) remembered[node] = ROLLED_BACK;
#endif

/* DECISION arrives. Rule P-12: a commit of something unknown is not believed; a node that calls it
   too old has carried it out, since a commit needed its yes. */
#define DECISION(node) \
  :: d_step { IS_LIVE(node) && CAN_TELL_COMMIT && IS_UNDECIDED(node) -> \
              assert(vote[node] == YES); \
              outcome[node] = COMMITTED; applied[node]++; ACKNOWLEDGE(node) } \
  :: d_step { IS_LIVE(node) && CAN_TELL_ROLL_BACK && IS_UNDECIDED(node) -> \
              outcome[node] = ROLLED_BACK; ACKNOWLEDGE(node) } \
  :: d_step { IS_LIVE(node) && (CAN_TELL_COMMIT || CAN_TELL_ROLL_BACK) && !HAS_ROW(node) && \
              (remembered[node] != 0 || past_mark[node]) && !HAS_ACKNOWLEDGED(node) -> \
              ACKNOWLEDGE(node) } \
  :: d_step { IS_LIVE(node) && CAN_TELL_ROLL_BACK && TAKES_PART(node) && !HAS_ROW(node) && \
              !HAS_ACKNOWLEDGED(node) -> \
              LEAVE_TOMBSTONE(node) ACKNOWLEDGE(node) }

#define TELL_CLIENT :: d_step { (can_commit || can_roll_back) && !told -> told = true }

#ifdef MUTANT_too_old_is_rolled_back
#define GIVE_UP(ballot, node) \
  :: d_step { asked[ballot] && IS_UNDECIDED(LEADER(ballot)) && IS_TOO_OLD(node) && \
              !can_roll_back -> can_roll_back = true }
#else
#define GIVE_UP(ballot, node)
#endif

/* ---- actions: forgetting --------------------------------------------------------------------- */

/* Rule P-13: only when both participants, one of them the initiator, have acknowledged. */
#ifdef MUTANT_forget_before_informed
#define ALL_INFORMED \
  :: d_step { (can_commit || can_roll_back) && !forget_sent -> forget_sent = true }
#else
#define ALL_INFORMED :: d_step { acknowledged == 3 && !forget_sent -> forget_sent = true }
#endif

#define THE_OUTCOME (can_commit -> COMMITTED : ROLLED_BACK)

#define DROP_ROW(node) \
  assert(!IS_PREPARED(node));  /* P-1: what a yes holds is given back by an outcome only. */ \
  vote[node] = 0; held[(node) * 2] = 0; held[(node) * 2 + 1] = 0; \
  promised[node] = 0; outcome[node] = 0;

#ifdef MUTANT_forget_without_refusal
#define REMEMBER(node)
#else
#define REMEMBER(node) if :: !past_mark[node] -> remembered[node] = THE_OUTCOME :: else fi
#endif

#ifdef MUTANT_forget_prepared
#define MAY_DROP(node) HAS_ROW(node)
#else
#define MAY_DROP(node) (HAS_ROW(node) && !IS_PREPARED(node))
#endif

/* FORGET carries the outcome, since node 2 was never told it. */
#define FORGET(node) \
  :: d_step { IS_LIVE(node) && FORGET_ARRIVES(node) && MAY_DROP(node) -> \
              DROP_ROW(node) REMEMBER(node) }

/* Rule P-14: a node that was not told asks. Another one has forgotten it already; or it is too old
   for the initiator and for every other participant. */
#define HAS_FORGOTTEN(node) \
  (IS_LIVE(node) && !HAS_ROW(node) && remembered[node] != 0 && forget_sent)
#define SAYS_TOO_OLD(node, to) ((node) == (to) || (IS_LIVE(node) && IS_TOO_OLD(node)))
#ifdef MUTANT_keep_orphans
#define ASK_AND_FORGET(node, one, other)
#else
#define ASK_AND_FORGET(node, one, other) \
  :: d_step { IS_LIVE(node) && MAY_DROP(node) && (HAS_FORGOTTEN(one) || HAS_FORGOTTEN(other)) -> \
              DROP_ROW(node) REMEMBER(node) } \
  :: d_step { IS_LIVE(node) && MAY_DROP(node) && outcome[node] == 0 && \
              SAYS_TOO_OLD(0, node) && SAYS_TOO_OLD(1, node) -> \
              DROP_ROW(node) past_mark[node] = true; remembered[node] = 0 }
#endif

/* Rule P-15: the client raises its mark once it knows the outcome; nodes hear of it one by one. */
#ifdef MUTANT_mark_before_outcome
#define MAY_ACKNOWLEDGE true
#else
#define MAY_ACKNOWLEDGE told
#endif
#define RAISE_MARK(node) \
  :: d_step { IS_LIVE(node) && MAY_ACKNOWLEDGE && !past_mark[node] -> \
              past_mark[node] = true; remembered[node] = 0 }

#ifdef LOST
#define LOSE(node) :: d_step { lost == 0 -> lost = (node) + 1 }
#else
#define LOSE(node)
#endif

/* ---- assertions ------------------------------------------------------------------------------ */

#define COUNT(ballot, branch, what) \
  ((ACCEPTED(ballot, 0, branch) == (what)) + (ACCEPTED(ballot, 1, branch) == (what)) + \
   (ACCEPTED(ballot, 2, branch) == (what)))
#if BALLOTS == 1
#define IS_CHOSEN(branch, what) \
  (COUNT(0, branch, what) >= QUORUM || COUNT(1, branch, what) >= QUORUM)
#else
#define IS_CHOSEN(branch, what) \
  (COUNT(0, branch, what) >= QUORUM || COUNT(1, branch, what) >= QUORUM || \
   COUNT(2, branch, what) >= QUORUM)
#endif

inline judge() {
  if :: IS_CHOSEN(0, YES) && IS_CHOSEN(1, YES) -> can_commit = true :: else fi;
  if
  :: IS_CHOSEN(0, NO) || IS_CHOSEN(1, NO) || (said[0] & 1) || (said[1] & 1) -> can_roll_back = true
  :: else
  fi;
  assert(!(can_commit && can_roll_back));  /* Agreement, also after all was forgotten. */
  assert(!can_commit || (said[0] == 2 && said[1] == 2));  /* Validity. */
  assert(applied[0] <= 1 && applied[1] <= 1);
  /* What P-39 rests on: nobody is in doubt once somebody may forget. */
  assert(!forget_sent || (!IS_PREPARED(0) && !IS_PREPARED(1)));
#ifdef PROBE_committed_and_forgotten
  assert(!(can_commit && IS_TOO_OLD(0) && IS_TOO_OLD(1) && IS_TOO_OLD(2)));
#endif
#ifdef PROBE_found_by_challenge
  assert(!(told && can_commit && promise[3 + 2] != 0 && past_mark[2] && held[4] == 0 &&
           outcome[1] == COMMITTED));
#endif
}

/* Only a new ballot helps a leader whose proposal comes to a witness that calls it too old. */
#define REFUSES_PROPOSAL(node) (IS_LIVE(node) && IS_TOO_OLD(node) && proposal[BALLOTS] != 0)

inline nobody_is_left() {
#ifdef ASK_ONLY
  assert(!IS_LIVE(LEADER(BALLOTS)) || !IS_PREPARED(LEADER(BALLOTS)) ||
         REFUSES_PROPOSAL(0) || REFUSES_PROPOSAL(1) || REFUSES_PROPOSAL(2));
#ifndef LOST
  assert(!HAS_ROW(0) && !HAS_ROW(1) && !HAS_ROW(2));
#endif
#else
  skip
#endif
}

#define BALLOT(ballot) \
  ASK(ballot) PROMISE(ballot, 0) PROMISE(ballot, 1) PROMISE(ballot, 2) \
  LEAD(ballot, 0, 1) LEAD(ballot, 0, 2) LEAD(ballot, 1, 2) \
  ACCEPT(ballot, 0) ACCEPT(ballot, 1) ACCEPT(ballot, 2) \
  GIVE_UP(ballot, 0) GIVE_UP(ballot, 1) GIVE_UP(ballot, 2)

active proctype mesh() {
end:
  do
  :: atomic {
       if
       VOTE(0) VOTE(1)
       TAKE_VOTE(1, 0) TAKE_VOTE(2, 0) TAKE_VOTE(0, 1) TAKE_VOTE(2, 1)
       BALLOT(1)
#if BALLOTS >= 2
       BALLOT(2)
#endif
       DECISION(0) DECISION(1)
       TELL_CLIENT
       ALL_INFORMED
       FORGET(0) FORGET(1) FORGET(2)
       ASK_AND_FORGET(0, 1, 2) ASK_AND_FORGET(1, 0, 2) ASK_AND_FORGET(2, 0, 1)
       RAISE_MARK(0) RAISE_MARK(1) RAISE_MARK(2)
       LOSE(0) LOSE(1) LOSE(2)
       :: else -> nobody_is_left(); break
       fi;
       d_step {
         if :: leading != 0 -> lead() :: else fi;
         judge()
       }
     }
  od
}
