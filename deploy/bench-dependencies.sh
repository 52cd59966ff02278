#!/usr/bin/env bash
# Installs the systems that `./dev bench --peers` compares with, and the libraries that their load
# programs speak by, on Debian 12. Nothing of Nemcon is built with or needs them.
#
# Quick and without side effects when all of it is there. Needs root or sudo, and only then. The
# servers are not started by the installation; the benchmark starts its own and ends them.
# `--list` prints the package names instead.
set -euo pipefail

packages=(
  pkg-config
  postgresql-15 libpq-dev
  redis-server libhiredis-dev
  rabbitmq-server librabbitmq-dev
)

if [[ "${1:-}" == --list ]]; then
  printf '%s\n' "${packages[@]}"
  exit 0
fi

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

# Debian starts a server that is installed, unless this file says no.
policy=/usr/sbin/policy-rc.d
if [[ ! -e $policy ]]; then
  printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
  "${as_root[@]}" chmod 755 "$policy"
  trap '"${as_root[@]}" rm -f "$policy"' EXIT
fi

printf 'Installing: %s\n' "${missing[*]}"
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
  apt-get install -y -qq --no-install-recommends "${missing[@]}"
