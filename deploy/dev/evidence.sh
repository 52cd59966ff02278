# Sourced by ./dev: the campaigns, one after the other, and docs/evidence.md out of what they printed.

evidence_dir=build/evidence

# campaign NAME COMMAND...: runs it unless --resume finds it done; keeps what it printed, its command and its time.
campaign() {
  local name=$1 begin status=0
  shift
  [[ $evidence_resumes == yes && -f $evidence_dir/$name.status ]] && return 0
  printf '==> %s: %s\n' "$name" "$*"
  begin=$(date +%s)
  rm -f "$evidence_dir/$name.status"
  printf './dev %s\n' "$*" >"$evidence_dir/$name.command"
  ./dev "$@" >"$evidence_dir/$name.txt" 2>&1 || status=$?
  printf '%d\n' $(($(date +%s) - begin)) >"$evidence_dir/$name.seconds"
  printf '%d\n' "$status" >"$evidence_dir/$name.status"
  tail -n 2 "$evidence_dir/$name.txt"
}

# row NAME WHAT LINE: a row of the table: what, its command, its closing line, minutes, passed or not.
row() {
  local name=$1 what=$2 line=$3 verdict="0 violations"
  [[ -f $evidence_dir/$name.status ]] || {
    printf '| %s | not run | | |\n' "$what"
    return 0
  }
  [[ $(<"$evidence_dir/$name.status") == 0 ]] || verdict="**FAILED**"
  printf '| %s | `%s` | %s; %s | %d min |\n' "$what" "$(<"$evidence_dir/$name.command")" "${line:-no closing line}" \
    "$verdict" $((($(<"$evidence_dir/$name.seconds") + 59) / 60))
}

# last NAME PATTERN: the last line of a campaign's output that matches.
last() {
  [[ -f $evidence_dir/$1.txt ]] || return 0
  grep -E "$2" "$evidence_dir/$1.txt" | tail -n 1 || true
}

faults_fired() {
  [[ -f $evidence_dir/simulation.txt ]] || return 0
  awk '/^  note / { next }
    /^  [a-z].*: [0-9]+$/ { split($0, part, ": "); sub("^ +", "", part[1]); line = line sprintf("%s %s, ", part[1], part[2]) }
    END { sub(", $", ".", line); print line }' "$evidence_dir/simulation.txt"
}

mutants_found() {
  [[ -f $evidence_dir/mutants.txt ]] || return 0
  printf '| planted bug | rule | found by | after transactions |\n|---|---|---|---|\n'
  awk '/found by seed/ {
      for (i = 1; i <= NF; i++) { if ($i == "seed") seed = $(i + 1); if ($i == "after") count = $(i + 1) }
      printf "| %s | %s | seed %s | %s |\n", $1, $2, seed, count }
    /SURVIVED/ { printf "| %s | %s | nothing | |\n", $1, $2 }' "$evidence_dir/mutants.txt" | sort
}

write_evidence() {
  local seed what
  cat <<END
# Evidence

Written by \`./dev evidence\` on $(date -u +%F), of commit $(git rev-parse --short HEAD), on a machine with $(nproc) processors. How each
of these works is in [testing.md](testing.md).

| campaign | again | result | took |
|---|---|---|---|
$(row simulation "simulation with faults" "$(last simulation '^[0-9]+ seeds,')")
$(row mutants "planted bugs" "$(last mutants ' mutants, ')")
$(row model "model" "$(last model '.')")
$(row crash "crash states, kills, bit flips, power cuts" "$(last crash '.')")
$(row kill-matrix "real processes, each role killed at each step" "$(last kill-matrix '.')")
$(row chaos "real processes under chaos" "$(last chaos 'transactions')")
$(row fuzz "fuzzing" "$(grep -c 'without a finding' "$evidence_dir/fuzz.txt" 2>/dev/null || true) targets without a finding")
$(row coverage "coverage of core and log" "$(grep -E '^(core|log) ' "$evidence_dir/coverage.txt" 2>/dev/null | tr -s ' ' | paste -sd';' || true)")

## Crash campaign, line by line

\`\`\`
$(cat "$evidence_dir/crash.txt" 2>/dev/null || true)
\`\`\`

## What happened in the simulation

$(faults_fired)

## Planted bugs

$(mutants_found)

## What the campaigns have found

Each of these was a fault of the product or of a judge, was mended, and is run again by \`./dev check\`.

| seed | what it was |
|---|---|
$(while read -r seed what; do [[ $seed == [0-9]* ]] && printf '| %s | %s |\n' "$seed" "$what"; done <tests/sim/regressions.txt)

## What this does not show

- The simulation knows one version of the protocol: there is no other one yet that could meet it.
- A disk that returns other bytes than were written is tried on journal and store (\`./dev crash\`), not within a running mesh; a
  node that finds it refuses to go on, which the mesh sees as a node that is gone.
- Clocks of most nodes are never far wrong at a time: nobody could tell which are right.
- Real machines, switches and disks with caches of their own: the power cuts are the kernel's view of ext4 and xfs.
- Nodes that lie. A peer that breaks the protocol is noticed where it contradicts itself, but a mesh trusts its nodes.
- Runs longer than hours: leaks that need weeks, counters that wrap.
END
}

# evidence [--percent N] [--resume] [--only-write]
evidence() {
  local percent=100 only_writes=no
  evidence_resumes=no
  while [[ $# -gt 0 ]]; do
    case $1 in
      --percent) percent=$2 && shift ;;
      --resume) evidence_resumes=yes ;;
      --only-write) only_writes=yes ;;
      *) die "evidence: what is $1?" ;;
    esac
    shift
  done
  mkdir -p "$evidence_dir"
  if [[ $only_writes == no ]]; then
    # 100 percent: 40,000 seeds are more than ten million transactions.
    campaign simulation sim --seeds "100001-$((100000 + 400 * percent))" --marks
    campaign mutants mutants
    campaign model model
    campaign crash crash --states $((5000 * percent)) --cuts $((2 * percent))
    campaign kill-matrix kill-matrix
    campaign chaos chaos --minutes $(((60 * percent + 99) / 100))
    campaign fuzz fuzz --seconds $((36 * percent))
    campaign coverage coverage
  fi
  write_evidence >docs/evidence.md
  printf 'written: docs/evidence.md\n'
  ! grep -q 'FAILED' docs/evidence.md
}
