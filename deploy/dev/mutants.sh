# Sourced by ./dev: planted bugs (core/mutant.hpp), each of which the simulator or its own test must find.

mutant_seeds_max=10000
median_max=10000

# mutants_program NAME: of the build that has them.
mutants_program() {
  find build/mutants -type f -name "$1" -perm -u+x -not -path '*/CMakeFiles/*' -print -quit
}

# simulate_one NAME: where the simulator found it; nothing when it did not.
simulate_one() {
  local program=build/mutants/tests/sim/nemcon-sim output found
  output=$("$program" --mutant "$1" --seeds "1-$mutant_seeds_max" --expect-violation --quiet 2>/dev/null) || true
  found=$(grep -m1 '^found by seed' <<<"$output" || true)
  if [[ -z $found ]]; then
    printf 'SURVIVED %s' "$(grep -m1 '^killed by signal' <<<"$output" || printf '%d seeds' "$mutant_seeds_max")"
  # The same program must find nothing there without the bug.
  elif ! "$program" --seed "$(awk '{ print $4 }' <<<"$found")" --quiet >/dev/null 2>&1; then
    printf 'SURVIVED: the seed fails without it'
  else
    printf '%s' "$found"
  fi
}

# test_one NAME PROGRAM TEST: the same of a test, which must fail by itself and pass without the bug.
test_one() {
  local name=$1 program test=$3 output
  program=$(mutants_program "$2")
  output=$("$program" --mutant "$name" "--gtest_filter=$test" 2>&1) || true
  if ! grep -q "^\[  FAILED  \] $test" <<<"$output"; then
    printf 'SURVIVED %s' "$test"
  elif ! output=$("$program" "--gtest_filter=$test" 2>&1) || ! grep -q '^\[  PASSED  \] 1 test' <<<"$output"; then
    printf 'SURVIVED: %s fails without it' "$test"
  else
    printf 'found by %s' "$test"
  fi
}

# hunt_one "NAME RULE [PROGRAM TEST]": one line.
hunt_one() {
  local name rule program test begin=$SECONDS result
  read -r name rule program test <<<"$1"
  if [[ -n $program ]]; then
    result=$(test_one "$name" "$program" "$test")
  else
    result=$(simulate_one "$name")
  fi
  printf '%-28s %-5s %s, %d s\n' "$name" "$rule" "$result" $((SECONDS - begin))
}

# hunt LINES...: "NAME RULE [PROGRAM TEST]" each; a summary with the median of those that were simulated.
hunt() {
  local programs lines survived median most
  mapfile -t programs < <(printf '%s\n' "$@" | awk 'NF == 4 { print $3 }' | sort -u)
  [[ ${#programs[@]} -eq 0 ]] || build mutants "${programs[@]}" >/dev/null
  export -f hunt_one simulate_one test_one mutants_program
  export mutant_seeds_max
  printf '%s\n' "$@" | xargs -P "$jobs" -d '\n' -I{} bash -c 'hunt_one "$1"' _ {} |
    tee build/mutants/hunt.txt || true
  lines=$(wc -l <build/mutants/hunt.txt)
  survived=$(grep -c SURVIVED build/mutants/hunt.txt || true)
  [[ $lines -eq $# ]] || die "mutants: $lines of $# hunts came to an end"
  read -r median most < <(sed -n 's/.* after \([0-9]*\) transactions.*/\1/p' build/mutants/hunt.txt | sort -n |
    awk '{ n[NR] = $1 } END { print n[int((NR + 1) / 2)] + 0, n[NR] + 0 }')
  printf '%d mutants, %d found, median after %d transactions, at most %d\n' $# $(($# - survived)) "$median" "$most"
  [[ $survived -eq 0 ]] || return 1
  # One or two may be hard to find; most must not be.
  [[ $# -lt 10 || $median -le $median_max ]] ||
    die "mutants: the median of $median transactions is more than $median_max: the faults are too tame"
}

# The judge itself: a delivery that never was must be seen, in this build without any mutant.
canary() {
  local told
  told=$("$(program nemcon-sim)" --seeds 1-20 --canary --expect-violation --quiet) ||
    die "the canary lives: a message that is consumed twice goes unnoticed"
  grep -q 'consumed-twice' <<<"$told" || die "the canary died of something else: $told"
  printf 'the canary died, as it must\n'
}

# Each one is in every tenth change.
check_mutants() {
  build release nemcon-sim >/dev/null
  canary
  build mutants nemcon-sim >/dev/null
  local all
  mapfile -t all < <(build/mutants/tests/sim/nemcon-sim --list-mutants | awk -v turn="$(turn 10)" 'NR % 10 == turn')
  hunt "${all[@]}"
}
