# Sourced by dependencies.sh and bench-dependencies.sh, with `packages` set and their arguments: ends the
# script when only the list was asked for or all is there, and leaves what to call to install the rest.

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

install_missing() {
  printf 'Installing: %s\n' "${missing[*]}"
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get update -qq
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends "${missing[@]}"
}
