# Sourced by ./dev: which sources there are, and clang-tidy over them.
#
# clang-tidy takes several seconds a file, so what has passed once is remembered in .cache/lint under a
# hash of all that its result depends on: the file, every file of ours that it includes, the rules. A
# file is looked at again only when one of these changes.

# sources PATTERN...: files of ours, committed or not yet.
sources() {
  git ls-files -co --exclude-standard -- "$@" | while IFS= read -r file; do
    [[ -f $file ]] && printf '%s\n' "$file"
  done
}

# lint_keys: "KEY FILE" for each file that the release build compiles.
lint_keys() {
  local table
  table=$(mktemp)
  # Every file of ours with its hash, and the rules: those for all, and those for tests.
  { sources '*.hpp' '*.cpp' '*.h' && printf '%s\n' .clang-tidy tests/.clang-tidy; } | xargs sha256sum >"$table"
  ninja -C build/release -t deps | awk -v root="$root/" -v table="$table" '
    BEGIN {
      while ((getline line < table) > 0) {
        split(line, part, "  ")
        hash[part[2]] = part[1]
      }
    }
    # An object, then its dependencies, indented; the first of them is the source.
    /^[^ ]/ { flush(); next }
    NF == 1 {
      path = $1
      sub("^(\\.\\./\\.\\./)", root, path)
      if (index(path, root) != 1) next
      path = substr(path, length(root) + 1)
      if (path ~ /^build\//) next
      if (source == "") source = path
      all = all " " hash[path]
    }
    END { flush() }
    function flush() {
      if (source ~ /^tests\//) all = " " hash["tests/.clang-tidy"] all
      if (source ~ /\.cpp$/) print source, hash[".clang-tidy"] all
      source = ""
      all = ""
    }' | sort -u | while read -r file hashes; do
    printf '%s %s\n' "$(sha256sum <<<"$hashes" | cut -c1-40)" "$file"
  done
  rm -f "$table"
}

# lint_one KEY FILE: quiet when the file is clean. Past the deadline it only says what it left out.
lint_one() {
  local output errors=$LINT_FAILED.$1
  if [[ $LINT_DEADLINE -gt 0 && $(date +%s) -ge $LINT_DEADLINE ]]; then
    printf '%s\n' "$2" >>"$LINT_LEFT"
    return 0
  fi
  # The count of suppressed warnings goes to the error stream and says nothing; a crash does.
  if output=$(clang-tidy-14 --quiet -p build/release "$2" 2>"$errors"); then
    touch ".cache/lint/$1"
  else
    printf '%s: clang-tidy is not content\n%s\n' "$2" "${output:-$(tail -n 20 "$errors")}"
    printf '%s\n' "$2" >>"$LINT_FAILED"
  fi
  rm -f "$errors"
}

# lint [--all] [--seconds N] [FILE...]
lint() {
  local all=no seconds=0 files=()
  while [[ $# -gt 0 ]]; do
    case $1 in
      --all) all=yes ;;
      --seconds) seconds=$2 && shift ;;
      -*) die "lint: what is $1?" ;;
      *) files+=("$1") ;;
    esac
    shift
  done

  build release >build/lint.build.txt 2>&1 || {
    tail -n 40 build/lint.build.txt >&2
    return 1
  }
  mkdir -p .cache/lint
  local scratch begin
  scratch=$(mktemp -d)
  begin=$(date +%s)
  lint_keys >"$scratch/keys"
  if [[ ${#files[@]} -gt 0 ]]; then
    printf '%s\n' "${files[@]}" >"$scratch/wanted"
    awk 'NR == FNR { wanted[$1]; next } $2 in wanted' "$scratch/wanted" "$scratch/keys" >"$scratch/some"
    mv "$scratch/some" "$scratch/keys"
    all=yes
  fi

  # What changed last comes first; the rest begins at another place with every commit, so that a
  # budget of seconds reaches all of it in time.
  git diff --name-only HEAD~1 2>/dev/null >"$scratch/changed" || true
  local key file
  while read -r key file; do
    [[ $all == no && -e .cache/lint/$key ]] || printf '%s %s\n' "$key" "$file"
  done <"$scratch/keys" >"$scratch/todo"
  awk -v turn="$(git rev-list --count HEAD)" '
    NR == FNR { changed[$1]; next }
    $2 in changed { print; next }
    { rest[n++] = $0 }
    END { for (i = 0; i < n; i++) print rest[(i + turn * 17) % n] }
  ' "$scratch/changed" "$scratch/todo" >"$scratch/ordered"

  export LINT_LEFT=$scratch/left LINT_FAILED=$scratch/failed LINT_DEADLINE=0
  [[ $seconds -gt 0 ]] && LINT_DEADLINE=$((begin + seconds))
  : >"$LINT_LEFT" && : >"$LINT_FAILED"
  export -f lint_one
  xargs -r -P "$jobs" -L 1 bash -c 'lint_one "$@"' lint_one <"$scratch/ordered"

  local todo left failed total
  total=$(wc -l <"$scratch/keys") todo=$(wc -l <"$scratch/ordered")
  left=$(wc -l <"$LINT_LEFT") failed=$(wc -l <"$LINT_FAILED")
  printf 'lint: %d of %d files looked at in %d s, %d had passed before as they are, %d left for another time, %d failed\n' \
    "$((todo - left))" "$total" "$(($(date +%s) - begin))" "$((total - todo))" "$left" "$failed"
  rm -rf "$scratch"
  [[ $failed -eq 0 && $total -gt 0 ]]
}
