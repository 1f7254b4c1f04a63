# The last lines of one start of the unit, its own and systemd's about it: words are its invocation, the process, how many
# lines, and the control.
# shellcheck shell=sh

invocation=$1
process=$2
count=$3
# Not --system: journald files what a user with a number above 1000 says under that user, who may be the unit's.
scope=
if [ "$4" = user ]; then scope=--user; fi
set -- "_SYSTEMD_INVOCATION_ID=$invocation" + "INVOCATION_ID=$invocation"
# A process that died at once may be gone before journald looks at it: its last words then carry its number alone.
if [ -n "$process" ]; then set -- "$@" + "_PID=$process"; fi
lines=$(timeout -s KILL 20 journalctl ${scope:+"$scope"} -b -q --no-pager -o cat -n "$count" "$@" 2>/dev/null)
say "lines $(printf '%s\n' "$lines" | packed)"
say end
