# `logs`: the unit's lines as journald has them, a JSON object a line, straight from journalctl. Lines of `say` stand before
# and behind them:  elsewhere TEXT · lines · failed CODE TEXT · end
# Following, it ends with its client: that says a line every few seconds, and end of file or silence end it.
# shellcheck shell=sh
# shellcheck disable=SC2086,SC2154 # sent as one text with common.sh and log_scope.sh: words and functions go both ways

spans='' count='' since='' follow='' what=lines
for word in "$@"; do
  value=${word#*=}
  case $word in
    control=*) control=$value ;;
    unit=*) unit=$value ;;
    what=*) what=$value ;;                        # starts: when the unit was started, in place of its lines
    count=*) count=$value ;;                      # the last so many; empty: all
    since=*) since=$value ;;
    span=*) spans="$spans $value" ;;              # FROM,TO in seconds since 1970: only what is between, oldest first
    follow=*) follow=$value ;;
    silence=*) silence=$value ;;                  # seconds without a word of the client
  esac
done

find_log
set -- -q --no-pager --all -o json --output-fields=MESSAGE,PRIORITY,SYSLOG_IDENTIFIER,_COMM,_PID,_SYSTEMD_INVOCATION_ID,INVOCATION_ID,USER_INVOCATION_ID
# systemd's own lines stay in the common journal.
if [ -n "$namespace" ]; then set -- "$@" "--namespace=+$namespace"; fi
if [ "$control" = user ]; then set -- "$@" --user "--user-unit=$unit"; else set -- "$@" "--unit=$unit"; fi
if [ -n "$count" ]; then set -- "$@" "--lines=$count"; fi
if [ -n "$since" ]; then set -- "$@" "--since=$since"; fi

# Its lines go to the client as they are, and its complaint comes as a word.
read_now() {
  { complaint=$(timeout -s KILL 3600 journalctl "$@" 2>&1 >&3 3>&-); } 3>&1
  code=$?
  [ "$code" = 0 ] || say "failed $code $(plain "$complaint")"
}

case $what in
  starts)
    say lines
    read_now "$@" MESSAGE_ID=39f53479d3a045ac8e11786248231fbf MESSAGE_ID=7d4958e842da4a758f6c1cdc7b36dcc5 ;;
  *)
    tell_elsewhere
    say lines
    if [ -n "$follow" ]; then
      journalctl "$@" --follow </dev/null 2>/dev/null &
      journal=$!
      while kill -0 "$journal" 2>/dev/null; do
        timeout -s KILL "$silence" sh -c 'IFS= read -r line' || break
      done
      kill -KILL "$journal" 2>/dev/null
      wait "$journal" 2>/dev/null
      code=$?
      # What it was saying may have been cut off.
      printf '\n'
      say "failed $code journalctl ended"
    elif [ -n "$spans" ]; then
      for span in $spans; do
        until=${span#*,}
        if [ -n "$until" ]; then
          read_now "$@" "--since=@${span%,*}" "--until=@$until"
        else
          read_now "$@" "--since=@${span%,*}"
        fi
      done
    else
      read_now "$@"
    fi ;;
esac
say end
