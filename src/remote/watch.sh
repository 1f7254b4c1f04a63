# The unit and the health check, watched in the background. Part of switch.sh.
# shellcheck shell=sh
# shellcheck disable=SC2015,SC2016,SC2034,SC2086,SC2154 # `refuse` exits; words and functions come from the parts sent with it

# Watchers tell the client by themselves, as soon as there is something to tell.
alive() {
  kill -0 "$main_process" 2>/dev/null
}

# Ten minutes at most, so that a client of a stuck server is not kept for ever.
pulse() {
  beats=0
  while alive && [ "$beats" -lt 120 ]; do
    sleep 5
    say still
    beats=$((beats + 1))
  done
}

# Each look costs the server some programs, and it may be a small one whose slow start needs all of it: what has stayed
# as it is for seconds is looked at less often.
watch_unit() {
  last=
  same=0
  # Who may not read the log has to see an end itself, however short the time before the next start.
  look_after=0.2
  if [ "$logs" != yes ]; then look_after=0.05; fi
  while alive; do
    now=$(show_unit -p ActiveState -p SubState -p InvocationID -p NRestarts -p Result -p ExecMainStatus -p ExecMainPID -p Job)
    # One line of it: no value has a blank.
    if [ -n "$now" ]; then now=$(printf '%s ' $now); fi
    if [ "$now" != "$last" ]; then
      say "unit $now"
      last=$now
      same=0
    fi
    same=$((same + 1))
    if [ "$logs" = yes ] && [ "$same" -gt 25 ]; then sleep 0.5; else sleep "$look_after"; fi
  done
}

# How a start ended that nobody saw end, because systemd was quicker with the next one: its own log knows. The message is
# that of a unit's process that exited, or of a unit that ended well.
tell_end() {
  scope=
  if [ "$control" = user ]; then scope=--user; fi
  for _ in 1 2 3 4 5; do
    [ "$logs" = yes ] || break
    end=$(timeout -s KILL 5 journalctl ${scope:+"$scope"} -b -q --no-pager -o cat -n 1 \
      MESSAGE_ID=98e322203f7a4ed290d09fe03c09fe15 MESSAGE_ID=7ad2d189f7e94e70a38c781354912448 \
      "${scope:+USER_}INVOCATION_ID=$1" 2>/dev/null)
    if [ -n "$end" ]; then break; fi
    sleep 0.2
  done
  say "ended $1 $(plain "${end-}")"
}

watch_health() {
  same=0
  last_status=
  unit_now
  while alive; do
    # An answer counts for the start that ran before and after it: the one of a dying process or a stranger does not.
    asked=$unit_invocation
    answer=$(ask 2>&1)
    unit_now
    if [ "$unit_invocation" = "$asked" ] && [ "$unit_state" = active ] && [ -n "$asked" ]; then
      say "health $asked $(plain "$answer")"
    fi
    # Often at first, and after each change of the status: the time for which the answers have to stay good begins with
    # the first good one, and one that is good only sometimes has to be caught in it.
    status=${answer#"${answer%???}"}
    if [ "$status" != "$last_status" ]; then same=0; fi
    last_status=$status
    same=$((same + 1))
    if [ "$same" -lt 10 ]; then sleep 0.1; elif [ "$same" -lt 20 ]; then sleep 0.2; else sleep 0.5; fi
  done
}
