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

# shellcheck source=deploy/packages.sh
source "$(dirname "${BASH_SOURCE[0]}")/packages.sh"
install_missing
