# `exec`: becomes the unit's user and runs the command there. Its words: how to become it (root, sudo, or nothing), the user,
# `yes` where there is a terminal, then those of `env -i`.
# shellcheck shell=sh

trap - PIPE
# What ends the command shall not end this before it has told how.
trap : HUP INT TERM QUIT
how=$1
user=$2
terminal=$3
shift 3
if [ "$terminal" = yes ]; then set -- "TERM=${TERM:-dumb}" "$@"; fi
# What the shell says about a signal is none of the command's words.
exec 4>&2 2>/dev/null
case $how in
  root) runuser -u "$user" -- /usr/bin/env -i "$@" 2>&4 4>&- ;;
  sudo) sudo -n -u "$user" /usr/bin/env -i "$@" 2>&4 4>&- ;;
  *) /usr/bin/env -i "$@" 2>&4 4>&- ;;
esac
exit $?
