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
  timeout -s KILL 20 journalctl ${scope:+"$scope"} ${namespace:+"--namespace=+$namespace"} -b -q --no-pager "$@" 2>/dev/null
}

# A process that died at once may be gone before journald looks at it: its last words then carry its number and (where the
# system's own systemd started it) the unit's name alone, and on a busy server they come a moment later.
whose="_SYSTEMD_UNIT=$unit"
if [ "$control" = user ]; then whose="_UID=$(id -u)"; fi

# Of a start that nobody saw, so that the number is unknown too: it is that of the first one that spoke like this since
# systemd told of the start, and never otherwise. When systemd spoke is what it says itself: a journald that was busy has
# written all of it down later, and in another order.
find_process() {
  began=$(ask_journal -o json --output-fields=_SOURCE_REALTIME_TIMESTAMP "INVOCATION_ID=$invocation" + "USER_INVOCATION_ID=$invocation" |
    head -n 1 | tr ',' '\n' | sed -n 's/.*"_*\(SOURCE_\)*REALTIME_TIMESTAMP" *: *"\([0-9]*\)\([0-9]\{6\}\)".*/@\2.\3/p' | sort | head -n 1)
  if [ -z "$began" ]; then return; fi
  for one in $(ask_journal -o json --output-fields=_PID,_SYSTEMD_USER_UNIT,_SYSTEMD_INVOCATION_ID \
    "--since=$began" "$whose" _TRANSPORT=stdout |
    grep -v -e '"_SYSTEMD_INVOCATION_ID"' -e '"_SYSTEMD_USER_UNIT"' |
    sed -n 's/.*"_PID" *: *"\([0-9]*\)".*/\1/p'); do
    if [ "$one" = "${before-}" ]; then continue; fi
    before=$one
    if ! ask_journal -o json --output-fields=_SYSTEMD_INVOCATION_ID "_PID=$one" "$whose" | grep -q '"_SYSTEMD_INVOCATION_ID"'; then
      printf '%s' "$one"
      return
    fi
  done
}

# A start that was seen may have said nothing. Of one that nobody saw this is all that is known, so it is waited for longer.
tries=8
if [ -n "$process" ]; then tries=4; fi
while [ "$tries" -gt 0 ]; do
  tries=$((tries - 1))
  if [ -z "$process" ]; then
    process=$(find_process)
  elif [ -n "$(ask_journal -n 1 "_PID=$process" "$whose")" ]; then
    break
  fi
  sleep 0.3
done
set -- "_SYSTEMD_INVOCATION_ID=$invocation" + "INVOCATION_ID=$invocation" + "USER_INVOCATION_ID=$invocation"
if [ -n "$process" ]; then set -- "$@" + "_PID=$process" "$whose"; fi
lines=$(ask_journal -o cat -n "$count" "$@")
say "lines $(printf '%s\n' "$lines" | packed)"
tell_elsewhere
say end
