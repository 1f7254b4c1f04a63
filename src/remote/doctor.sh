# What `doctor` asks a server beyond the look of state.sh. It changes nothing, but that it takes the path away again with
# which the client has tried an import.
#
# It answers with lines of `say`:
#   time SECONDS · memory TOTAL AVAILABLE SWAP · nix VERSION · systemd VERSION · enabled STATE · absent FILE · hidden FILE · answer TEXT ·
#   arrived yes|no · stays REASON · end
# shellcheck shell=sh
# shellcheck disable=SC2034,SC2154 # words and functions come from the parts sent with it

probe='' health_url='' asker='' absent=''
say "time $(date +%s)"
for word in "$@"; do
  value=${word#*=}
  case $word in
    unit=*) unit=$value ;;
    control=*) control=$value ;;
    nix=*) nix=$value ;;
    probe=*) probe=$value ;;                      # the path that was sent; empty: none was
    file=*) absent="$absent$value$newline" ;;     # an EnvironmentFile that has to be there
    health_url=*) health_url=$value ;;
    health_host=*) health_host=$value ;;
    health_name=*) health_name=$value ;;
    health_port=*) health_port=$value ;;
    health_path=*) health_path=$value ;;
    asker=*) asker=$value ;;
  esac
done

# The daemon's half of the copy may hold the path for a moment longer. A path of a few bytes that can't be deleted goes
# with the next garbage collection, because nothing refers to it.
take_back() {
  if timeout -s KILL 60 "$nix/nix-store" --check-validity "$probe" >/dev/null 2>&1; then say "arrived yes"; else say "arrived no"; fi
  for _ in 1 2 3 4 5; do
    if said=$(timeout -s KILL 60 "$nix/nix-store" --delete "$probe" 2>&1); then return; fi
    sleep 0.3
  done
  say "stays $(plain "${said##*error: }")"
}
if [ -n "$probe" ]; then take_back & fi

total='' available='' swap=''
while read -r name size _; do
  case $name in
    MemTotal:) total=$size ;;
    MemAvailable:) available=$size ;;
    SwapFree:) swap=$size ;;
  esac
done 2>/dev/null </proc/meminfo
if [ -n "$available" ]; then say "memory ${total:-0} $available ${swap:-0}"; fi

if [ -n "$nix" ]; then
  version=$("$nix/nix-store" --version 2>/dev/null)
  say "nix ${version##* }"
fi
version=$(systemctl --version 2>/dev/null | head -n 1)
version=${version#systemd }
say "systemd ${version%% *}"
enabled=$(show_unit -p UnitFileState)
say "enabled ${enabled#UnitFileState=}"

# systemd refuses to start a unit without them. A pattern stands for all files that it fits, at least one; a name may
# have blanks, so it is not split.
printf %s "$absent" | while IFS= read -r pattern; do
  IFS=
  # shellcheck disable=SC2086
  set -- $pattern
  if [ -e "$1" ]; then continue; fi
  folder=$(dirname "$1")
  while [ ! -e "$folder" ] && [ -x "$(dirname "$folder")" ]; do folder=$(dirname "$folder"); done
  # What lies in a folder that is closed to this login can't be seen from here.
  if [ -x "$folder" ]; then say "absent $pattern"; else say "hidden $pattern"; fi
done

if [ -n "$health_url" ] && [ -n "$asker" ]; then say "answer $(plain "$(ask 2>&1)")"; fi
wait
say end
