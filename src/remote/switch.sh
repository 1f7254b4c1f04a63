# The transaction: makes one release live, or leaves what ran before. Deploy and rollback both.
#
# Its client says, line by line on stdin:  beat · go · how INVOCATION (did it end) · keep INVOCATION · back REASON
# It answers with lines of `say`:          waiting · busy · held · moved · refused · adopted · placed · hook · ready · switched ·
#                                          unit · health · restarted · start-failed · restart-refused · ended · going-back · still · ack · done · pruned · holds · end
# End of file and silence mean `back`: a killed client, a closed lid and a cut cable end alike.
# shellcheck shell=sh
# shellcheck disable=SC2015,SC2016,SC2034,SC2086,SC2154 # `refuse` exits; words and functions come from the parts sent with it

new_assets='' health_url='' health_host='' hook_user='' prune='' hold=''
while [ $# -gt 0 ]; do
  word=$1
  value=${word#*=}
  shift
  case $word in
    --) break ;;                                  # what follows are the words of the hook
    root=*) root=$value ;;
    unit=*) unit=$value ;;
    control=*) control=$value ;;
    patience=*) patience=$value ;;
    start_limit=*) start_limit=$value ;;          # seconds of the unit's start limit
    logs=*) logs=$value ;;                        # yes: this login may read the unit's log
    token=*) token=$value ;;
    silence=*) silence=$value ;;                  # seconds without a line before it goes back
    limit=*) limit=$value ;;                      # seconds for the check, whatever the client says
    wait=*) wait=$value ;;                        # seconds for the lock
    nix=*) nix=$value ;;
    release=*) release=$value ;;
    store_path=*) store_path=$value ;;
    assets=*) new_assets=$value ;;
    place=*) place=$value ;;                      # yes: a deploy, put it there; no: a rollback, it is there
    again=*) again=$value ;;                      # yes: a restart of what is live
    known=*) known=$value ;;                      # yes: the journal names this release
    seen_current=*) seen_current=$value ;;
    seen_journal=*) seen_journal=$value ;;        # its size when the client looked
    number=*) number=$value ;;
    meta=*) meta=$value ;;                        # the journal's fields, JSON, each with a comma before it
    holder=*) holder=$value ;;
    health_url=*) health_url=$value ;;
    health_host=*) health_host=$value ;;
    health_name=*) health_name=$value ;;
    health_port=*) health_port=$value ;;
    health_path=*) health_path=$value ;;
    asker=*) asker=$value ;;
    prune=*) prune="$prune $value" ;;
    hook_user=*) hook_user=$value ;;
    hold=*) hold=$value ;;                        # the fields of the hold that comes with it
    hold_who=*) hold_who=$value ;;
  esac
done

# A line of the client, bytewise: `head -n1` would swallow the second of two lines in one packet.
# 0: `line` has it; 1: end of file; 2: silence.
next_line() {
  line=$(exec timeout -s KILL "$silence" sh -c 'IFS= read -r line && printf %s "$line"' 9>&- 8>&-)
  case $? in
    0) return 0 ;;
    124 | 137) return 2 ;;
    *) return 1 ;;
  esac
}

# Before the switch nothing is to be undone: say why and go.
refuse() {
  kill -KILL $pulse 2>/dev/null
  say "refused $1 $(plain "$2")"
  leave
}

# What could not be written below .shipit, and how full its disk is.
no_room() {
  refuse not-ready "can't write in $root/.shipit${1-}: its disk is $(used k) full, its inodes $(used i)"
}

leave() {
  unplace
  rm -rf ".shipit/incoming"
  say end
  exit 0
}

# Holds stop deploys. A rollback is the way out of what they are made for.
stop_if_held() {
  [ "$place" = yes ] || return 0
  holds=$(hold_said .shipit/hold) || return 0
  kill -KILL $pulse 2>/dev/null
  if [ -n "${hook_process-}" ]; then journal_line "$number" failed "$meta" ',"reason":"held while the hook ran"'; fi
  say "held $holds"
  leave
}

journal_size() {
  stat -c %s .shipit/journal.jsonl 2>/dev/null || printf 0
}

write_intent() {
  unit_now
  p_old=
  if [ -L current ]; then p_old=$(readlink current); fi
  p_new="releases/$release"
  before=$unit_invocation
  was=$unit_state
  rm -f .shipit/next .shipit/back
  # What is live already, stopped or to be restarted, is not moved.
  if [ "$p_new" != "$p_old" ]; then
    ln -s -- "$p_new" .shipit/next || return 1
    [ -z "$p_old" ] || ln -s -- "$p_old" .shipit/back || return 1
  fi
  {
    printf 'token=%s\nnumber=%s\nold=%s\nnew=%s\n' "$token" "$number" "$p_old" "$p_new" &&
      printf 'before=%s\nwas=%s\nagain=%s\nmeta=%s\n' "$before" "$was" "$again" "$meta"
  } >.shipit/pending.tmp || return 1
  # Durable before visible, the GC root too: without it a garbage collection would remove what is live.
  sync .shipit/pending.tmp && sync -f "$p_new" && sync_nix || return 1
  journal_line "$number" started "$meta" ",\"previous\":\"$(plain "${p_old#releases/}")\"" || return 1
  rm -f .shipit/placing
  mv -fT .shipit/pending.tmp .shipit/pending && sync .shipit
}

give_back() {
  kill -KILL $watchers 2>/dev/null
  settle "$1" "${2:-reverted}"
  say "done ${settled:-unknown} $(plain "$1${unmoved_why:+; $unmoved_why}")"
}

keep() {
  unit_now
  if [ "$unit_state" = active ] && [ "$unit_invocation" = "$1" ] && [ "$1" != "$before" ] &&
    [ "$(readlink current)" = "$p_new" ]; then
    kill -KILL $watchers 2>/dev/null
    # For whoever has to write the journal's line in our place. Without room for it the decision is the same.
    printf 'kept=%s\n' "$1" >>.shipit/pending
    read_intent .shipit/pending
    if decide kept kept '' "$1"; then
      say "done kept"
      return 0
    fi
    give_back "$root/.shipit can't be written to any more"
    return 1
  fi
  give_back "the unit was not the one that was checked when it was to be kept"
  return 1
}

transaction() {
  main_process=$(exec sh -c 'printf %s "$PPID"')
  watchers=
  # Copying assets and syncing a large closure may take longer than a client waits for a word.
  (exec 8>&- 9>&-; pulse) </dev/null &
  pulse=$!
  settle_leftovers
  if [ "$settled" = unmoved ]; then refuse not-ready "the last switch can't be undone: $unmoved_why"; fi
  if [ -e .shipit/pending ]; then refuse not-ready 'the machine is going down'; fi
  stop_if_held
  if [ -e .shipit/take ]; then end_adoption; fi
  if [ "$(look_at_current current)" != "$seen_current" ] || [ "$(journal_size)" != "$seen_journal" ]; then
    # Its client decided on something else than what is here now, so it has to look again.
    kill -KILL $pulse 2>/dev/null
    say moved
    say end
    exit 0
  fi
  mkdir -p releases .shipit/incoming || no_room
  if [ -d current ] && [ ! -L current ]; then adopt; fi
  if [ "$place" = yes ]; then
    place_release
  else
    "$nix/nix-store" --check-validity "$store_path" >/dev/null 2>&1 9>&- && [ "$(readlink "releases/$release/result")" = "$store_path" ] ||
      refuse not-ready "the closure of release $release is not complete any more"
  fi
  say "placed $number"
  if [ $# -gt 0 ]; then run_hook "$@"; fi
  say ready
  while next_line; do
    case $line in
      beat) say ack ;;
      go) break ;;
      *) refuse given-up 'the client gave up' ;;
    esac
  done
  [ "$line" = go ] || refuse given-up 'the client went away'

  stop_if_held
  # Before the switch, so that no release which was gone back to stands without it; and left when the rollback fails.
  if [ -n "$hold" ]; then
    put_hold "$hold_who" "$hold" 2>/dev/null || no_room /hold
    say hold
    journal_line 0 hold "$hold" ''
  fi

  write_intent || {
    rm -f .shipit/pending.tmp
    if [ -e .shipit/pending ]; then settle 'the intent could not be written' reverted; fi
    no_room
  }
  kill -KILL $pulse 2>/dev/null
  if [ "$p_new" != "$p_old" ] && ! mv -fT .shipit/next current; then
    give_back 'current could not be replaced' failed
    say end
    exit 0
  fi
  sync .
  restart_unit
  say "switched ${before:-none}"
  journal_line "$number" live "$meta" ''
  # In a subshell: a function's own redirection keeps a copy of the closed descriptor, and with it the lock.
  (exec 8>&- 9>&-; watch_unit) </dev/null &
  watchers=$!
  if [ -n "$health_url" ]; then
    (exec 8>&- 9>&-; watch_health) </dev/null &
    watchers="$watchers $!"
  fi
  over=$(($(uptime_seconds) + limit))
  while :; do
    next_line
    case $? in
      1) give_back 'contact with the client was lost' && break ;;
      2) give_back "the client was silent for $silence s" && break ;;
    esac
    case $line in
      beat)
        if [ "$(uptime_seconds)" -ge "$over" ]; then
          give_back "no verdict within $limit s"
          break
        fi
        say ack ;;
      'how '*) (exec 8>&- 9>&-; tell_end "${line#how }") </dev/null & ;;
      'keep '*)
        if keep "${line#keep }"; then prune_releases; fi
        # The last word on them: one that came after the switch did not stop this.
        if holds=$(hold_said .shipit/hold); then say "holds $holds"; fi
        break ;;
      'back '*)
        give_back "${line#back }"
        break ;;
    esac
  done
  rm -rf .shipit/incoming
  say end
}

take_lock

# The guardian: if its child is killed, what the child began is settled here. Both hold the lock.
(transaction "$@")
[ -e .shipit/pending ] || unplace
rm -rf .shipit/incoming
if [ -e .shipit/pending ]; then
  settle 'its server half was killed' reverted
  say "done ${settled:-unknown} its server half was killed"
  say end
fi
exit 0
