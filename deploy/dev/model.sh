# Sourced by ./dev: the Spin models of tests/model, each searched whole.
#
# What is run stands in the models, one a line in the comment at their top:
#   scope small|large NAME FLAGS   no state of it may break an assertion
#   mutant NAME RULE FLAGS         is -DMUTANT_NAME: a planted bug that must break an assertion
#   probe NAME FLAGS               is -DPROBE_NAME: a state that must be reached, or all is void
#   limit NAME FLAGS               what the protocol does not promise: an assertion must break

model_memory_mb=12000
model_depth_max=10000  # Steps; a search that gets there is not whole, and fails.

# model_lines FILE...: "KIND FILE NAME RULE FLAGS" for each line above; without a rule it is "-".
model_lines() {
  awk '
    FNR == 1 { model = FILENAME; sub(/.*\//, "", model); sub(/\.pml$/, "", model) }
    $1 != "*" { next }
    $2 == "scope" && $3 ~ /^(small|large)$/ { print $3, model, $4, "-" rest(5) }
    $2 ~ /^(probe|limit)$/ && $4 ~ /^-D/ { print $2, model, $3, "-" rest(4) }
    $2 == "mutant" && $4 ~ /^P-/ { print $2, model, $3, $4 rest(5) }
    function rest(from, text, i) {
      for (i = from; i <= NF; ++i) text = text " " $i
      return text
    }' "$@"
}

# model_listed FILE: what the file can be compiled with and what its comment lists must agree.
model_listed() {
  local file=$1 listed
  listed=$(model_lines "$file" | awk '$1 ~ /^(mutant|probe)$/ { print toupper($1) "_" $3 }')
  diff <(grep -oE '(MUTANT|PROBE)_[a-z_0-9]+' "$file" | sort -u) <(sort -u <<<"$listed") ||
    die "model: $file lists other mutants or probes than it has"
}

# model_one KIND MODEL NAME RULE FLAGS...: one line, and false when the result is not as it must be.
model_one() {
  local kind=$1 model=$2 name=$3 rule=$4 optimise=-O1 hash_bits=20 status=0
  shift 4
  local place=build/model/$kind-$model-$name
  rm -rf "$place" && mkdir -p "$place"
  # What takes long is compiling those that are short.
  case $kind in
    mutant | probe)
      optimise=-O0 hash_bits=18
      set -- "-D${kind^^}_$name" "$@"
      ;;
    limit) optimise=-O0 hash_bits=18 ;;
    large) optimise=-O2 hash_bits=25 ;;
  esac
  # A trail is read beside a model of the same name: spin -t -p FLAGS MODEL.pml
  cp "tests/model/$model.pml" "$place/" && cd "$place" || return 1
  if ! spin -a "$@" "$model.pml" >spin.txt 2>&1 ||
    ! ${NEMCON_LAUNCHER:-} gcc "$optimise" -w -DSAFETY -DNOREDUCE -DMEMLIM="$model_memory_mb" \
      -c -o pan.o pan.c >>spin.txt 2>&1 ||
    ! gcc -o pan pan.o >>spin.txt 2>&1; then
    printf '%-7s %-10s %-29s DOES NOT COMPILE, see %s/spin.txt\n' "$kind" "$model" "$name" "$place"
    return 1
  fi
  # Seconds of a processor: what else the machine does changes them little.
  local TIMEFORMAT=%U
  { time ./pan -m"$model_depth_max" -w"$hash_bits" >pan.txt 2>&1 || status=$?; } 2>seconds.txt
  rm -f pan pan.?

  local seconds states depth broken whole=yes result
  seconds=$(tail -n 1 seconds.txt)
  states=$(awk '/states, stored/ { print $1; exit }' pan.txt)
  depth=$(sed -n 's/.*depth reached \([0-9]*\).*/\1/p' pan.txt)
  broken=$(sed -n 's/^pan:1: assertion violated *\(.*\) (at depth.*/\1/p' pan.txt)
  grep -qE 'search depth too small|out of memory|memory limit|not completed' pan.txt && whole=no
  grep -q ' errors: ' pan.txt || whole=no
  [[ $status -eq 0 ]] || whole=no
  if [[ $kind != small && $kind != large ]]; then
    result="found after $states states"
    [[ $kind == mutant ]] || result="reached after $states states"
    [[ -n $broken ]] || result="SURVIVED $states states"
    printf '%-7s %-10s %-29s %-5s %s\n' "$kind" "$model" "$name" "$rule" "$result"
    [[ -n $broken ]]
    return
  fi
  result=clean
  [[ $whole == yes ]] || result="INCOMPLETE, see $place/pan.txt"
  grep -q 'errors: 0$' pan.txt || result="BROKEN: $broken; $place has the trail for spin -t -p"
  printf '%-7s %-10s %-29s %10s states, depth %s, %s s, %s\n' \
    "$kind" "$model" "$name" "${states:-?}" "${depth:-?}" "${seconds%??}" "$result"
  [[ $result == clean ]]
}

# model [--large]
model() {
  local kinds="small|mutant|probe|limit" file failed ended
  case ${1:-} in
    --large) kinds="small|large|mutant|probe|limit" ;;
    "") ;;
    *) die "model: what is $1?" ;;
  esac
  command -v spin >/dev/null || die "model: spin is missing; ./dev deps installs it"
  for file in tests/model/*.pml; do
    model_listed "$file"
  done
  mkdir -p build/model
  export -f model_one
  export model_memory_mb model_depth_max
  model_lines tests/model/*.pml | grep -E "^($kinds) " >build/model/all.txt
  # What needs gigabytes goes one after the other, the rest side by side.
  {
    grep -v '^large ' build/model/all.txt |
      xargs -P "$jobs" -L 1 bash -c 'model_one "$@" || printf "FAILED\n"' model
    grep '^large ' build/model/all.txt |
      xargs -r -L 1 bash -c 'model_one "$@" || printf "FAILED\n"' model
  } | tee build/model/result.txt | grep --line-buffered -v '^FAILED$' || true
  failed=$(grep -c '^FAILED$' build/model/result.txt || true)
  ended=$(grep -vc '^FAILED$' build/model/result.txt || true)
  awk '
    $1 == "mutant" { mutants += 1; found += / found after / }
    $1 == "small" || $1 == "large" { scopes += 1; states += $4; clean += / clean$/ }
    END { printf "model: %d of %d scopes clean, %d states; %d of %d mutants found\n",
          clean, scopes, states, found, mutants }' build/model/result.txt
  [[ $ended -eq $(wc -l <build/model/all.txt) ]] || die "model: only $ended runs came to an end"
  [[ $failed -eq 0 ]]
}
