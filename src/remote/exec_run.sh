# Runs a command in what unit_env.sh has made, with the stdin, stdout and stderr of `shipit exec`. It lives as long as its
# keeper, a process of the login (exec_keep.sh): when that is gone, so is the client, and all that the command started is
# asked to end (INT, as by Ctrl-C, then TERM) and then made to.
# Words: the keeper's process, then the command.
# shellcheck shell=sh

our_keeper=$1
shift

# Another process that got its number is no keeper.
our_keeper_lives() {
  tr '\000' ' ' <"/proc/$our_keeper/cmdline" 2>/dev/null | grep -q ' shipit '
}

if ! our_keeper_lives; then
  printf '%s\n' "shipit: process $our_keeper, which ends this with its client, is gone or can't be seen by $(id -un)" >&2
  exit 125
fi
# As exec looks for it, and said in words of ours: those of a shell would name a line of this.
our_program_is_there() {
  case $1 in
    */*) [ -e "$1" ] ;;
    *) (
      set -f
      IFS=:
      for our_place in $PATH; do
        if [ -f "${our_place:-.}/$1" ]; then exit 0; fi
      done
      exit 1
    ) ;;
  esac
}
if ! our_program_is_there "$1"; then
  case $1 in */*) our_where=$PWD ;; *) our_where="the unit's PATH ($PATH)" ;; esac
  printf '%s\n' "shipit: $1: not found in $our_where" >&2
  exit 127
fi
(
  trap '' HUP PIPE INT TERM QUIT
  while our_keeper_lives; do sleep 1; done
  # 0 is all of its group: what the command started, too. sudo and what runs as another user are not ours to end.
  kill -INT 0
  sleep 5
  kill -TERM 0
  sleep 5
  kill -KILL 0
) </dev/null >/dev/null 2>&1 &
our_watcher=$!
# What ends the command shall not end this before it has told how: a trap, because what is ignored would be so in the command, too.
trap : HUP INT TERM QUIT
# The shell's own words about a signal are none of the command's.
exec 4>&2 2>/dev/null
# In a shell of its own, so that no word of it is one of this shell.
(exec "$@") 2>&4 4>&-
our_code=$?
# Without its keeper, what the command leaves running is ended, too.
if our_keeper_lives; then kill -KILL "$our_watcher"; fi
exit "$our_code"
