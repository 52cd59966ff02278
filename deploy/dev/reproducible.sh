# Sourced by ./dev: the same sources give the same bytes.

# build_at DIRECTORY: nemcond, nemcon and the libraries from a copy of the sources there; without the cache,
# which would give the second build what the first one made.
build_at() {
  local place=$1
  mkdir -p "$place"
  git ls-files -co --exclude-standard -z | tar --null --files-from=- --ignore-failed-read -cf - 2>/dev/null | tar -xf - -C "$place"
  cmake -S "$place" -B "$place/out" -G Ninja -Wno-dev -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_FLAGS_RELEASE=-O2 \
    -DNEMCON_TESTS=OFF -DNEMCON_WERROR=ON >"$place/configure.txt"
  cmake --build "$place/out" -j "$jobs" --target nemcond nemcon_cli nemcon_client >"$place/build.txt" || {
    tail -n 30 "$place/build.txt"
    return 1
  }
}

reproducible() {
  local place file status=0
  place=$(mktemp -d)
  export CCACHE_DISABLE=1 NEMCON_LAUNCHER=""
  build_at "$place/a"
  # Another length of the path, another time, another locale, another order of the directory.
  LC_ALL=C TZ=Pacific/Auckland build_at "$place/another-directory/of/another/length"
  for file in node/nemcond client/nemcon client/libnemcon.a core/libnemcon_core.a log/libnemcon_log.a \
    transport/libnemcon_transport.a node/libnemcon_node.a; do
    if cmp "$place/a/out/$file" "$place/another-directory/of/another/length/out/$file"; then
      printf '%s  %s\n' "$(sha256sum <"$place/a/out/$file" | cut -c1-64)" "$file"
    else
      status=1
    fi
  done
  # A path of this machine in a program would be one more difference, and says too much.
  if grep -qF "$place" "$place/a/out/node/nemcond" "$place/a/out/client/nemcon"; then
    printf 'the directory of the build is in what was built\n'
    status=1
  fi
  rm -rf "$place"
  [[ $status -eq 0 ]] && printf 'built twice in different directories: the same bytes\n'
  return "$status"
}
