# Sourced by ./dev: the same commit, built twice, is the same programs, byte for byte. Each build has
# a directory, a time zone, a language, a mask and a number of jobs of its own, and no compiler cache.

reproducible_programs=(node/nemcond client/nemcon client/libnemcon.a)

# build_apart PLACE JOBS: the commit in PLACE/source, built in PLACE/build. No tests.
build_apart() {
  local place=$1 count=$2
  mkdir -p "$place/source"
  git archive HEAD | tar -x -C "$place/source"
  cmake -S "$place/source" -B "$place/build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_FLAGS_RELEASE=-O2 \
    -DNEMCON_TESTS=OFF -Wno-dev >"$place/output.txt"
  cmake --build "$place/build" -j "$count" >>"$place/output.txt" || {
    tail -n 40 "$place/output.txt" >&2
    return 1
  }
}

# reproducible: a line a program; false when one differs. What differs is kept.
reproducible() {
  local place=$root/build/reproducible differs=no name one other
  rm -rf "$place"
  printf 'reproducible: commit %s, built twice; this takes some minutes\n' "$(git rev-parse --short HEAD)"
  (
    export TZ=Pacific/Chatham LC_ALL=C
    umask 022
    build_apart "$place/one" "$jobs"
  )
  (
    export TZ=America/Lima LC_ALL=C.UTF-8
    umask 077
    build_apart "$place/another/of/a/longer/name" 1
  )
  for name in "${reproducible_programs[@]}"; do
    one=$place/one/build/$name other=$place/another/of/a/longer/name/build/$name
    [[ -s $one ]] || die "reproducible: $one was not built"
    if cmp --silent "$one" "$other"; then
      printf 'same     %s  %s\n' "$(sha256sum <"$one" | cut -c1-64)" "$name"
    else
      differs=yes
      printf 'DIFFERS  %s %s\n' "$one" "$other"
    fi
  done
  [[ $differs == no ]] || die "reproducible: look at these with cmp -l, or with diffoscope"
  rm -rf "$place"
  printf 'reproducible: %d programs are the same\n' "${#reproducible_programs[@]}"
}
