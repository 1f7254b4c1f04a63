# The end of a switch: written once, used by a verdict, a lost client, a dead half, and whoever comes next.
# All of it runs in the root folder with the lock held on descriptor 9; `control`, `unit` and `patience` are set.
# shellcheck shell=sh
# shellcheck disable=SC2034,SC2154 # sent as one text with common.sh and switch.sh or outcome.sh

# Where nothing runs yet (boot.sh): why what is found was cut off. Nothing is restarted then.
at_boot=

unit_now() {
  unit_state=
  unit_sub=
  unit_invocation=
  unit_job=
  while IFS= read -r line; do
    case $line in
      ActiveState=*) unit_state=${line#*=} ;;
      SubState=*) unit_sub=${line#*=} ;;
      InvocationID=*) unit_invocation=${line#*=} ;;
      Job=*) unit_job=${line#*=} ;;
    esac
  done <<EOF
$(show_unit -p ActiveState -p SubState -p InvocationID -p Job)
EOF
}

shutting_down() {
  [ "$(timeout -s KILL 10 systemctl is-system-running 2>/dev/null 9>&-)" = stopping ]
}

# Restarts without waiting: a restart in the foreground is deaf for as long as the unit's start timeout.
# reset-failed first, or the start limit of a crash loop would refuse a good release too; its status means nothing.
# Where that is not allowed, the limit is over after its interval: a start that it refuses leaves the invocation as it was,
# and is tried again meanwhile, unless the interval is longer than anybody waits. No file is written on the way: the disk
# may be full.
restart_unit() {
  # The one of the way forward may still be waiting for the limit.
  [ -z "${restart_process-}" ] || kill -KILL "$restart_process" 2>/dev/null
  (
    over=0
    if ! control_unit reset-failed >/dev/null 2>&1 && [ "$start_limit" -le "$patience" ]; then
      over=$(($(uptime_seconds) + start_limit + 3))
    fi
    while :; do
      unit_now
      tried=$unit_invocation
      if said=$(control_unit restart 2>&1); then
        unit_now
        say "restarted $unit_invocation"
        break
      fi
      unit_now
      if [ "$unit_invocation" != "$tried" ]; then
        say "start-failed $unit_invocation $(plain "$said")"
        break
      elif [ "$unit_state" != failed ] || [ "$(uptime_seconds)" -ge "$over" ]; then
        say "restart-refused $(plain "$said")"
        break
      fi
      sleep 1
    done
  ) </dev/null 9>&- &
  restart_process=$!
}

restarting() {
  kill -0 "$restart_process" 2>/dev/null
}

# The journal: whole lines, each on the disk before the next step.
journal_line() {
  mkdir -p .shipit
  if [ "$(tail -c 1 .shipit/journal.jsonl 2>/dev/null | tr -d '\n' | wc -c)" -gt 0 ]; then
    # A torn line of a dead writer or a full disk: it stays, on a line of its own.
    printf '\n' >>.shipit/journal.jsonl
  fi
  printf '{"v":1,"deploy":%s,"time":"%s","event":"%s"%s%s}\n' \
    "$1" "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$2" "$3" "$4" >>.shipit/journal.jsonl &&
    sync .shipit/journal.jsonl
}

# What `pending` or an `end.*` file says, into p_*.
read_intent() {
  p_token='' p_number=0 p_old='' p_new='' p_before='' p_was='' p_again='' p_meta='' p_kept=''
  while IFS= read -r line; do
    case $line in
      token=*) p_token=${line#*=} ;;
      number=*) p_number=${line#*=} ;;
      old=*) p_old=${line#*=} ;;
      new=*) p_new=${line#*=} ;;
      before=*) p_before=${line#*=} ;;
      was=*) p_was=${line#*=} ;;
      again=*) p_again=${line#*=} ;;
      meta=*) p_meta=${line#*=} ;;
      kept=*) p_kept=${line#*=} ;;
    esac
  done <"$1"
  # It becomes a number of JSON.
  case $p_number in '' | *[!0-9]*) p_number=0 ;; esac
}

# decide WORD EVENT REASON INVOCATION: the rename is the decision. It needs no space and can't tear; the journal's line follows.
decide() {
  mv -fT .shipit/pending ".shipit/end.$1" || return 1
  sync .shipit
  write_end "$1" "$2" "$3" "$4"
}

write_end() {
  reason_json=",\"outcome\":\"$1\""
  if [ -n "$3" ]; then reason_json="$reason_json,\"reason\":\"$(plain "$3")\""; fi
  if [ -n "$4" ]; then reason_json="$reason_json,\"invocation\":\"$4\""; fi
  if journal_line "$p_number" "$2" "$p_meta" "$reason_json"; then
    rm -f ".shipit/end.$1"
  fi
}

# Decisions whose line was never written, because the writer died or the disk was full.
write_missing_ends() {
  for end in .shipit/end.*; do
    is_end "$end" || continue
    word=${end##*/end.}
    read_intent "$end"
    written=
    while IFS= read -r line; do
      case $line in
        *'"event":"started"'* | *'"event":"live"'*) ;;
        # A whole one: the full disk that kept the line from being written may have left the first half of it.
        *"\"token\":\"$p_token\""*'"outcome":"'*'"}') written=yes ;;
      esac
    done <<EOF
$(tail -n 20 .shipit/journal.jsonl 2>/dev/null | journal_lines)
EOF
    if [ -n "$written" ]; then rm -f "$end"; continue; fi
    case $word in
      kept) write_end kept kept '' "$p_kept" ;;
      reverted | down) write_end "$word" reverted 'its server half ended before it could write why' '' ;;
      *) write_end "$word" failed 'its server half ended before it could write why' '' ;;
    esac
  done
}

# settle REASON EVENT: puts back what ran before `pending` was written. Safe to run again at any point.
# After a restart of what was live there is nothing to put back: it only ends it.
# Sets `settled` to the word of the outcome. `stuck`: the new release still runs, because the unit was not restarted.
# `unmoved`: the disk did not take the link back, so that nothing is decided. `unmoved_why`: what mv said.
settle() {
  settled=
  unmoved_why=
  [ -e .shipit/pending ] || return 0
  read_intent .shipit/pending
  word=reverted
  event=$2
  reason=$1
  # An `mv` to it whose transaction was killed may still be on its way: it has moved `current` by now, or it can't any more.
  rm -f .shipit/next
  case ${p_new#releases/} in
    '' | "$p_new" | [.-]* | *[!A-Za-z0-9._-]*)
      # Torn or not ours: it does not tell what to put back.
      decide superseded failed 'the note on an unfinished switch, .shipit/pending, could not be read; current was left alone' ''
      settled=superseded
      return 0 ;;
  esac
  now=$(readlink current 2>/dev/null)
  if [ "$p_again" = yes ]; then
    # A restart of what was live: there is no other release to go back to, and a second restart would only be another one.
    [ "$event" = interrupted ] || event=failed
    decide failed "$event" "$reason" ''
    settled=failed
    return 0
  fi
  if [ "$now" = "$p_new" ] && [ "$p_new" != "$p_old" ]; then
    say "going-back $(plain "$reason")"
    if [ -n "$p_old" ]; then
      # The link was made beforehand, because now the disk may be full.
      [ "$(readlink .shipit/back 2>/dev/null)" = "$p_old" ] || { rm -f .shipit/back; ln -s -- "$p_old" .shipit/back; }
      unmoved_why=$(mv -fT .shipit/back current 2>&1)
    else
      unmoved_why=$(mv -fT current .shipit/left 2>&1)
    fi
    if [ "$(readlink current)" = "$p_new" ]; then
      # A restart would only start the new release again. `pending` stays, and whoever comes next tries it again.
      settled=unmoved
      return 0
    fi
    sync .
  elif [ "$now" != "$p_old" ]; then
    # Somebody moved `current` meanwhile: theirs to answer for.
    decide superseded failed "$reason; then somebody else moved current to $now, which was left alone" ''
    settled=superseded
    return 0
  fi
  [ -n "$p_old" ] || { word=failed; event=failed; }

  if [ -n "$at_boot" ]; then
    decide "$word" "$event" "$reason" ''
    return 0
  fi
  # Looked at after the link is back, so that a restart which is on its way ran into the right one or shows here.
  unit_now
  # A restart only if what ran before is gone: before the restart of the switch it still runs.
  if [ "$unit_state" != "$p_was" ] || [ "$unit_invocation" != "$p_before" ] || [ -n "${unit_job##0*}" ]; then
    if shutting_down; then
      # Restarts are refused now. `pending` stays, and the next one who comes finishes this.
      return 0
    fi
    failed_start=$unit_invocation
    restart_unit
    if [ -n "$p_old" ]; then
      if ! wait_until_up "$failed_start"; then
        if [ -n "$refused" ] && [ "$unit_state" = active ]; then
          word=stuck
          event=failed
          reason="$reason; what ran before was put back but its unit was not restarted$refused"
        elif [ "$p_was" = active ]; then
          word=broken
          event=failed
          reason="$reason; what ran before was put back but its unit did not come up$refused"
        else
          word=down
          reason="$reason; what was there before was put back, and does not come up, as before"
        fi
      fi
    elif ! wait_until_gone "$failed_start"; then
      word=stuck
      reason="$reason; its unit was not restarted without it$refused"
    fi
  fi
  unit_now
  decide "$word" "$event" "$reason" ''
  settled=$word
}

# One look after a pause. An old release may take long to stop, and its client must not take that for a lost contact.
# `busy`: the restart was not done when it was looked. `refused`: systemd did not do it.
look_again() {
  sleep 0.2
  looks=$((${looks:-0} + 1))
  if [ $((looks % 10)) -eq 0 ]; then say "still $unit_state"; fi
  busy=
  if restarting; then busy=yes; fi
  unit_now
  if [ -z "$busy" ] && [ -n "$unit_state" ] && [ "$unit_invocation" = "$1" ]; then refused=', because systemd refused to restart it'; fi
}

# Until the unit runs as another start than the one named, for a second; else 1. One that died is given 5 s for the start
# by which systemd tries again, and none where it will not; one that neither runs nor dies has `patience`.
wait_until_up() {
  give_up=$(($(uptime_seconds) + patience))
  seen=
  seen_at=0
  refused=
  died=
  while [ "$(uptime_seconds)" -lt "$give_up" ]; do
    look_again "$1"
    [ -z "$refused" ] || return 1
    if [ "$unit_invocation" = "$1" ] || [ -z "$unit_state" ]; then continue; fi
    case $unit_state/$unit_sub in
      active/*)
        if [ "$seen" = "$unit_invocation" ]; then
          seen_at=$((seen_at + 1))
          [ "$seen_at" -lt 5 ] || return 0
        else
          [ -z "$seen" ] || died=${died:-$(uptime_seconds)}
          seen=$unit_invocation
          seen_at=0
        fi ;;
      failed/* | inactive/*)
        seen_at=0
        if [ -z "$busy" ] && [ -z "${unit_job##0*}" ]; then return 1; fi ;;
      */auto-restart*)
        seen_at=0
        died=${died:-$(uptime_seconds)} ;;
      *) seen_at=0 ;;
    esac
    if [ -n "$died" ] && [ $(($(uptime_seconds) - died)) -ge 5 ]; then return 1; fi
  done
  return 1
}

# After a first deploy failed: there is nothing to run, and the restart ends the process of the failed release.
wait_until_gone() {
  give_up=$(($(uptime_seconds) + patience))
  refused=
  while [ "$(uptime_seconds)" -lt "$give_up" ]; do
    look_again "$1"
    if [ -n "$busy" ] || [ -z "$unit_state" ]; then continue; fi
    case $unit_state in failed | inactive) return 0 ;; esac
    if [ "$unit_invocation" != "$1" ]; then return 0; fi
    return 1
  done
  return 1
}

# The folder that `take` names; none when it is not one that `adopt` makes.
read_take() {
  taken=$(cat .shipit/take)
  case $taken in
    releases/adopted-*[!A-Za-z0-9]*) taken= ;;
    releases/adopted-?*) ;;
    *) taken= ;;
  esac
}

# A release that was put into its place by a deploy which never came to a line in the journal.
unplace() {
  [ -e .shipit/placing ] || return 0
  half=$(cat .shipit/placing)
  case $half in
    '' | [.-]* | *[!A-Za-z0-9._-]*) ;;
    *)
      named=
      case $(tail -n 20 .shipit/journal.jsonl 2>/dev/null) in *"\"release\":\"$half\""*) named=yes ;; esac
      if [ -z "$named" ] || [ ! -e "releases/$half/result" ]; then
        # Renamed first: a release is there with its root, or not at all.
        mkdir -p .shipit/incoming
        # shellcheck disable=SC3013 # -ef came into POSIX late, and was in every shell before
        [ "releases/$half" -ef current ] || mv -T "releases/$half" ".shipit/incoming/half-$half" 2>/dev/null
        rm -rf ".shipit/incoming/half-$half"
      fi ;;
  esac
  rm -f .shipit/placing
}

# What a dead deploy may have left, settled by whoever holds the lock now.
settle_leftovers() {
  settled=
  if [ -e .shipit/take ]; then
    read_take
    rm -f .shipit/take-link
    if [ -z "$taken" ]; then
      rm -f .shipit/take
    elif [ -d current ] && [ ! -L current ]; then
      # It was not moved yet.
      [ ! -L "$taken" ] || rm -f "$taken"
      rm -f .shipit/take
    elif [ ! -e current ] && [ ! -L current ] && [ -d "$taken" ]; then
      # Between two renames. `take` stays: the journal does not know of it yet, which switch.sh sees to.
      ln -s "$taken" .shipit/take-link && mv -fT .shipit/take-link current && sync .
    fi
  fi
  unplace
  write_missing_ends
  if [ -e .shipit/pending ]; then
    settle "${at_boot:-both its client and its server half ended without a word}" interrupted
  fi
  rm -rf .shipit/incoming
}
