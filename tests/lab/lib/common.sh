# shellcheck shell=bash
# What every part uses: messages, the state of a machine, processes that can't be mistaken, locks.

LAB_STATE=/run/shipit-lab
LAB_CACHE=${SHIPIT_LAB_CACHE:-/var/cache/shipit-lab}
# Who may read the keys: the person behind sudo.
# shellcheck disable=SC2034 # used by the other parts
CALLER_UID=${SUDO_UID:-0}
# shellcheck disable=SC2034
CALLER_GID=${SUDO_GID:-0}

say() { printf 'lab: %s\n' "$*" >&2; }
die() {
  say "$*"
  exit 1
}

# ---- state: one small file per fact, in a directory per machine ----

state_dir() { printf '%s/%s' "$LAB_STATE" "$1"; }
# Bulk data lies in the cache and not in /run, which is memory on most machines.
bulk_dir() { printf '%s/machines/%s' "$LAB_CACHE" "$1"; }

put_fact() { printf '%s\n' "$3" >"$LAB_STATE/$1/$2"; }
fact() {
  local value=""
  [[ ! -e $LAB_STATE/$1/$2 ]] || read -r value <"$LAB_STATE/$1/$2" || :
  printf '%s' "$value"
}

check_name() {
  [[ ${1:-} =~ ^[a-z0-9][a-z0-9-]{0,39}$ ]] ||
    die "a name is 1 to 40 of a-z, 0-9 and -, not '${1:-}'"
}
check_exists() {
  check_name "${1:-}"
  [[ -d $(state_dir "$1") ]] || die "there is no machine '$1' (lab list)"
}

all_names() {
  local dir
  for dir in "$LAB_STATE"/*/; do
    [[ ! -d $dir ]] || basename -- "$dir"
  done
}

# ---- processes: a number and a start time, so that a reused number is no mistake ----

# Prints "PID START" of a living process. A zombie is dead: nobody waits for it in time.
process_of() {
  local stat rest
  { read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 1
  read -ra rest <<<"${stat##*) }"
  [[ ${rest[0]} != [ZX] ]] || return 1
  printf '%s %s' "$1" "${rest[19]}"
}
alive() { # "PID START"
  local now
  [[ -n ${1:-} ]] || return 1
  now=$(process_of "${1%% *}") && [[ $now == "$1" ]]
}

# Waits for a command to succeed: [PACE=SECONDS] wait_for SECONDS COMMAND…
wait_for() {
  local end=$((${EPOCHREALTIME/./} + $1 * 1000000))
  shift
  until "$@"; do
    ((${EPOCHREALTIME/./} < end)) || return 1
    sleep "${PACE:-0.02}"
  done
}

# ---- locks ----

# Descriptor 8: choosing names and addresses. Descriptor 9: one machine.
# What is started to stay must be started with both closed.
lock_lab() {
  install -d -m 711 "$LAB_STATE"
  exec 8>"$LAB_STATE/.lock"
  flock -w 60 8 || die "another lab call holds $LAB_STATE/.lock"
}
unlock_lab() { exec 8>&-; }

lock_machine() {
  local dir
  dir=$(state_dir "$1")
  { exec 9<"$dir"; } 2>/dev/null || return 1
  flock -w 60 9 || die "another lab call works on '$1'"
  # While this one waited, the machine may have gone, or may have been made anew.
  [[ /proc/self/fd/9 -ef $dir ]] || return 1
}

# ---- control groups: what contains all processes of a machine ----

# The version 2 hierarchy, which beside version 1 lies in a folder of its own.
cgroup_root() { awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts; }
cgroup_of() { printf '%s/shipit-lab-%s' "$(cgroup_root)" "$1"; }

# One attempt to end everything in it and to remove it; succeeds when it is gone. A process that
# was just being started joins a group that is gone in vain, and ends by itself.
cgroup_gone() { # NAME
  local group pid twin left=""
  group=$(cgroup_of "$1")
  if [[ -e $group/cgroup.kill ]]; then
    echo 1 >"$group/cgroup.kill"
  elif [[ -d $group ]]; then # Linux before 5.14
    find "$group" -name cgroup.procs -exec cat {} + | while read -r pid; do
      kill -KILL "$pid" 2>/dev/null || :
    done
  fi
  # systemd-nspawn makes a group of the same name in the version 1 hierarchy of systemd, too.
  for twin in "$group" /sys/fs/cgroup/*/"shipit-lab-$1"; do
    [[ ! -d $twin ]] || find "$twin" -depth -type d -exec rmdir {} + 2>/dev/null || left=yes
  done
  [[ -z $left ]]
}
