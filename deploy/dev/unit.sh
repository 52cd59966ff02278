#!/usr/bin/env bash
# unit.sh UNIT NEMCOND NEMCON: is the service as locked as it says, and does nemcond work behind the lock?
#
# The first by `systemd-analyze security` offline; the second by the system calls that a node makes from
# start to stop, each of which the unit must let pass. There is no systemd to run it under where tests run.
# Exit 77: systemd-analyze or strace is missing.
set -euo pipefail

unit=$1 nemcond=$2 nemcon=$3
exposure_max=15  # Tenths.

for tool in systemd-analyze strace; do
  if ! command -v "$tool" >/dev/null; then
    printf 'skipped: there is no %s on this machine\n' "$tool"
    exit 77
  fi
done

systemd-analyze security --offline=true --threshold=$exposure_max "$unit" | tail -n 1

place=$(mktemp -d)
trap '[[ -z ${node:-} ]] || kill -9 "$node" 2>/dev/null || true; rm -rf "$place"' EXIT

# expand GROUP...: the names of the calls in them.
expand() {
  local word
  for word in "$@"; do
    if [[ $word != @* ]]; then
      printf '%s\n' "$word"
      continue
    fi
    # Its lines are "@group", a comment, then a call or another group on each.
    mapfile -t words < <(systemd-analyze syscall-filter "$word" | sed -n '2,$s/^ *//p' | grep -v '^#' | grep .)
    expand "${words[@]}"
  done
}

# Line by line, as systemd reads them: each adds, or with ~ takes away.
: >"$place/may"
while read -r line; do
  # shellcheck disable=SC2086
  expand ${line#\~} | sort -u >"$place/line"
  if [[ $line == \~* ]]; then
    comm -23 "$place/may" "$place/line" >"$place/next"
  else
    sort -u "$place/may" "$place/line" >"$place/next"
  fi
  mv "$place/next" "$place/may"
done < <(sed -n 's/^SystemCallFilter=//p' "$unit")
[[ $(wc -l <"$place/may") -gt 100 ]] || { printf 'the unit allows hardly any call\n'; exit 1; }

key() { "$nemcon" keygen "$place/$1.key" | cut -c1-40; }
node_key=$(key node)
cat >"$place/node.toml" <<TOML
[node]
name = "unit"
data = "$place/data"
listen = ["ipc://$place/socket"]
[security]
secret_key_file = "node.key"
[[client]]
name = "unit"
public_key = "$(key client)"
allow = ["send inbox", "consume inbox"]
[[queue]]
name = "inbox"
[limits]
max_message_bytes = "64KiB"
max_transaction_bytes = "256KiB"
TOML
strace -f -qq -o "$place/calls" "$nemcond" --config "$place/node.toml" >"$place/out" 2>"$place/err" &
tracer=$!
for _ in $(seq 600); do
  grep -q '^ready ' "$place/out" && break
  sleep 0.05
done
grep -q '^ready ' "$place/out" || { cat "$place/err"; exit 1; }
node=$(sed -n 's/^\([0-9]*\).*/\1/p;q' "$place/data/lock")
as_client=("$nemcon" --node "ipc://$place/socket" --key "$place/client.key" --node-key "$node_key")
"${as_client[@]}" send inbox@unit hello >/dev/null
[[ $("${as_client[@]}" receive inbox) == hello ]]
# Nobody but the owner gets at anything of it.
find "$place/data" "$place/socket" -perm /077 -printf 'others may use %p, mode %m\n' >"$place/open"
kill -TERM "$node"
wait "$tracer" || { cat "$place/err"; exit 1; }
node=""
[[ ! -s $place/open ]] || { cat "$place/open"; exit 1; }

# How it was started is systemd's doing.
sed -n 's/^[0-9]* *\([a-z_0-9]*\)(.*/\1/p' "$place/calls" | sort -u | grep -vx 'execve' >"$place/made"
comm -23 "$place/made" "$place/may" >"$place/refused"
if [[ -s $place/refused ]]; then
  printf 'nemcond makes calls that the unit refuses:\n'
  cat "$place/refused"
  exit 1
fi
printf 'nemcond makes %d different system calls, all of them allowed by the unit\n' "$(wc -l <"$place/made")"
