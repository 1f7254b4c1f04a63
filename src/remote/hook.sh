# Runs one hook in what unit_env.sh has made. stdin is a line to the transaction: when it ends, the deploy was given up, and so
# is the hook. Words: seconds, then the command.
# shellcheck shell=sh

our_seconds=$1
shift
trap '' HUP PIPE INT TERM
# A background job's stdin is /dev/null unless it comes from another descriptor.
exec 3<&0
(
  # The hook is the user's own program: it gets the usual signals back, a group of its own (timeout makes it), no stdin.
  trap - HUP PIPE INT TERM
  exec timeout -s KILL "$our_seconds" "$@" </dev/null 3<&-
) &
our_hook=$!
(
  # Ends when the transaction closes its side, which it does by dying too.
  cat >/dev/null
  kill -KILL "-$our_hook" 2>/dev/null || kill -KILL "$our_hook" 2>/dev/null
) <&3 &
our_watcher=$!
wait "$our_hook"
our_code=$?
kill -KILL "$our_watcher" 2>/dev/null
exit "$our_code"
