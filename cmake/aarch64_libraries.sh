#!/usr/bin/env bash
# aarch64_libraries.sh FOLDER: unpacks the arm64 packages of the libraries that pith-run needs into FOLDER/usr.
#
# apt keeps its state in a folder of its own here: nothing is installed, no root is needed, and the system's list of
# architectures stays as it is. Packages are verified by the distribution's keys as always.
set -euo pipefail
packages="libutf8proc-dev libyaml-cpp-dev nlohmann-json3-dev libcli11-dev"
die() { printf 'aarch64_libraries.sh: %s\n' "$*" >&2; exit 2; }
[ $# = 1 ] || die "wants one folder, got $# arguments"
command -v apt-get >/dev/null || die "this is not Debian or Ubuntu: unpack $packages for arm64 into $1 by hand"

. /etc/os-release
case $ID in
  debian) mirror=http://deb.debian.org/debian parts=main keys=/usr/share/keyrings/debian-archive-keyring.gpg ;;
  ubuntu) mirror=http://ports.ubuntu.com/ubuntu-ports parts="main universe" keys=/usr/share/keyrings/ubuntu-archive-keyring.gpg ;;
  *) die "only Debian's and Ubuntu's packages are known, this is $ID: unpack $packages for arm64 into $1 by hand" ;;
esac

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
chmod 755 "$scratch"  # apt fetches as a user of its own
mkdir -p "$scratch"/{state/lists/partial,cache/archives/partial,unpacked,debs}
touch "$scratch/status"
echo "deb [arch=arm64 signed-by=$keys] ${PITH_AARCH64_MIRROR:-$mirror} $VERSION_CODENAME $parts" >"$scratch/sources.list"
private() {
  apt-get -qq -o APT::Architecture=arm64 -o APT::Architectures::=arm64 -o Dir::Etc::SourceList="$scratch/sources.list" \
    -o Dir::Etc::SourceParts=/dev/null -o Dir::State="$scratch/state" -o Dir::State::status="$scratch/status" \
    -o Dir::Cache="$scratch/cache" -o APT::Sandbox::User= "$@"
}
private update
(cd "$scratch/debs" && private download $packages)
for deb in "$scratch"/debs/*.deb; do dpkg-deb -x "$deb" "$scratch/unpacked"; done
mkdir -p "$1"
cp -a "$scratch/unpacked/." "$1"
