# Sourced by ./dev: planted bugs (core/mutant.hpp), each of which the simulator must find.

mutant_seeds_max=10000
median_max=10000

# hunt_one PROGRAM "NAME RULE": one line, and false when the mutant survives.
hunt_one() {
  local program=$1 name=${2% *} rule=${2#* } begin=$SECONDS output found missed
  output=$("$program" --mutant "$name" --seeds "1-$mutant_seeds_max" --expect-violation --quiet 2>/dev/null) || true
  found=$(grep -m1 '^found by seed' <<<"$output" || true)
  # The same program must find nothing there without the bug.
  if [[ -n $found ]] && ! "$program" --seed "$(awk '{ print $4 }' <<<"$found")" --quiet >/dev/null 2>&1; then
    found=""
    name+=" (and the seed fails without it)"
  fi
  missed=$(grep -m1 '^killed by signal' <<<"$output" || true)
  printf '%-28s %-5s %s, %d s\n' "$name" "$rule" "${found:-SURVIVED ${missed:-$mutant_seeds_max seeds}}" $((SECONDS - begin))
  [[ -n $found ]]
}

# hunt NAMES...: "NAME RULE" each; a summary with the median.
hunt() {
  local program=build/mutants/tests/sim/nemcon-sim lines survived median most
  mkdir -p build/mutants
  export -f hunt_one
  export mutant_seeds_max
  printf '%s\n' "$@" | xargs -P "$jobs" -d '\n' -I{} bash -c 'hunt_one "$@"' _ "$program" {} |
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
