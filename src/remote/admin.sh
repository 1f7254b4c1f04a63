# The way to root. stdin: the password of sudo, or an empty line; then what `start` reads: the script to run as root, and
# its words. So nothing of it stands in a process list or in sudo's log, and the password is no word of any command.
# It says:  sudo absent · sudo password · sudo wrong · sudo refused TEXT · end;  else what the script says.
# shellcheck shell=sh

IFS= read -r password || password=
# shellcheck disable=SC2016 # for the shell of root
start='while IFS= read -r line; do case $line in shipit:*) break ;; esac; done
eval "$(printf %s "${line#shipit:}" | base64 -d)"'

if [ "$(id -u)" = 0 ]; then
  exec sh -c "$start" shipit
elif ! command -v sudo >/dev/null 2>&1; then
  say "sudo absent"
elif said=$(sudo -n true 2>&1 </dev/null); then
  exec sudo -n -- sh -c "$start" shipit
elif [ -z "$password" ]; then
  case $said in
    *'password is required'* | *'authentication is required'*) say "sudo password" ;;
    *) say "sudo refused $(plain "$said")" ;;
  esac
elif said=$(printf '%s\n' "$password" | timeout -s KILL 30 sudo -k -S -p '' true 2>&1); then
  # -k: it is asked for, however sudo remembers; or the next line would be taken for it.
  { printf '%s\n' "$password" && exec cat; } | sudo -k -S -p '' -- sh -c "$start" shipit
  exit 0
else
  # The first try alone counts: no further line is there to be read.
  case $said in
    *'incorrect password'* | *'Sorry, try again'*) say "sudo wrong" ;;
    # Behind the lecture that the first use of sudo gives.
    *) say "sudo refused $(plain "$(printf %s "$said" | tail -n 2)")" ;;
  esac
fi
say end
