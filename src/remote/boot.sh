# At boot, before the app's unit: what a power loss cut off is settled while nothing runs, so that the unit starts the release
# that was checked. `setup` installs it, as the deploy user, with a unit that runs it where there is something to settle.
# shellcheck shell=sh
# shellcheck disable=SC2034,SC2154 # one file with common.sh and settle.sh: words and functions go both ways

for word in "$@"; do
  value=${word#*=}
  case $word in
    root=*) root=$value ;;
    unit=*) unit=$value ;;
    control=*) control=$value ;;   # boot, or user: the login's own systemd
  esac
done

cd "$root" 2>/dev/null && [ -d .shipit ] && [ ! -L .shipit ] || exit 0
command exec 9>>.shipit/lock || exit 0
# Somebody is at it already, and settles it.
flock -n 9 || exit 0
unit_now
case $unit_state in
  # Not at boot, then: the next deploy or rollback settles it, and restarts the unit.
  active | reloading | deactivating) exit 0 ;;
esac
at_boot='the server went down before it was checked'
settle_leftovers
exit 0
