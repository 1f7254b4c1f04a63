# shellcheck shell=bash
# What the action's steps share. Sourced.

set -euo pipefail

# fail TEXT…: the end, in words; on GitHub an annotation, which is one line.
fail() {
  local text=$*
  if [[ ${GITHUB_ACTIONS:-} == true ]]; then
    text=${text//'%'/%25} text=${text//$'\r'/%0D} text=${text//$'\n'/%0A}
    printf '::error title=shipit::%s\n' "$text"
  else
    printf 'error: %s\n' "$text" >&2
  fi
  exit 2
}

# put NAME VALUE: an output of the step; outside GitHub it is said.
put() {
  if [[ -n ${GITHUB_OUTPUT:-} ]]; then
    printf '%s=%s\n' "$1" "$2" >>"$GITHUB_OUTPUT"
  else
    printf '%s=%s\n' "$1" "$2"
  fi
}
