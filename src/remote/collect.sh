# `prune --gc`: Nix's own garbage collection, without the lock: nobody has to wait for it. Words: the folder of Nix's
# programs, and seconds.
# It says:  still · deleted COUNT · freed TEXT · failed CODE TEXT · end
# shellcheck shell=sh

nix=$1
seconds=$2
main=$$
(
  while sleep 5 >/dev/null 2>&1 && kill -0 "$main" 2>/dev/null; do say still; done
) </dev/null &
pulse=$!
{
  timeout -s KILL "$seconds" "$nix/nix-store" --gc </dev/null 2>&1
  printf 'code=%s\n' $?
} | {
  count=0
  told=$(uptime_seconds)
  last=
  while IFS= read -r line; do
    case $line in
      "deleting '"*)
        count=$((count + 1))
        # The time is read without a process, each second some hundred times.
        read -r up _ </proc/uptime
        if [ "$((${up%%.*} - told))" -ge 2 ]; then
          told=${up%%.*}
          say "deleted $count"
        fi ;;
      *' store paths deleted, '*' freed'*) say "freed $(plain "$line")" ;;
      code=0) ;;
      code=*) say "failed ${line#code=} $(plain "$last")" ;;
      *) last=$line ;;
    esac
  done
}
kill -KILL "$pulse" 2>/dev/null
say end
