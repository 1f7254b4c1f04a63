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

# What shipit can do. `run` is not asked before a binary is there, and a misspelt word needs none.
commands='init setup doctor build deploy rollback status releases logs exec restart hold unhold prune completions man'

# check_command WORD REVISION: ends the step where they are nothing that shipit can be started with.
check_command() {
  if [[ ! $1 =~ ^[a-z]+$ ]]; then fail "command is not one word of shipit's, such as deploy or rollback: $1"; fi
  if [[ " $commands " != *" $1 "* ]]; then fail "shipit has no command $1. It has: ${commands// /, }"; fi
  if [[ -n $2 && ! $1 =~ ^(build|deploy|rollback)$ ]]; then fail "revision is for build, deploy and rollback: $1 has none"; fi
}

# put NAME VALUE: an output of the step; outside GitHub it is said.
put() {
  if [[ -n ${GITHUB_OUTPUT:-} ]]; then
    printf '%s=%s\n' "$1" "$2" >>"$GITHUB_OUTPUT"
  else
    printf '%s=%s\n' "$1" "$2"
  fi
}
