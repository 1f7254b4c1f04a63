# How did the deploy with this token end? Taking the lock is the proof that nobody works on it any more, and what
# a dead half left is settled first: asking is recovering.
# shellcheck shell=sh
# shellcheck disable=SC2034,SC2154 # sent as one text with common.sh and settle.sh: words and p_* go both ways

for word in "$@"; do
  value=${word#*=}
  case $word in
    root=*) root=$value ;;
    unit=*) unit=$value ;;
    control=*) control=$value ;;
    patience=*) patience=$value ;;
    start_limit=*) start_limit=$value ;;
    token=*) token=$value ;;
    wait=*) wait=$value ;;
  esac
done

if ! cd "$root" 2>/dev/null; then
  if [ -e "$root" ]; then say "outcome unknown"; else say "outcome nothing"; fi
  say end
  exit 0
fi
[ -d .shipit ] || { say "outcome nothing"; say end; exit 0; }
command exec 9>>.shipit/lock || { say "outcome unknown"; say end; exit 0; }
if ! flock -w "$wait" 9; then
  say "outcome busy"
  say end
  exit 0
fi
settle_leftovers
if [ -e .shipit/pending ]; then
  # The machine is going down: whoever comes after the boot settles it.
  say "outcome unknown"
elif [ -e .shipit/journal.jsonl ] && [ ! -r .shipit/journal.jsonl ]; then
  say "outcome unknown"
else
  tail -n 200 .shipit/journal.jsonl 2>/dev/null | journal_lines | while IFS= read -r line; do
    case $line in *"\"token\":\"$token\""*) printf '@ journal %s\n' "$line" ;; esac
  done
  say "outcome told"
fi
say end
