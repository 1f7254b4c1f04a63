# Which of the store paths on stdin this server's store lacks.
#
# Nix does not sync what it writes, so a power loss leaves paths that are valid and empty. What is known to be on the disk
# are the closures of the releases that shipit has placed: it syncs the store before it makes their GC roots. Each other
# path is read and compared with its hash before it is said to be there, and a torn one is removed, to be sent again.
#
# Words: the folder of Nix's programs, `yes` where torn paths may be removed, then the tops of those closures.
# It answers with lines of `say`:
#   asked COUNT · still · checking COUNT · missing PATH · torn PATH · stuck REASON · failed REASON · end
# shellcheck shell=sh
# shellcheck disable=SC2046,SC2086 # store paths have neither blanks nor, with set -f, patterns

nix=$1 mend=$2
shift 2
set -f
newline='
'

# Its client takes silence for a lost contact. An hour at most: the longest of the deadlines below.
(
  beats=0
  while [ "$beats" -lt 720 ] && sleep 5 >/dev/null 2>&1 && kill -0 $$ 2>/dev/null; do
    say still
    beats=$((beats + 1))
  done
) </dev/null &
pulse=$!

finish() {
  kill -KILL "$pulse" 2>/dev/null
  say end
  exit 0
}

lines() {
  printf '%s\n' "$@"
}

# Sets `invalid` to those of the paths that Nix does not call valid.
find_invalid() {
  invalid=
  [ $# -gt 0 ] || return 0
  if ! invalid=$(timeout -s KILL 120 "$nix/nix-store" --check-validity --print-invalid "$@" 2>/dev/null); then
    said=$(timeout -s KILL 120 "$nix/nix-store" --check-validity --print-invalid "$@" 2>&1 >/dev/null)
    say "failed $(plain "${said:-no answer within 120 s}")"
    finish
  fi
}

# Sets `torn` to those of these valid paths whose content is not what Nix wrote down.
find_torn() {
  torn=
  [ $# -gt 0 ] || return 0
  # All at once first. It ends at the first that can't be read, so only one by one tells which.
  timeout -s KILL 3600 "$nix/nix-store" --verify-path "$@" >/dev/null 2>&1 && return
  for path; do
    timeout -s KILL 3600 "$nix/nix-store" --verify-path "$path" >/dev/null 2>&1
    case $? in
      0) ;;
      1) torn="$torn $path" ;;
      *)
        say "failed $path could not be compared with its hash within an hour"
        finish ;;
    esac
  done
}

# Those of the words in $1, each there once, that are not among the words in $2.
without() {
  { lines $1; lines $2 $2; } | sort | uniq -u
}

wanted=$(cat)
# A startup file of the login may have taken some.
asked=0
for path in $wanted; do asked=$((asked + 1)); done
say "asked $asked"
find_invalid $wanted "$@"
lacking=$invalid

tops=
for top; do
  case $newline$lacking$newline in *"$newline$top$newline"*) ;; *) tops="$tops $top" ;; esac
done
synced=
if [ -n "$tops" ]; then synced=$(timeout -s KILL 120 "$nix/nix-store" --query --requisites $tops 2>/dev/null); fi

torn=
doubtful=$(without "$wanted" "$lacking $synced")
if [ -n "$doubtful" ]; then
  say "checking $(lines $doubtful | wc -l)"
  find_torn $doubtful
  for path in $torn; do say "torn $path"; done
fi
if [ -n "$torn" ] && [ "$mend" = yes ]; then
  # One at a time on this server, whatever the login and the app, and looked at again: what another deploy has sent anew
  # meanwhile is not to be removed.
  if command exec 9</nix/store; then flock -w 60 9; fi
  find_invalid $torn
  find_torn $(without "$torn" "$invalid")
  if [ -n "$torn" ]; then
    # What refers to them goes as well. Nothing that a GC root holds does.
    doomed=$(timeout -s KILL 120 "$nix/nix-store" --query --referrers-closure $torn 2>/dev/null)
    said=$(timeout -s KILL 600 "$nix/nix-store" --delete ${doomed:-$torn} 2>&1) || say "stuck $(plain "${said##*error: }")"
  fi
  exec 9>&-
  find_invalid $wanted
  lacking=$invalid
fi
for path in $(without "$wanted" "$(without "$wanted" "$lacking $torn")"); do say "missing $path"; done
finish
