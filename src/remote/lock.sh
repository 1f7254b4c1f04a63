# The lock that deploys, rollbacks and prunes take, on descriptor 9 until their end, with a note on who has it.
# shellcheck shell=sh
# shellcheck disable=SC2015,SC2154 # root, wait and holder are words of the script

holder_note() {
  head -c 2000 .shipit/holder 2>/dev/null | head -n 1
}

# Asked of the kernel: $PPID stays what it was.
is_orphan() {
  while read -r key value; do
    if [ "$key" = PPid: ]; then [ "$value" != "$PPID" ]; return; fi
  done <"/proc/$$/status"
  return 1
}

# In the root folder from here on. Who does not get it says why and ends.
take_lock() {
  mkdir -p "$root/.shipit" && cd "$root" && chmod 700 .shipit || { say "refused not-ready can't make $root/.shipit"; say end; exit 0; }
  # `command`, because a failed exec ends a POSIX shell.
  command exec 9>>.shipit/lock || { say "refused not-ready can't open $root/.shipit/lock"; say end; exit 0; }
  if ! flock -n 9; then
    say "waiting $(holder_note)"
    over=$(($(uptime_seconds) + wait))
    # In short waits: one whose client is gone, and with it sshd's process, does not take its turn.
    until flock -w 1 9; do
      if [ "$(uptime_seconds)" -ge "$over" ]; then
        say "busy $(holder_note)"
        say end
        exit 0
      fi
      if is_orphan; then exit 0; fi
      say still
    done
  fi
  printf '{"since":"%s"%s}\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$holder" >.shipit/holder 2>/dev/null
}
