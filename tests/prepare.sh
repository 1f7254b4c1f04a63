# shellcheck shell=bash
# shellcheck disable=SC2034 # root is for those who source this
# What tests/all and tests/demo need before they can begin. Sourced; sets `root` to the project's folder.

set -euo pipefail
root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)

bold='' green='' plain=''
if [[ -t 1 && -z ${NO_COLOR:-} ]]; then bold=$'\e[1m' green=$'\e[1;32m' plain=$'\e[0m'; fi
say() { printf '\n%s== %s%s\n' "$bold" "$*" "$plain"; }

# as_root COMMAND…: the only other thing that needs root is the lab, which asks for it by itself.
as_root() {
  if ((EUID == 0)); then
    "$@"
  elif sudo -n true 2>/dev/null || [[ -t 0 ]]; then
    sudo "$@"
  else
    echo "needs root, or sudo without a password" >&2
    exit 77
  fi
}

# packages COMMAND-OR-FILE:PACKAGE…: installs those of Debian's packages that are not there.
packages() {
  local need missing=()
  for need in "$@"; do
    command -v "${need%%:*}" >/dev/null || [[ -e ${need%%:*} ]] || missing+=("${need#*:}")
  done
  ((${#missing[@]})) || return 0
  echo "installing from Debian: ${missing[*]}"
  local log
  log=$(mktemp)
  if ! as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}" >"$log" 2>&1 &&
    ! { as_root apt-get update && as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    exit 1
  fi
  rm -f "$log"
}

if [[ $(uname -s) != Linux ]]; then
  echo "needs Linux: the servers are systemd-nspawn containers" >&2
  exit 77
fi
command -v cargo >/dev/null || { echo "needs cargo: install a Rust toolchain (rustup.rs) first" >&2; exit 77; }
# What the sample app is made with; cc is what Rust links with, too.
packages cc:gcc /usr/include/stdio.h:libc6-dev git:git curl:curl go:golang-go /usr/include/sqlite3.h:libsqlite3-dev \
  /usr/share/gocode/src/github.com/mattn/go-sqlite3:golang-github-mattn-go-sqlite3-dev
