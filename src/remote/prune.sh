# `prune`: removes old releases now, with the lock. Which ones was decided by its client from what it saw; a server that has
# changed since is looked at again.
# It says:  waiting NOTE · still · busy NOTE · moved · pruned NAMES · prune-failed NAME · refused KIND TEXT · end
# shellcheck shell=sh
# shellcheck disable=SC2034,SC2154 # sent as one text with common.sh, settle.sh, lock.sh and remove.sh: words and functions go both ways

prune='' p_old=''
for word in "$@"; do
  value=${word#*=}
  case $word in
    root=*) root=$value ;;
    unit=*) unit=$value ;;
    control=*) control=$value ;;
    patience=*) patience=$value ;;
    start_limit=*) start_limit=$value ;;
    wait=*) wait=$value ;;
    holder=*) holder=$value ;;
    seen_current=*) seen_current=$value ;;
    seen_journal=*) seen_journal=$value ;;
    prune=*) prune="$prune $value" ;;
  esac
done

take_lock
# Settling what a dead deploy left, or removing large releases, may take longer than a client waits for a word.
main=$$
(
  exec 9>&-
  beats=0
  while sleep 5 >/dev/null 2>&1 && kill -0 "$main" 2>/dev/null && [ "$beats" -lt 240 ]; do
    say still
    beats=$((beats + 1))
  done
) </dev/null &
pulse=$!
settle_leftovers
if [ -e .shipit/pending ]; then
  say 'refused not-ready the machine is going down'
elif [ "$(look_at_current current)" != "$seen_current" ] || [ "$(stat -c %s .shipit/journal.jsonl 2>/dev/null || printf 0)" != "$seen_journal" ]; then
  say moved
else
  prune_releases
  rm -rf .shipit/incoming
fi
kill -KILL "$pulse" 2>/dev/null
say end
