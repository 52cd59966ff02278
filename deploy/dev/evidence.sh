# Sourced by ./dev: the campaigns, and docs/evidence.md out of what they printed. Each record in
# docs/evidence says with which command, of which commit and how long; they are run one by one or all.

evidence_dir=docs/evidence
evidence_campaigns=(simulation mutants model crash kill-matrix chaos attack fuzz sanitize coverage reproducible)

# campaign_command NAME PERCENT: what ./dev is given; 100 percent is what the documents promise.
campaign_command() {
  case $1 in
    # Seeds that nobody ran before; the record says which.
    simulation) printf 'sim --minutes %d --marks\n' $(((60 * $2 + 99) / 100)) ;;
    mutants) printf 'mutants\n' ;;
    model) printf 'model --large\n' ;;
    crash) printf 'crash --flips-one-in 1 --states %d --cuts %d\n' $((5000 * $2)) $((3 * $2)) ;;
    kill-matrix) printf 'kill-matrix\n' ;;
    chaos) printf 'chaos --minutes %d\n' $(((60 * $2 + 99) / 100)) ;;
    # An input of the engine is a whole life.
    fuzz) printf 'fuzz engine:%d frame journal config audit members --seconds %d\n' $((15 * $2)) $((3 * $2)) ;;
    sanitize) printf 'sanitize\n' ;;
    coverage) printf 'coverage\n' ;;
    attack) printf 'attack\n' ;;
    reproducible) printf 'reproducible\n' ;;
    *) die "evidence: no campaign $1, only ${evidence_campaigns[*]}" ;;
  esac
}

# campaign NAME PERCENT: runs it; what it printed becomes its record, whatever the end.
campaign() {
  local name=$1 begin status=0 command commit output=build/evidence.$1.txt
  # Of what is run: the records themselves do not count.
  commit=$(git rev-parse --short HEAD)
  git diff --quiet HEAD -- . ':!docs' || commit+=-dirty
  command=$(campaign_command "$name" "$2")
  printf '==> %s: ./dev %s\n' "$name" "$command"
  begin=$(date +%s)
  # shellcheck disable=SC2086
  ./dev $command >"$output" 2>&1 || status=$?
  {
    printf '# ./dev %s\n' "$command"
    printf '# commit %s, %s, %d processors\n' "$commit" "$(date -u +%F)" "$(nproc)"
    printf '# %d s, exit %d\n' $(($(date +%s) - begin)) "$status"
    # Of hundreds of rounds that passed the last lines say enough; of one that failed every line counts.
    if [[ $name == chaos ]]; then
      grep -Ev ': passed$' "$output"
    elif [[ ($name == fuzz || $name == sanitize) && $status == 0 ]]; then
      grep "^$name " "$output"  # Not how the programs were built.
    else
      cat "$output"
    fi
  } >"$evidence_dir/$name.txt"
  tail -n 2 "$output"
}

# said NAME PATTERN: the last line of a record that matches.
said() {
  [[ -f $evidence_dir/$1.txt ]] || return 0
  grep -E "$2" "$evidence_dir/$1.txt" | tail -n 1 || true
}

# seconds_of NAME: how long a campaign took, by its record.
seconds_of() { sed -n '3s/^# \([0-9]*\) s.*/\1/p' "$evidence_dir/$1.txt"; }

# row NAME WHAT LINE: a row of the table.
row() {
  local name=$1 what=$2 line=$3 record=$evidence_dir/$1.txt command commit took failed=""
  [[ -f $record ]] || {
    printf '| %s | not run yet | | | |\n' "$what"
    return 0
  }
  command=$(sed -n '1s/^# //p' "$record")
  commit=$(sed -n '2s/^# commit \([^,]*\), \([^,]*\),.*/\1, \2/p' "$record")
  took=$(seconds_of "$name")
  grep -q '^# .* exit 0$' "$record" || failed="**FAILED** "
  printf '| [%s](evidence/%s.txt) | `%s` | %s%s | %d min | %s |\n' "$what" "$name" "$command" "$failed" "$line" \
    $(((took + 59) / 60)) "$commit"
}

# Some of the names have a comma.
faults_fired() {
  sed -n 's/^  fault \(.*\): \([0-9]*\)$/\1 \2/p' "$evidence_dir/simulation.txt" 2>/dev/null | paste -sd';' | sed 's/;/; /g'
}

# thousands NUMBER: with commas.
thousands() { sed -E ':a; s/([0-9])([0-9]{3})($|,)/\1,\2\3/; ta' <<<"$1"; }

beside_million() {
  if [[ $1 -ge 1000000 ]]; then printf 'at least 1,000,000'; else printf 'fewer than 1,000,000'; fi
}

# How many transactions an hour of chaos has.
chaos_an_hour() {
  local seconds all ended
  [[ -f $evidence_dir/chaos.txt ]] || return 0
  seconds=$(seconds_of chaos)
  read -r all ended < <(said chaos '^chaos: ' |
    sed -nE 's/.* ([0-9]+) transactions \(([0-9]+) committed, ([0-9]+) rolled back.*/\1 \2 \3/p' |
    awk '{ print $1, $2 + $3 }') || return 0
  printf '\n\nChaos on real processes had %s transactions in %s s, which is ' "$(thousands "$all")" "$(thousands "$seconds")"
  printf '%s an hour (%s); ' "$(thousands $((all * 3600 / seconds)))" "$(beside_million $((all * 3600 / seconds)))"
  printf '%s of these (%s) ended committed or rolled back.\n' "$(thousands $((ended * 3600 / seconds)))" \
    "$(beside_million $((ended * 3600 / seconds)))"
}

# fuzzed_inputs TARGET: "INPUTS SECONDS" of its record.
fuzzed_inputs() {
  sed -nE "s/^fuzz $1: ([0-9]+) inputs in ([0-9]+) s.*/\\1 \\2/p" "$evidence_dir/fuzz.txt" 2>/dev/null | tail -n 1
}

# What the slowest target had, beside the fastest.
fuzzed_little() {
  local inputs seconds others
  read -r inputs seconds < <(fuzzed_inputs engine) || return 0
  read -r others _ < <(fuzzed_inputs frame) || return 0
  printf '\n- Many inputs of the fuzz target `engine`. It makes whole runs of an engine from each, so it is slow: %s inputs in %s s, where\n' \
    "$(thousands "$inputs")" "$(thousands "$seconds")"
  printf '  `frame` had %s.\n' "$(thousands "$others")"
}

mutants_found() {
  [[ -f $evidence_dir/mutants.txt ]] || return 0
  printf '| planted bug | rule | found by | after transactions |\n|---|---|---|---|\n'
  awk '$3 == "found" && $5 == "seed" {
      # What the judge said comes behind, and may have the same words.
      for (i = 1; i <= NF && $i != "after"; i++) if ($i == "seed") seed = $(i + 1)
      count = $(i + 1)
      printf "| %s | %s | seed %s | %s |\n", $1, $2, seed, count }
    # By a test, in which no transactions are counted.
    $3 == "found" && $5 != "seed" { sub(",$", "", $5); printf "| %s | %s | %s | |\n", $1, $2, $5 }
    /SURVIVED/ { printf "| %s | %s | nothing | |\n", $1, $2 }' "$evidence_dir/mutants.txt" | LC_ALL=C sort
}

# Each seed of tests/sim/regressions.txt.
regressions() {
  local seed commits what
  printf '| seed | what it was | mended by |\n|---|---|---|\n'
  while read -r seed commits what; do
    [[ $seed == [0-9]* ]] && printf '| %s | %s | %s |\n' "$seed" "$what" "${commits//,/, }"
  done <tests/sim/regressions.txt
}

write_evidence() {
  local crash fuzzed sanitized covered
  crash=$(awk '/^states after|^segments used|^kills at|^system calls|^the same from|^killed again|^calls that fail|^flipped bits|^power cuts|^  [0-9]+ in the first start|^control/ { $1 = $1; printf "%s%s", comma, $0; comma = "; " }' \
    "$evidence_dir/crash.txt" 2>/dev/null || true)
  fuzzed=$(awk '/without a finding/ { sub(":$", "", $2); printf "%s%s %s", comma, $2, $3; comma = ", "; all += $3 }
    END { printf "; %d inputs\n", all }' \
    "$evidence_dir/fuzz.txt" 2>/dev/null || true)
  sanitized=$(awk '/^sanitize / { sub(":$", "", $3); printf "%s%s %s %s", comma, $2, $3, $4; comma = ", "; all += $4 }
    END { printf "; %d tests\n", all }' "$evidence_dir/sanitize.txt" 2>/dev/null || true)
  covered=$(grep -E '^(core|log) ' "$evidence_dir/coverage.txt" 2>/dev/null | tr -s ' ' | paste -sd';' | sed 's/;/; /g' || true)
  cat <<END
# Evidence

Written by \`./dev evidence\` from the records in [evidence](evidence). How each campaign works is in [testing.md](testing.md).

| campaign | again | result | took | of |
|---|---|---|---|---|
$(row simulation "simulation with faults" "$(said simulation '^[0-9]+ seeds')")
$(row mutants "planted bugs" "$(said mutants ' mutants, ')")
$(row model "models" "$(said model '^model:')")
$(row crash "crash states, kills, failing calls, bit flips, power cuts" "$crash")
$(row kill-matrix "real processes, each role killed at each step" "$(said kill-matrix '.')")
$(row chaos "real processes under chaos" "$(said chaos '^chaos:'); $(said chaos 'in doubt after healing')")
$(row attack "real processes under attack" "$(said attack '^attack: ')")
$(row fuzz "fuzzing" "$fuzzed")
$(row sanitize "unit suites under sanitizers" "$sanitized")
$(row coverage "coverage of core and log" "$covered")
$(row reproducible "the same programs from two builds" "$(said reproducible '^reproducible:.*same')")$(chaos_an_hour)

## Faults that fired in the simulation

$(faults_fired).

## Planted bugs

$(mutants_found)

## What the campaigns have found

Each of these was a fault of the product or of a judge, and was mended. The seeds are run again by \`./dev check\`; what a seed does changes with the
simulator, so where the cause could be told in a unit test there is one.

$(regressions)

These were found before that list was begun, and do something else by now, so they are not run again:

| seed | what it was | mended by |
|---|---|---|
| 187, 584, 1645 | a node that was started with a wrong clock stayed away for ten times the error after it had been set right | 8f923bf |
| 306 | timestamps ran further ahead than peers accept, and drift was not judged by wall time | 05995b3 |
| 394 | a transaction that never came delayed all that followed it, not only the next one | 994c8f0 |
| 458, 772, 1164, 1524 | nobody heard that a node was fenced, and all waited for its answers for ever | 1bfe75d |
| 1043 | with the initiator gone for good, the spare witness told a participant in doubt "too old" for ever | 05995b3 |
| 1592, 1852 | services of a node that ran twice were judged, and the calls of two submissions taken for one (the judge's faults) | dffcfb1 |
| 1956, 2139 | a service's report of a call was overtaken by the commit that it was about | dffcfb1 |
| 2848 | the watcher did not know that a no binds to its descriptor too (the judge's fault) | b17871f |
| 23271 | a client asked for a finished transaction under a wrong id (the simulator's fault) | 180bd53 |
| 1036580 | a node was copied while others did not see it, which nobody can find out (the simulator's fault) | b22214f |

Flipping every bit of a store found five that made LMDB find an old page in the place of a newer one: every row whole, and old. The store now knows
what its rows add up to (e7bcb96).

Chaos on real processes found that a client that asked for an outcome was told "nobody answered" when its transaction had been refused (round 1795897699, 7780b49), and that
a service instance which lost its link had a call rolled back that another instance had committed (2813828). It also showed that first deliveries are not all seen by
clients: what a node had handed to a link that was dead already comes again, and after a kill of the node without a count, behind later messages (rounds 1795908910 and
1795909054; the judge takes that into account since d85e7f7). The second checker found twelve faults of the first one: it missed some and blamed others wrongly (d5b5593).

Beside a liar two rounds did not settle (1795944439 and 1795944462, as its lies were then): told "too old" by it alone, nodes let a client give its transaction
up, whose next acknowledgement made that true (60d01ff). Thinking through what another such lie could do showed that a node remembered for good that it could not
address a transaction which another node then carried out (232fea3).

Rounds that go on for longer than outcomes are kept (\`./dev sim --long\`) found that a witness which had missed the end told it for ever to a node that had forgotten it by its expiry
(3000231, 3000462, 3001013), and that a transaction which was turned away for long and given a new expiry could come behind one that followed it (3000078, 3001386; both 3672d1a).
A start with a flipped length in LMDB's pages ended by a signal, in a copy of ours, before the checksum was looked at: 65 of 122,932 flips (14003bc). An hour of chaos had a round whose client was never
told the end of what it had sent twice, with an expiry from a clock that was an hour ahead (1796043422, 9803fcd), and showed that connections which a bad network had ended held off the address of honest clients for
seconds (1796043372, 021179e). In another one a client asked late for the outcome of what it had been told \`unknown\` of, when thousands of later ones had ended: the library itself had let the nodes forget
it (1796071215, d41a7fd).

The journal's fuzzer found a record that made its reader allocate 160 times its bytes (7508022).

## What this does not show

- The simulation knows one version of the protocol: there is no other one yet that could meet it.
- A flipped bit within a running mesh is one of a record or a row, and each node has at most one; what LMDB needs to find its pages is tried by
  \`./dev crash\` only. A node that finds one refuses to go on, which the mesh sees as a node that is gone.
- A node comes back with an old disk, or runs twice, while all others are up and in reach.
- Clocks of most nodes are never far wrong at a time: nobody could tell which are right.
- Real machines, switches and disks with caches of their own: the power cuts are the kernel's view of ext4 and xfs.$(fuzzed_little)
- Runs longer than hours: leaks that need weeks, counters that wrap.
- Absolute rates: the machine was shared while most of this ran.
END
}

evidence() {
  local percent=100 only_writes=no chosen=() name
  while [[ $# -gt 0 ]]; do
    case $1 in
      --percent) percent=$2 && shift ;;
      --write) only_writes=yes ;;
      --help)
        printf 'usage: ./dev evidence [--percent N] [--write] [CAMPAIGN...]\n'
        printf 'campaigns: %s; --percent makes them shorter, --write runs none\n' "${evidence_campaigns[*]}"
        return ;;
      -*) die "evidence: what is $1?" ;;
      *) chosen+=("$1") ;;
    esac
    shift
  done
  mkdir -p "$evidence_dir" build
  [[ ${#chosen[@]} -gt 0 ]] || chosen=("${evidence_campaigns[@]}")
  if [[ $only_writes == no ]]; then
    for name in "${chosen[@]}"; do
      campaign "$name" "$percent"
    done
  fi
  write_evidence >docs/evidence.md
  printf 'written: docs/evidence.md\n'
  ! grep -q 'FAILED' docs/evidence.md
}
