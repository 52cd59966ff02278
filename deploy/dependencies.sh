#!/usr/bin/env bash
# Installs everything that building, testing and checking Nemcon needs, on Debian 12.
#
# Quick and without side effects when all of it is there: only what is missing is fetched. Needs root
# or sudo, and only then. `--list` prints the package names instead.
set -euo pipefail

packages=(
  # Compilers and what drives them. clang is the second compiler, the linter and the formatter.
  g++ cmake ninja-build ccache pkg-config git
  clang-14 clang-tidy-14 clang-format-14 libclang-rt-14-dev

  # Libraries of the product.
  libzmq3-dev cppzmq-dev libmsgpack-cxx-dev liblmdb-dev libsodium-dev
  libtomlplusplus-dev libspdlog-dev libcli11-dev libjemalloc-dev

  # Of the tests, the benchmarks and the demo.
  libgtest-dev libbenchmark-dev librapidcheck-dev libsqlite3-dev strace
  python3             # Of `./dev bench`, which runs its programs in turn and writes the document.
  e2fsprogs xfsprogs  # Of `./dev crash`, to cut the power of.
  iproute2 nftables   # Of `./dev chaos`, to break the network of.
  spin                # Of `./dev model`.
)

if [[ "${1:-}" == --list ]]; then
  printf '%s\n' "${packages[@]}"
  exit 0
fi

# One dpkg-query for all of them: its answer is one line "name status" for each that it knows.
missing=()
known=$(dpkg-query --show --showformat '${Package} ${db:Status-Status}\n' "${packages[@]}" 2>/dev/null) || true
for package in "${packages[@]}"; do
  grep -qx "$package installed" <<<"$known" || missing+=("$package")
done
if [[ ${#missing[@]} -eq 0 ]]; then
  exit 0
fi

as_root=()
if [[ $EUID -ne 0 ]]; then
  if ! command -v sudo >/dev/null; then
    printf 'These packages are missing: %s\nInstall them as root, or install sudo.\n' "${missing[*]}" >&2
    exit 1
  fi
  as_root=(sudo)
fi

printf 'Installing: %s\n' "${missing[*]}"
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
  apt-get install -y -qq --no-install-recommends "${missing[@]}"
