#!/usr/bin/env bash
# sbom.sh NEMCOND NEMCON LIBRARY: what Nemcon is made of, as SPDX 2.3 in JSON, on standard output.
#
# The packages and versions are those of the machine that it was built on, by dpkg-query: what the programs
# are linked with (asked of the programs themselves) and what was compiled into them (header-only). With the
# SHA-256 of each program and library. Time: SOURCE_DATE_EPOCH, else that of the commit, so that the same
# build has the same list.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
nemcond=$1 nemcon=$2 library=$3
version=$(sed -n 's/^project(nemcon VERSION \([0-9.]*\).*/\1/p' "$root/CMakeLists.txt")
epoch=${SOURCE_DATE_EPOCH:-$(git -C "$root" log -1 --format=%ct 2>/dev/null || date +%s)}
created=$(date -u -d "@$epoch" +%Y-%m-%dT%H:%M:%SZ)

# Compiled in: nothing in a program says so.
headers=(cppzmq-dev libmsgpack-cxx-dev libtomlplusplus-dev libcli11-dev libspdlog-dev)

quote() {
  local text=${1//\\/\\\\}
  printf '"%s"' "${text//\"/\\\"}"
}

# packages_of FILE...: the packages that the libraries of these programs come from.
packages_of() {
  local path
  ldd "$@" | sed -n 's/.* => \(\/[^ ]*\) .*/\1/p; s/^\t\(\/[^ ]*\) .*/\1/p' | sort -u | while read -r path; do
    path=$(realpath "$path")
    # Packages still name what is in /usr/lib by the older /lib.
    { dpkg-query --search "$path" "${path#/usr}" 2>/dev/null || true; } | sed -n '1s/^\([^:]*\).*/\1/p'
  done | sort -u
}

# package NAME RELATION: its entry; which relation it has goes to $relations.
relations=()
package() {
  local name=$1 relation=$2 fields id
  fields=$(dpkg-query --show --showformat '${Version}\t${Architecture}\t${source:Package}\t${source:Version}' "$name" | head -n 1)
  IFS=$'\t' read -r package_version architecture source source_version <<<"$fields"
  id=SPDXRef-Package-${name//[^A-Za-z0-9.-]/-}
  relations+=("{\"spdxElementId\":\"SPDXRef-Nemcon\",\"relationshipType\":\"$relation\",\"relatedSpdxElement\":\"$id\"}")
  package_url=${package_version//+/%2B}
  package_url=pkg:deb/debian/$name@${package_url//:/%3A}?arch=$architecture
  entry="{\"SPDXID\":\"$id\",\"name\":$(quote "$name"),\"versionInfo\":$(quote "$package_version")"
  entry+=",\"supplier\":\"Organization: Debian\",\"downloadLocation\":\"NOASSERTION\",\"filesAnalyzed\":false"
  entry+=",\"licenseConcluded\":\"NOASSERTION\",\"licenseDeclared\":\"NOASSERTION\",\"copyrightText\":\"NOASSERTION\""
  entry+=",\"sourceInfo\":$(quote "source package $source $source_version")"
  entry+=",\"externalRefs\":[{\"referenceCategory\":\"PACKAGE-MANAGER\",\"referenceType\":\"purl\""
  entry+=",\"referenceLocator\":\"$package_url\"}]}"
}

entries=()
mapfile -t linked < <(packages_of "$nemcond" "$nemcon")
[[ ${#linked[@]} -gt 3 ]] || { printf 'sbom: no packages found behind %s\n' "$nemcond" >&2; exit 1; }
for name in "${linked[@]}"; do
  package "$name" DYNAMIC_LINK
  entries+=("$entry")
done
for name in "${headers[@]}"; do
  package "$name" STATIC_LINK
  entries+=("$entry")
done

files=()
for path in "$nemcond" "$nemcon" "$library"; do
  name=$(basename "$path")
  id=SPDXRef-File-$name
  sha256=$(sha256sum <"$path" | cut -d' ' -f1)
  sha1=$(sha1sum <"$path" | cut -d' ' -f1)
  files+=("{\"SPDXID\":\"$id\",\"fileName\":\"./$name\",\"checksums\":[{\"algorithm\":\"SHA1\",\"checksumValue\":\"$sha1\"},{\"algorithm\":\"SHA256\",\"checksumValue\":\"$sha256\"}],\"licenseConcluded\":\"NOASSERTION\",\"copyrightText\":\"NOASSERTION\"}")
  relations+=("{\"spdxElementId\":\"SPDXRef-Nemcon\",\"relationshipType\":\"GENERATES\",\"relatedSpdxElement\":\"$id\"}")
done

join() {
  local IFS=,
  printf '%s' "$*"
}

# The name of the document is that of its contents, and no place that could be looked up.
digest=$(join "${entries[@]}" "${files[@]}" | sha256sum | cut -c1-32)
printf '{"spdxVersion":"SPDX-2.3","dataLicense":"CC0-1.0","SPDXID":"SPDXRef-DOCUMENT","name":"nemcon-%s"' "$version"
printf ',"documentNamespace":"urn:nemcon:sbom:%s:%s"' "$version" "$digest"
printf ',"creationInfo":{"created":"%s","creators":["Tool: nemcon-deploy-sbom.sh"]}' "$created"
printf ',"packages":[{"SPDXID":"SPDXRef-Nemcon","name":"nemcon","versionInfo":"%s","downloadLocation":"NOASSERTION"' "$version"
printf ',"filesAnalyzed":false,"licenseConcluded":"MIT","licenseDeclared":"MIT","copyrightText":"NOASSERTION"},%s]' "$(join "${entries[@]}")"
printf ',"files":[%s]' "$(join "${files[@]}")"
printf ',"relationships":[{"spdxElementId":"SPDXRef-DOCUMENT","relationshipType":"DESCRIBES","relatedSpdxElement":"SPDXRef-Nemcon"},%s]}\n' "$(join "${relations[@]}")"
