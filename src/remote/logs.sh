# The last lines of one start of the unit, its own and systemd's about it: words are its invocation, the process, how many
# lines, the control, and the unit. Also says where its output goes when that is not the journal.
# shellcheck shell=sh
# shellcheck disable=SC2034,SC2154 # sent as one text with common.sh and log_scope.sh: words and functions go both ways

invocation=$1
process=$2
count=$3
control=$4
unit=$5
find_log
ask_journal() {
  # systemd's own lines stay in the common journal.
  timeout -s KILL 20 journalctl ${scope:+"$scope"} ${namespace:+"--namespace=+$namespace"} -b -q --no-pager -o cat "$@" 2>/dev/null
}

set -- "_SYSTEMD_INVOCATION_ID=$invocation" + "INVOCATION_ID=$invocation" + "USER_INVOCATION_ID=$invocation"
# A process that died at once may be gone before journald looks at it: its last words then carry its number and (where the
# system's own systemd started it) the unit's name alone, and on a busy server they come a moment later.
if [ -n "$process" ]; then
  if [ "$control" = user ]; then
    set -- "$@" + "_PID=$process"
  else
    set -- "$@" + "_PID=$process" "_SYSTEMD_UNIT=$unit"
  fi
  for _ in 1 2 3 4; do
    if [ -n "$(ask_journal -n 1 "_PID=$process")" ]; then break; fi
    sleep 0.3
  done
fi
lines=$(ask_journal -n "$count" "$@")
say "lines $(printf '%s\n' "$lines" | packed)"
tell_elsewhere
say end
