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
  beanstalkd
  activemq
  nats-server libnats-dev
)

# shellcheck source=deploy/packages.sh
source "$(dirname "${BASH_SOURCE[0]}")/packages.sh"

# Debian starts a server that is installed, unless this file says no.
policy=/usr/sbin/policy-rc.d
if [[ ! -e $policy ]]; then
  printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
  "${as_root[@]}" chmod 755 "$policy"
  trap '"${as_root[@]}" rm -f "$policy"' EXIT
fi

install_missing
