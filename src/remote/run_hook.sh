# The hook before the switch, and its end when the deploy is given up. Part of switch.sh.
# shellcheck shell=sh
# shellcheck disable=SC2015,SC2016,SC2034,SC2086,SC2094,SC2154 # `refuse` exits; words and functions come from the parts sent with it

# Its words: those of `env -i`, then hook.sh's.
run_hook() {
  rm -f ".shipit/incoming/hook"
  mkdir -p .shipit/incoming
  mkfifo -m 600 .shipit/incoming/hook || no_room /incoming
  # Held open by this process alone: whatever ends it ends the hook too.
  command exec 8<>.shipit/incoming/hook 7<.shipit/incoming/hook || refuse not-ready "can't open a pipe in .shipit"
  # What it ends with and says has its files already: when it is done, the disk may have none to give.
  rm -f .shipit/hook.code
  printf '' >.shipit/incoming/code && printf '' >>.shipit/hook.log || no_room
  (
    exec 8>&- 9>&-
    trap - HUP PIPE INT TERM
    if [ -n "$hook_user" ] && [ "$control" = root ]; then
      runuser -u "$hook_user" -- /usr/bin/env -i "$@"
    elif [ -n "$hook_user" ]; then
      sudo -n -u "$hook_user" /usr/bin/env -i "$@"
    else
      /usr/bin/env -i "$@"
    fi <&7 >.shipit/hook.log 2>&1
    code=$?
    # Renamed, so that who sees it sees all of it.
    printf %s "$code" >.shipit/incoming/code
    mv -fT .shipit/incoming/code .shipit/hook.code
    say "hook $code"
  ) &
  hook_process=$!
  exec 7<&-
  say hook-started
  gave_up=
  while [ ! -e .shipit/hook.code ] && kill -0 "$hook_process" 2>/dev/null; do
    next_line || { gave_up=yes; break; }
    case $line in
      beat) say ack ;;
      back*) gave_up=yes; break ;;
    esac
  done
  exec 8>&-
  # A hook that ended well in this very moment is given up too: its client does not want the switch any more.
  if [ -n "$gave_up" ] || [ ! -e .shipit/hook.code ]; then
    # Given up: the closed pipe ends the hook, and the next one may not start beside it.
    wait "$hook_process"
    journal_line "$number" failed "$meta" ',"reason":"given up while the hook before_switch ran"' && rm -f .shipit/placing
    refuse given-up 'the client went away or gave up while the hook ran'
  fi
  # Not even this number has room.
  [ -s .shipit/hook.code ] || no_room
  if [ "$(cat .shipit/hook.code)" != 0 ]; then
    say "hook-log $(packed <.shipit/hook.log)"
    journal_line "$number" failed "$meta" ",\"reason\":\"hook before_switch ended with code $(cat .shipit/hook.code)\"" &&
      rm -f .shipit/placing
    refuse hook "the hook ended with code $(cat .shipit/hook.code)"
  fi
}
