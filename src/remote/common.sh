# What every script of the remote half begins with. POSIX sh, coreutils, systemd, flock: nothing else.
# No `set -e` anywhere: a report that nobody reads any more must not end the work.
# shellcheck shell=sh

# A login's startup files may have exported other habits of a shell.
set +eux
umask 022
# UTC, because systemd's times are only unambiguous there.
LC_ALL=C TZ=UTC
export LC_ALL TZ
# TERM and HUP come when a session is closed, PIPE when nobody listens: none of them may stop a half-done switch.
# Ignored signals stay ignored in children, so every `timeout` here uses -s KILL.
trap '' HUP PIPE INT TERM

# Each line for the client begins with "@ ": a login shell's banner does not.
say() {
  printf '@ %s\n' "$*" 2>/dev/null || :
}

# A text that somebody else wrote, made one short line that also fits between the quotes of a JSON string.
plain() {
  # Most are as they should be, and need no other program.
  case $1 in
    *[!A-Za-z0-9' ._,:;/=()+-']* | *'  '*) ;;
    *)
      if [ "${#1}" -le 300 ]; then
        printf %s "$1"
        return
      fi ;;
  esac
  # A range, because busybox knows no [:print:].
  # shellcheck disable=SC1003 # a backslash is meant
  printf %s "$1" | tr '"\\' "'/" | tr -sc ' -~' ' ' | tr -s ' ' | head -c 300
}

newline='
'

# A link's text as it is shown and compared: no byte of it is another line, or a code for a terminal.
link_text() {
  readlink -n "$1" 2>/dev/null | tr -c 'A-Za-z0-9 ._/+@=,:~-' '?'
}

# What lies at `current`, in the words that the client sends back. A text of two lines could not be noted in `pending`.
look_at_current() {
  if [ -L "$1" ]; then
    case $(readlink -n "$1" && printf x) in
      *"$newline"*) printf strange ;;
      *) printf 'link %s' "$(link_text "$1")" ;;
    esac
  elif [ -d "$1" ]; then
    printf directory
  elif [ -e "$1" ]; then
    printf strange
  else
    printf absent
  fi
}

# Whether a file is a decision of ours: `end.` and a word that a switch ends with.
is_end() {
  [ -f "$1" ] && [ ! -L "$1" ] && [ -r "$1" ] || return 1
  case ${1##*/end.} in kept | reverted | failed | broken | stuck | down | superseded) ;; *) return 1 ;; esac
}

# Whole lines of the journal on stdin: one that is longer than any of ours is cut, and so none.
journal_lines() {
  cut -b 1-16384
}

# The last lines on stdin, sent as one word. A line of 100 kB may not push out the ones that say why.
packed() {
  tail -n 40 | cut -b 1-400 | tail -c 8000 | base64 | tr -d '\n'
}

# What says who holds deploys, as one word. Whatever lies there holds, also what can't be read; 1: there is nothing.
hold_said() {
  [ -e "$1" ] || [ -L "$1" ] || return 1
  if [ -f "$1" ]; then packed 2>/dev/null <"$1"; fi
  return 0
}

# Seconds since boot: a clock that nobody sets.
uptime_seconds() {
  read -r up _ </proc/uptime
  printf %s "${up%%.*}"
}

# systemctl, as this server controls the unit. Exactly the words that the sudo rules allow.
# shellcheck disable=SC2154 # control and unit are words of the script
control_unit() {
  case $control in
    user) systemctl --user "$1" "$unit" ;;
    sudo) sudo -n systemctl "$1" "$unit" ;;
    *) systemctl "$1" "$unit" ;;
  esac
}

# systemctl show for reading, in the right manager.
# shellcheck disable=SC2154
show_unit() {
  if [ "$control" = user ]; then
    timeout -s KILL 10 systemctl --user show "$@" "$unit" 9>&-
  else
    timeout -s KILL 10 systemctl show "$@" "$unit" 9>&-
  fi
}

# How full the disk of the working folder is: its blocks (k) or its inodes (i), in per cent.
used() {
  df "-P$1" . 2>/dev/null | tail -n 1 | tr -s ' ' | cut -d ' ' -f 5
}
