# Sourced by ./dev: which lines and branches of core and log the unit, scenario and simulation tests run, by
# clang's source-based coverage. What `./dev crash` and real processes (system, demo, kill matrix) do is not counted.

coverage_lines_min=90
coverage_branches_min=80
coverage_seeds=300
coverage_programs=(tests/core/core_test tests/scenarios/scenario_test tests/log/log_test tests/sim/nemcon-sim)

# coverage_tool VERB ARGS...: llvm-cov over all programs, for the files of core and log.
coverage_tool() {
  local verb=$1 program objects=("build/coverage/${coverage_programs[0]}")
  shift
  for program in "${coverage_programs[@]:1}"; do
    objects+=(-object "build/coverage/$program")
  done
  llvm-cov-14 "$verb" "${objects[@]}" -instr-profile=build/coverage/all.profdata \
    -ignore-filename-regex='/usr/|(^|[./])/(tests|transport|node|client|deploy)/' "$@" 2>>build/coverage.txt
}

coverage() {
  build coverage "${coverage_programs[@]##*/}" >build/coverage.txt 2>&1 || {
    tail -n 40 build/coverage.txt >&2
    return 1
  }
  local profiles=$root/build/coverage/profiles program
  rm -rf "$profiles"
  export LLVM_PROFILE_FILE=$profiles/%m-%p.profraw
  for program in "${coverage_programs[@]:0:3}"; do
    "build/coverage/$program" --gtest_brief=1
  done
  build/coverage/tests/sim/nemcon-sim --seeds "1-$coverage_seeds"
  llvm-profdata-14 merge -sparse "$profiles"/*.profraw -o build/coverage/all.profdata
  rm -rf "$profiles"
  coverage_tool show -format=html -output-dir=build/coverage/html -show-branches=count >/dev/null
  coverage_tool report -show-region-summary=0 -show-instantiation-summary=0 >build/coverage/report.txt
  printf 'each file: build/coverage/report.txt, each line: build/coverage/html/index.html\n'
  coverage_tool export -summary-only >build/coverage/summary.json
  python3 - "$root" "$coverage_lines_min" "$coverage_branches_min" <<'END'
import json, os, sys

root, least = sys.argv[1], {"lines": float(sys.argv[2]), "branches": float(sys.argv[3])}
with open("build/coverage/summary.json", encoding="utf-8") as file:
    files = json.load(file)["data"][0]["files"]
low = False
for folder in ("core", "log"):
    # Names may be relative, as the compiler was told them.
    inside = [f["summary"] for f in files
              if os.path.normpath(os.path.join(root, f["filename"])).startswith(f"{root}/{folder}/")]
    parts = {}
    for what in least:
        count = sum(one[what]["count"] for one in inside)
        parts[what] = 100 * sum(one[what]["covered"] for one in inside) / count
        low |= parts[what] < least[what]
    print(f"{folder:5} {parts['lines']:.1f} % of lines, {parts['branches']:.1f} % of branches")
if low:
    sys.exit(f"coverage: less than {least['lines']:.0f} % of lines or {least['branches']:.0f} % of branches")
END
}
