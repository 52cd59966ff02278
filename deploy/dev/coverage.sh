# Sourced by ./dev: which lines and branches of core and log the tests run, by clang's source-based
# coverage. What real processes do (system, demo, kill matrix) is not counted.

coverage_lines_min=90
coverage_branches_min=80
coverage_seeds=300

# coverage_tool VERB ARGS...: llvm-cov over all programs.
coverage_tool() {
  local verb=$1
  shift
  llvm-cov-14 "$verb" -instr-profile=build/coverage/all.profdata "${coverage_objects[@]}" "$@"
}

# coverage_of FOLDER: "LINES BRANCHES" in percent.
coverage_of() {
  coverage_tool export -summary-only -sources "$1" |
    python3 -c 'import json, sys
totals = json.load(sys.stdin)["data"][0]["totals"]
print(*(round(totals[what]["percent"], 1) for what in ("lines", "branches")))'
}

coverage() {
  coverage_programs=(build/coverage/tests/core/core_test build/coverage/tests/scenarios/scenario_test
    build/coverage/tests/log/log_test build/coverage/tests/sim/nemcon-sim build/coverage/tests/crash/nemcon-crash)
  build coverage core_test scenario_test log_test nemcon-sim nemcon-crash >build/coverage.txt 2>&1 || {
    tail -n 40 build/coverage.txt >&2
    return 1
  }
  local profiles=build/coverage/profiles program folder lines branches low=0
  rm -rf "$profiles"
  export LLVM_PROFILE_FILE=$profiles/%m-%p.profraw
  for program in "${coverage_programs[@]:0:3}"; do
    "$program" --gtest_brief=1
  done
  build/coverage/tests/sim/nemcon-sim --seeds "1-$coverage_seeds" --quiet
  build/coverage/tests/crash/nemcon-crash --states 2000 --cuts 0 --flips-one-in 500 --kill-records 60
  llvm-profdata-14 merge -sparse "$profiles"/*.profraw -o build/coverage/all.profdata
  rm -rf "$profiles"
  coverage_objects=("${coverage_programs[0]}")
  for program in "${coverage_programs[@]:1}"; do
    coverage_objects+=(-object "$program")
  done
  coverage_tool show -format=html -output-dir=build/coverage/html -show-branches=count -sources core log >/dev/null
  coverage_tool report -show-region-summary=0 -show-instantiation-summary=0 -sources core log >build/coverage/report.txt
  for folder in core log; do
    read -r lines branches < <(coverage_of "$folder")
    printf '%-5s %s %% of lines, %s %% of branches\n' "$folder" "$lines" "$branches"
    awk -v l="$lines" -v b="$branches" -v lmin="$coverage_lines_min" -v bmin="$coverage_branches_min" \
      'BEGIN { exit !(l < lmin || b < bmin) }' && low=1
  done
  printf 'each file: build/coverage/report.txt, each line: build/coverage/html/index.html\n'
  [[ $low -eq 0 ]] || {
    printf 'coverage: less than %d %% of lines or %d %% of branches\n' "$coverage_lines_min" "$coverage_branches_min"
    return 1
  }
}
