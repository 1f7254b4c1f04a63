# The last lines of one start of the unit, its own and systemd's about it: words are its invocation, the process, how many
# lines, and the control.
# shellcheck shell=sh

invocation=$1
process=$2
count=$3
# Not --system: journald files what a user with a number above 1000 says under that user, who may be the unit's.
scope=
if [ "$4" = user ]; then scope=--user; fi
ask_journal() {
  timeout -s KILL 20 journalctl ${scope:+"$scope"} -b -q --no-pager -o cat "$@" 2>/dev/null
}

set -- "_SYSTEMD_INVOCATION_ID=$invocation" + "INVOCATION_ID=$invocation" + "USER_INVOCATION_ID=$invocation"
# A process that died at once may be gone before journald looks at it: its last words then carry its number alone, and
# on a busy server they come a moment later.
if [ -n "$process" ]; then
  set -- "$@" + "_PID=$process"
  for _ in 1 2 3 4; do
    if [ -n "$(ask_journal -n 1 "_PID=$process")" ]; then break; fi
    sleep 0.3
  done
fi
lines=$(ask_journal -n "$count" "$@")
say "lines $(printf '%s\n' "$lines" | packed)"
say end
