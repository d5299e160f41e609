#!/usr/bin/env bash
# Installs the system programs named as arguments, if they are missing, on Debian and Ubuntu. Quick when none is.
# Services that come with them (Redis, PostgreSQL) are not started: the project starts its own, on ports of its own.
set -euo pipefail

fail() {
  echo "twolane: $*" >&2
  exit 1
}

has() {
  case $1 in
    postgres) command -v postgres >/dev/null || compgen -G '/usr/lib/postgresql/*/bin/postgres' >/dev/null ;;
    tesseract) command -v tesseract >/dev/null && languages=$(tesseract --list-langs 2>&1) &&
      grep -qx eng <<<"$languages" && grep -qx osd <<<"$languages" ;;
    venv) python3 -c 'import ensurepip, venv' 2>/dev/null ;;
    *) command -v "$1" >/dev/null ;;
  esac
}

packages_of() {
  case $1 in
    postgres) echo postgresql ;;
    tesseract) echo tesseract-ocr tesseract-ocr-eng tesseract-ocr-osd ;;
    venv) echo python3-venv ;;
    *) echo "$1" ;;
  esac
}

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

missing=()
for program in "$@"; do
  # shellcheck disable=SC2207  # package names hold no spaces
  has "$program" || missing+=($(packages_of "$program"))
done
[ ${#missing[@]} -gt 0 ] || exit 0

command -v apt-get >/dev/null || fail "please install ${missing[*]} (this machine has no apt-get to do it with)"
[ "$(id -u)" = 0 ] || command -v sudo >/dev/null || fail "please run as root: apt-get install ${missing[*]}"

log=$(mktemp)
denied=/usr/sbin/policy-rc.d
cleanup() {
  rm -f "$log"
  [ -z "${ours:-}" ] || as_root rm -f "$denied"
}
trap cleanup EXIT
# The distribution's own way to say: do not start what you install.
if [ ! -e "$denied" ]; then
  printf '#!/bin/sh\nexit 101\n' | as_root tee "$denied" >/dev/null
  ours=yes
  as_root chmod 755 "$denied"
fi

echo "installing ${missing[*]}"
if ! { as_root apt-get update -qq &&
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qq --yes --no-install-recommends "${missing[@]}"; } \
  >"$log" 2>&1; then
  tail -n 15 "$log" >&2
  fail "could not install ${missing[*]}; the last lines of apt-get are above"
fi
