# shellcheck shell=bash
# Who cleans up: each machine has an owner process and a keeper that watches it.

# The process that a machine shall not outlive, as "PID START".
owner_process() { # [PID]
  local owner=${1:-${SHIPIT_LAB_OWNER:-$PPID}}
  [[ $owner =~ ^[0-9]+$ ]] || die "--owner is a process id, not '$owner'"
  # Called by hand as `sudo lab up`: sudo ends at once, what stands behind it does not.
  while [[ -z ${1:-} && $(cat "/proc/$owner/comm" 2>/dev/null) == sudo ]]; do
    owner=$(sed -n 's/^PPid:[[:space:]]*//p' "/proc/$owner/status")
  done
  process_of "$owner" || die "the owner, process $owner, is not there"
}

keeper_start() { # NAME
  setsid "$LAB_DIR/lab" __keep "$1" </dev/null >>"$LAB_STATE/$1/keeper.log" 2>&1 7>&- 8>&- 9>&- &
  put_fact "$1" keeper "$(process_of $!)"
  disown
}

keeper_main() { # NAME
  local name=$1 dir owner quiet fd
  # Nothing that the test run waits for may stay open here, a pipe of its output least of all.
  for fd in /proc/self/fd/*; do
    fd=${fd##*/}
    ((fd < 3 || fd == 255)) || eval "exec $fd>&-"
  done
  cd /
  dir=$(state_dir "$name")
  owner=$(fact "$name" owner)
  # Only the machine of that owner: the name may be used again at once.
  # A pipe that never says anything: waits without starting a process each time.
  exec {quiet}<> <(:)
  while alive "$owner"; do
    [[ $(fact "$name" owner) == "$owner" && -d $dir ]] || exit 0
    read -r -t 0.5 -u "$quiet" || :
  done
  [[ $(fact "$name" owner) == "$owner" ]] || exit 0
  lab_down "$name"
}

# Everything whose owner is gone, also where the keeper was killed as well, or not yet started.
lab_sweep() {
  local name dead=()
  # Under the lock, each machine that is being made has its owner written down.
  lock_lab
  for name in $(all_names); do
    alive "$(fact "$name" owner)" || dead+=("$name")
  done
  unlock_lab
  for name in "${dead[@]}"; do
    say "sweeping $name"
    # In a process of its own: one lock at a time, and one failure does not end the rest.
    "$LAB_DIR/lab" down "$name" || :
  done
}

lab_purge() {
  local name
  for name in $(all_names); do "$LAB_DIR/lab" down "$name"; done
  rm -rf --one-file-system "$LAB_CACHE"
  rm -rf "$LAB_STATE"
}

# Lists what is there of one machine, or of all; exit 1 if anything is.
lab_leftovers() { # [NAME]
  local list
  [[ -z ${1:-} ]] || check_name "$1"
  list=$(leftovers "${1:-}" | sort -u)
  [[ -n $list ]] || return 0
  printf '%s\n' "$list"
  return 1
}

command_line() { { tr '\0' ' ' <"/proc/$1/cmdline"; } 2>/dev/null || :; }

leftovers() { # [NAME]
  local name=${1:-} any='[a-z0-9-]+' pattern path pid
  pattern="shipit-lab-(${name:-$any})(/|\$)"
  # State and bulk data.
  for path in "$LAB_STATE/"${name:-*} "$LAB_CACHE/machines/"${name:-*}; do
    [[ ! -e $path ]] || echo "file $path"
  done
  # Processes by their control group; commands inside may be outside of it, but hold the mounts.
  for pid in /proc/[0-9]*; do
    pid=${pid##*/}
    # Not this call, and not the dead that only wait to be counted.
    [[ $pid != "$$" && $pid != "$BASHPID" ]] || continue
    process_of "$pid" >/dev/null || continue
    if grep -Eqs "/$pattern" "/proc/$pid/cgroup" ||
      grep -qsF " $LAB_CACHE/machines/${name:+$name/}" "/proc/$pid/mountinfo" ||
      grep -Eqs "lab __(keep|machine) ${name:-$any} " <(command_line "$pid"); then
      echo "process $pid $(command_line "$pid" | cut -c1-100)"
    fi
  done
  for path in /sys/fs/cgroup/{,*/}shipit-lab-${name:-*}; do
    [[ ! -d $path ]] || echo "cgroup $path"
  done
  losetup --noheadings --raw --output NAME,BACK-FILE 2>/dev/null |
    grep -F " $LAB_CACHE/machines/${name:+$name/}" | sed 's/^/loop /'
  ip -o link show 2>/dev/null | grep -E "^[0-9]+: lab[0-9]+[pl]?@.*${name:+alias $pattern}" | cut -d: -f2 | sed 's/^/veth/'
  grep -F " $LAB_CACHE/machines/${name:+$name/}" /proc/mounts | sed 's/^/mount /'
  return 0
}
