# `hold` and `unhold`: a person's "no deploys now", and its end. The lock is not taken: a hold must be possible while a
# deploy hangs, and the file counts for whoever comes to its switch after it. Each line of the journal is one write.
# It says:  before HOLDS · changed · unwritten · now HOLDS · running NOTE · switched · refused TEXT · end
# shellcheck shell=sh
# shellcheck disable=SC2015,SC2154 # `refuse` exits; sent as one text with common.sh, settle.sh and put_hold.sh: words and functions come from there

for word in "$@"; do
  value=${word#*=}
  case $word in
    root=*) root=$value ;;
    verb=*) verb=$value ;;
    who=*) who=$value ;;        # the field of who asks, as the file has it
    fields=*) fields=$value ;;  # all fields
    reason=*) reason=$value ;;  # yes: one was given
  esac
done

refuse() {
  say "refused $(plain "$1")"
  say end
  exit 0
}

if [ "$verb" = unhold ] && [ ! -d "$root/.shipit" ]; then
  say end
  exit 0
fi
# The lines of the journal are for people: without one, a hold holds all the same.
tell_journal() {
  if [ -L .shipit/journal.jsonl ] || { [ -e .shipit/journal.jsonl ] && [ ! -f .shipit/journal.jsonl ]; }; then
    say unwritten
  else
    journal_line 0 "$verb" "$fields" '' || say unwritten
  fi
}

mkdir -p "$root/.shipit" 2>/dev/null && cd "$root" && chmod 700 .shipit 2>/dev/null || refuse "can't write in $root/.shipit"
# Through a link it would be written somewhere else.
if [ -L .shipit ]; then refuse "$root/.shipit is a link"; fi
held=
if before=$(hold_said .shipit/hold); then
  held=yes
  say "before $before"
fi
case $verb in
  hold)
    if [ -z "$held" ] || [ "$reason" = yes ]; then
      if [ -d .shipit/hold ]; then refuse "$root/.shipit/hold is a folder"; fi
      put_hold "$who" "$fields" 2>/dev/null || refuse "can't write $root/.shipit/hold: its disk is $(used k) full, its inodes $(used i)"
      say changed
      tell_journal
    fi
    if [ -f .shipit/lock ] && [ -w .shipit/lock ] && ! flock -n .shipit/lock true; then
      say "running $(head -c 2000 .shipit/holder 2>/dev/null | head -n 1)"
      # It looked for holds just before it wrote this.
      if [ -e .shipit/pending ]; then say switched; fi
    fi ;;
  unhold)
    if [ -n "$held" ]; then
      rm -rf .shipit/hold 2>/dev/null && sync .shipit || refuse "can't remove $root/.shipit/hold"
      say changed
      tell_journal
    fi ;;
esac
if now=$(hold_said .shipit/hold); then say "now $now"; fi
say end
