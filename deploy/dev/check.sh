# Sourced by ./dev: what continuous integration runs, stage by stage, and the stages that are more than
# one command. A stage that fails does not stop the others, unless they cannot do without it.

# turn COUNT: 0 .. COUNT-1, the next one with every change, for what is too long to run whole. A merge
# is one change, however many commits it brings.
turn() {
  printf '%d\n' "$(($(git rev-list --count --first-parent HEAD) % $1))"
}

# Another number with every commit, for what is drawn anew by each.
commit_count() { git rev-list --count HEAD; }

# sanitize asan|tsan [SUITE...]: each suite under the sanitizer that finds what it could do wrong:
# memory and undefined behaviour in what handles bytes, races in what has threads.
sanitize() {
  local suites suite preset=$1
  case $preset in
    asan) suites=(core log transport node client demo) ;;
    tsan) suites=(node client) ;;
    *) die "sanitize: asan or tsan, not $preset" ;;
  esac
  shift
  [[ $# -eq 0 ]] || suites=("$@")
  export ASAN_OPTIONS=detect_leaks=1 UBSAN_OPTIONS=print_stacktrace=1
  # It waits a second at the end of each program by default, with a hundred programs to run.
  export TSAN_OPTIONS="halt_on_error=1 atexit_sleep_ms=100 suppressions=$root/deploy/dev/tsan.supp"
  for suite in "${suites[@]}"; do
    build "$preset" "tests/$suite/all"
    ctest --test-dir "build/$preset/tests/$suite" --no-tests=error --output-on-failure -j "$jobs" |
      tee "build/sanitize.$preset.$suite.txt"
    printf 'sanitize %s %s: %s tests passed\n' "$preset" "$suite" \
      "$(sed -n 's/.* tests failed out of //p' "build/sanitize.$preset.$suite.txt")"
  done
}

# A stranger's view: install, then build a program against what was installed, and run it.
install_test() {
  build release
  ctest --test-dir build/release -R '^Package' --no-tests=error --output-on-failure
}

# What handles bytes from outside and what promises, under address and undefined behaviour; what
# has threads, under the thread sanitizer. `./dev sanitize` runs all suites whole.
check_sanitizers() {
  sanitize asan core log transport
  build asan nemcon-sim
  build/asan/tests/sim/nemcon-sim --seeds 1-30
  sanitize tsan node
  # The client library has threads as well. Only its tests against a scripted node: those with real
  # daemons take minutes, most of them in the daemons, whose threads are those of the suite above.
  build tsan client_{transactions,fail_over,consumer,service}_test
  ctest --test-dir build/tsan/tests/client -R '^Client(Transactions|FailOver|Consumer|Service|ServiceAlone)\.' \
    --no-tests=error --output-on-failure -j "$jobs"
}

# record_age NAME: how many commits to core and log came after what a record was made of. A clone that
# is shallow may not know that commit.
record_age() {
  local commit behind=unknown
  commit=$(sed -n '2s/^# commit \([^,]*\),.*/\1/p' "$evidence_dir/$1.txt")
  if git cat-file -e "${commit%-dirty}^{commit}" 2>/dev/null; then
    behind=$(git rev-list --count "${commit%-dirty}..HEAD" -- core log)
  fi
  printf 'evidence: %s is of %s; commits to core and log since: %s\n' "$1" "$commit" "$behind"
}

# The table is made of the records, never by hand. How old they are is only said.
check_evidence() {
  local name
  for name in "${evidence_campaigns[@]}"; do
    [[ ! -f $evidence_dir/$name.txt ]] || record_age "$name"
  done
  write_evidence >build/evidence.md
  diff docs/evidence.md build/evidence.md || die "docs/evidence.md is not what its records say; ./dev evidence --write"
  ! grep FAILED docs/evidence.md || die "docs/evidence.md: a campaign failed"
}

# fuzz TARGET SECONDS: what it learns stays in build/fuzz; a finding is kept there and named.
fuzz() {
  local target=$1 seconds=$2 corpus=tests/fuzz/corpus/$1 work=build/fuzz/work/$1 words=()
  mkdir -p "$work/corpus" "$work/findings"
  [[ -f tests/fuzz/dictionaries/$target.txt ]] && words=("-dict=tests/fuzz/dictionaries/$target.txt")
  # Thousands of lines about coverage, of interest only beside a finding. The entropic schedule costs
  # more than half of the time of a target with as many features as the engine.
  "build/asan/tests/fuzz/nemcon-fuzz-$target" -max_total_time="$seconds" -max_len=65536 -timeout=10 \
    -rss_limit_mb=2048 -print_final_stats=1 -verbosity=0 -entropic=0 -artifact_prefix="$work/findings/" \
    "${words[@]}" \
    "$work/corpus" "$corpus" >"$work/output.txt" 2>&1 || {
    tail -n 60 "$work/output.txt"
    printf 'fuzz %s: a finding is in %s; again: build/asan/tests/fuzz/nemcon-fuzz-%s FILE\n' \
      "$target" "$work/findings" "$target"
    return 1
  }
  printf 'fuzz %s: %d inputs in %d s without a finding, %d kept\n' "$target" \
    "$(sed -n 's/^stat::number_of_executed_units: *//p' "$work/output.txt")" "$seconds" "$(find "$work/corpus" -type f | wc -l)"
}

check_fuzz() { verb_fuzz --seconds 30; }

# Minutes for all files: those that changed, and others in turn.
check_lint() { lint --seconds 100; }

# The commands in README.md's blocks ```sh run```, in a new directory with the programs in PATH.
docs_examples() {
  build release
  local place
  place=$(mktemp -d)
  awk '/^```sh run$/ { inside = 1; next } /^```/ { inside = 0 } inside' README.md >"$place/example.sh"
  [[ -s $place/example.sh ]] || die "README.md has no block marked \"sh run\""
  mkdir "$place/work"
  (cd "$place/work" && PATH=$release/node:$release/client:$PATH timeout 60 bash -euxo pipefail "$place/example.sh")
  rm -rf "$place"
}

# All modes; in two of them every node and service is killed while orders flow.
check_demo() {
  verb_demo --count 600 --mode X --kill --seed 7
  verb_demo --count 600 --mode S --kill --seed 8 --stock-factor 1
  verb_demo --count 600 --mode C --seed 9
}

stage_seconds_max=1500
stage_names=()
stage_lines=()
stages_failed=()

# stage_output NAME: where what a stage says is kept.
stage_output() { printf 'build/check/%s.txt\n' "${1//[^a-z0-9]/-}"; }

# lesser NAME: what a stage left out or did in a lesser way, each once, in its own words. ctest names the tests.
lesser() {
  sed -nE \
    -e 's/^[[:space:]]+[0-9]+ - (.*) \((Skipped|Disabled)\)$/\1 (\2)/p' \
    -e '/^skipped: |: skipped, |^not on this machine: |^on loopback, /p' \
    -e '/^lint: .*, [1-9][0-9]* left for another time/p' \
    "$(stage_output "$1")" | awk -v name="$1" '!seen[$0]++ { print name ": " $0 }'
}

# stage NAME COMMAND...: runs it in a shell of its own, so that -e holds inside.
stage() {
  local name=$1 begin seconds status=0 output
  shift
  output=$(stage_output "$name")
  mkdir -p "${output%/*}"
  stage_names+=("$name")
  printf '\n==> %s\n' "$name"
  begin=$(date +%s)
  set +e -m
  (
    set -euo pipefail
    "$@"
  ) > >(tee "$output") 2>&1 &
  local job=$!
  set +m
  # One that hangs must not take the others with it.
  while kill -0 "$job" 2>/dev/null; do
    sleep 0.5
    if [[ $(($(date +%s) - begin)) -gt $stage_seconds_max ]]; then
      printf 'the stage is ended: it takes more than %d s\n' "$stage_seconds_max"
      kill -TERM -- "-$job"
      break
    fi
  done
  wait "$job"
  status=$?
  set -e
  seconds=$(($(date +%s) - begin))
  if [[ $status -eq 0 ]]; then
    stage_lines+=("$(printf '%6d s  passed  %s' "$seconds" "$name")")
  else
    stage_lines+=("$(printf '%6d s  FAILED  %s' "$seconds" "$name")")
    stages_failed+=("$name")
  fi
  printf '<== %s: %s in %d s\n' "$name" "$([[ $status -eq 0 ]] && echo passed || echo "FAILED ($status)")" "$seconds"
  return 0
}

check() {
  local begin=$SECONDS
  stage "dependencies" deploy/dependencies.sh
  stage "format" verb_fmt --check
  stage "build with gcc" build release
  if [[ ${#stages_failed[@]} -eq 0 || ${stages_failed[*]} == format ]]; then
    stage "evidence and its records" check_evidence
    stage "tests" verb_test
    stage "simulation" check_simulation
    stage "planted bugs, a sample" check_mutants
    stage "model" verb_model
    stage "crash states, a sample" check_crash
    stage "kill matrix, a sample" check_kill_matrix
    stage "chaos, a sample" check_chaos
    stage "attacks, a sample" check_attack
    stage "demo" check_demo
    stage "install and use" install_test
    stage "examples in the documents" docs_examples
    # Which is also that of the sanitizers and of the fuzzers.
    stage "build with clang" build asan
    stage "clang-tidy" check_lint
    stage "sanitizers" check_sanitizers
    stage "fuzzing" check_fuzz
  fi
  local minutes=$(((SECONDS - begin) / 60)) seconds=$(((SECONDS - begin) % 60)) name left
  printf '\n'
  printf '%s\n' "${stage_lines[@]}"
  left=$(for name in "${stage_names[@]}"; do lesser "$name"; done)
  printf '\nleft out, or done in a lesser way:\n%s\n\n' "${left:-nothing}"
  if [[ ${#stages_failed[@]} -gt 0 ]]; then
    for name in "${stages_failed[@]}"; do
      printf '\nthe end of "%s", of which %s has all:\n' "$name" "$(stage_output "$name")"
      tail -n 60 "$(stage_output "$name")"
    done
    printf '\ncheck: FAILED in %d min %d s: %s\n' "$minutes" "$seconds" "$(printf '%s; ' "${stages_failed[@]}")"
    return 1
  fi
  printf 'check: all %d stages passed in %d min %d s\n' "${#stage_names[@]}" "$minutes" "$seconds"
}

# About 500,000 transactions under faults; `./dev sim --minutes 60` is a campaign.
check_simulation() {
  local seed commits what
  build release nemcon-sim >/dev/null
  while read -r seed commits what; do
    [[ $seed == [0-9]* ]] || continue
    "$(program nemcon-sim)" --seed "$seed" --quiet || die "seed $seed failed once before, see $commits: $what"
  done <tests/sim/regressions.txt
  verb_sim --seeds 1-1500
  # A seed does the same twice, whatever the addresses of its objects.
  for seed in 7 77 777; do
    [[ $("$(program nemcon-sim)" --seed $seed --story 1 | grep ^hash) == $("$(program nemcon-sim)" --seed $seed --story 1 | grep ^hash) ]] ||
      die "seed $seed is not the same twice"
  done
  # New ones with every commit.
  local first=$((2000000 + $(commit_count) * 500))
  verb_sim --seeds "$first-$((first + 499))"
}

# Other records with every commit.
check_crash() {
  verb_crash --seed "$(commit_count)" --states 20000 --cuts 9 --flips-one-in 200 --kill-records 60
}

# The points rotate with the commits.
check_kill_matrix() { verb_kill-matrix --sample 24 --turn "$(commit_count)"; }

# Others with every commit. How fast honest transactions stay is a matter for a quiet machine.
check_attack() { verb_attack --answers-only --seconds 1 --sample 6 --turn "$(commit_count)"; }

# Other seeds with every commit. The canary's judge is told of a delivery that never was.
check_chaos() {
  verb_chaos --seed "$(($(commit_count) * 10))" --rounds 2 --nodes 3 --seconds 6
  local told
  told=$(verb_chaos --canary --seed 1 --nodes 3 --seconds 1) && die "chaos: the canary passed"
  grep -q delivered-after-gone <<<"$told" || die "chaos: the canary failed by something else: $told"
}
