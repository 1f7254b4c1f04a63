# The last lines of one start of the unit, its own and systemd's about it: words are its invocation, how many,
# and the control.
# shellcheck shell=sh

invocation=$1
count=$2
if [ "$3" = user ]; then
  lines=$(timeout -s KILL 20 journalctl --user -q -n "$count" -o cat --no-pager "_SYSTEMD_INVOCATION_ID=$invocation" + "INVOCATION_ID=$invocation" 2>/dev/null)
else
  lines=$(timeout -s KILL 20 journalctl -q -n "$count" -o cat --no-pager "_SYSTEMD_INVOCATION_ID=$invocation" + "INVOCATION_ID=$invocation" 2>/dev/null)
fi
say "lines $(printf '%s\n' "$lines" | packed)"
say end
