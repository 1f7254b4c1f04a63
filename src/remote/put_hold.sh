# Putting down a hold. Part of switch.sh (`rollback --hold`) and hold.sh.
# shellcheck shell=sh
# shellcheck disable=SC2015 # `return` leaves

# put_hold WHO FIELDS: `.shipit/hold` has a line for each person, and theirs, WHO, is replaced. Complete, on the disk, or
# as it was. No deploy is waited for, and none can be in the way: only those who write a hold exclude each other.
put_hold() (
  exec 9>&- 8>&-
  command exec 6<.shipit && flock -w 10 6 || return 1
  # What can't be read can't be carried over.
  [ ! -f .shipit/hold ] || [ -r .shipit/hold ] || return 1
  {
    if [ -f .shipit/hold ]; then
      while IFS= read -r hold_line || [ -n "$hold_line" ]; do
        case $hold_line in '' | *"$1"*) ;; *) printf '%s\n' "$hold_line" || return 1 ;; esac
      done <.shipit/hold
    fi
    printf '{"v":1,"since":"%s"%s}\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$2" || return 1
  } >.shipit/hold.new && sync .shipit/hold.new && mv -fT .shipit/hold.new .shipit/hold && sync .shipit
)
