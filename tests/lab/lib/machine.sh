# shellcheck shell=bash
# Machines: making, booting, crashing, using and removing them.

# ---- up ----

lab_up() { # NAME [OPTION…]
  local name=${1:-} variant=debian role=server disk="" nix_disk="" image="" trust=yes owner=""
  check_name "$name"
  shift
  while (($#)); do
    case $1 in
      --variant) variant=${2:-} && shift ;;
      --role) role=${2:-} && shift ;;
      --disk) disk=${2:-} && shift ;;
      --nix-disk) nix_disk=${2:-} && shift ;;
      --from-image) image=${2:-} && shift ;;
      --owner) owner=${2:-} && shift ;;
      --no-trust) trust=no ;;
      *) die "up: unknown option '$1'" ;;
    esac
    shift
  done
  [[ -z $image || -f $image ]] || die "no such image: $image"
  [[ -z $nix_disk || -n $disk ]] || die "up: --nix-disk goes with --disk"
  owner=$(owner_process "$owner")
  lab_prepare
  # Checked before anything is made; it also dies on an unknown kind.
  local layers
  layers=$(base_layers "$role" "$variant")

  lock_lab
  [[ ! -e $(state_dir "$name") ]] || die "there is a machine '$name' already"
  # From here on a failure, and a kill, leaves nothing behind.
  # shellcheck disable=SC2064 # the name of now
  trap "up_failed '$name'" EXIT
  trap 'exit 1' INT TERM HUP
  install -d -m 711 "$(state_dir "$name")"
  put_fact "$name" owner "$owner"
  put_fact "$name" role "$role"
  put_fact "$name" variant "$variant"
  put_fact "$name" layers "$layers"
  put_fact "$name" base "$(base_dir)"
  put_fact "$name" trust "$trust"
  slot_take "$name" slot
  unlock_lab
  keeper_start "$name"
  lock_machine "$name" || die "'$name' was taken down while it was made"

  install -d -m 711 "$LAB_CACHE/machines"
  install -d -m 700 "$(bulk_dir "$name")"
  if [[ -n $image ]]; then
    put_fact "$name" disk image
    disk_copy "$image" "$(bulk_dir "$name")/disk.img"
  elif [[ -n $disk ]]; then
    put_fact "$name" disk "$disk"
    disk_make "$name" "$disk"
  fi
  if [[ -n $nix_disk ]]; then
    put_fact "$name" nix_disk "$nix_disk"
    disk_make "$name" "$nix_disk" nix.img
  fi
  make_keys "$name"
  : >"$LAB_STATE/$name/furnish"
  cable_lay "$name"
  machine_start "$name"
  # A machine that was installed long ago: what it begins with survives a power loss.
  [[ -z $(fact "$name" disk) ]] || machine_run "$name" root sync -f /
  [[ -z $(fact "$name" nix_disk) ]] || machine_run "$name" root sync -f /nix
  trap - EXIT INT TERM HUP
  lab_info "$name"
}

up_failed() { # NAME
  trap - EXIT
  if [[ -s $LAB_STATE/$1/console ]]; then
    say "the console of '$1' said last:"
    tail -n 15 "$LAB_STATE/$1/console" >&2
  fi
  machine_remove "$1"
}

# A host key for the machine and a login key for the caller, who alone may read it.
make_keys() { # NAME
  local dir address
  dir=$(state_dir "$1")
  address=$(slot_net "$(fact "$1" slot)").2
  ssh-keygen -q -t ed25519 -N '' -C "$1" -f "$dir/host_key"
  ssh-keygen -q -t ed25519 -N '' -C "lab" -f "$dir/id_ed25519"
  printf '%s %s\n' "$address" "$(cut -d' ' -f1,2 "$dir/host_key.pub")" >"$dir/known_hosts"
  chown "$CALLER_UID:$CALLER_GID" "$dir/id_ed25519" "$dir/known_hosts"
}

lab_info() { # NAME
  check_exists "${1:-}"
  local dir leader
  dir=$(state_dir "$1")
  if leader=$(running_leader "$1"); then
    printf 'name=%s\nstate=running\n' "$1"
  else
    printf 'name=%s\nstate=off\n' "$1"
  fi
  cat <<EOF
address=$(slot_net "$(fact "$1" slot)").2
role=$(fact "$1" role)
variant=$(fact "$1" variant)
dir=$dir
key=$dir/id_ed25519
known_hosts=$dir/known_hosts
host_key=$(cut -d' ' -f1,2 "$dir/host_key.pub")
leader=$leader
boot_ms=$(fact "$1" boot_ms)
EOF
}

# ---- boot ----

# Starts the machine and waits until it can be used. The caller holds the machine's lock.
machine_start() { # NAME
  local name=$1 dir started leader
  dir=$(state_dir "$name")
  started=${EPOCHREALTIME/./}
  mkdir -p "$(cgroup_of "$name")"
  # A mount namespace of its own holds the overlay and the loop device: when the machine's last
  # process ends, however it ends, the kernel takes them away.
  setsid unshare --mount --propagation slave -- "$LAB_DIR/lab" __machine "$name" \
    </dev/null >>"$dir/console" 2>&1 7>&- 8>&- 9>&- &
  put_fact "$name" supervisor "$(process_of $!)"
  disown
  wait_for 20 machine_has_leader "$name" || die "'$name' did not start"
  leader=$(fact "$name" leader)
  leader=${leader%% *}
  [[ -d /proc/$leader ]] || die "'$name' ended at once"
  cable_plug "$name" "$leader"
  # Each look starts programs in there, which the boot has to wait for.
  if ! PACE=0.1 wait_for 30 machine_is_up "$name"; then
    machine_run "$name" root systemctl --no-pager --lines=5 status '*' --state=failed,activating >&2 || :
    die "'$name' did not come up within 30 s"
  fi
  put_fact "$name" boot_ms $(((${EPOCHREALTIME/./} - started) / 1000))
}

# What runs in the new mount namespace, and becomes systemd-nspawn.
machine_main() { # NAME
  local name=$1 bulk
  bulk=$(bulk_dir "$name")
  echo $$ >"$(cgroup_of "$name")/cgroup.procs"
  # nspawn leaves its own notes here when it is killed: let them go with the namespace.
  mkdir -p /run/systemd/nspawn
  mount -t tmpfs -o mode=755 tmpfs /run/systemd/nspawn
  disk_mount "$name"
  if [[ -e $LAB_STATE/$name/furnish ]]; then
    machine_furnish "$name" "$bulk/root"
    rm -f "$LAB_STATE/$name/furnish"
  fi
  export SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1
  exec systemd-nspawn --quiet --directory="$bulk/root" --machine="shipit-lab-$name" --hostname="$name" \
    --boot --register=no --keep-unit --console=pipe --private-network \
    --resolv-conf=off --timezone=off --link-journal=no
}

# What makes this machine another one than its base.
machine_furnish() { # NAME ROOT
  local name=$1 root=$2 dir home=deploy
  dir=$(state_dir "$name")
  tr -d - </proc/sys/kernel/random/uuid >"$root/etc/machine-id"
  echo "$name" >"$root/etc/hostname"
  # Without it each sudo waits for a name server that is not there.
  printf '127.0.0.1 localhost\n127.0.0.1 %s\n::1 localhost\n' "$name" >"$root/etc/hosts"
  cp "$dir"/host_key "$root/etc/ssh/ssh_host_ed25519_key"
  cp "$dir"/host_key.pub "$root/etc/ssh/ssh_host_ed25519_key.pub"
  chmod 600 "$root/etc/ssh/ssh_host_ed25519_key"
  [[ $(fact "$name" role) == server ]] || return 0
  cp "$dir/id_ed25519.pub" "$root/home/$home/.ssh/authorized_keys"
  chmod 600 "$root/home/$home/.ssh/authorized_keys"
  chown --reference="$root/home/$home" "$root/home/$home/.ssh/authorized_keys"
  if [[ -e $root/etc/nix/nix.conf && $(fact "$name" trust) == yes ]] &&
    ! grep -q '^trusted-users' "$root/etc/nix/nix.conf"; then
    echo 'trusted-users = root deploy' >>"$root/etc/nix/nix.conf"
  fi
}

# nspawn's child that is number 1 in there.
machine_has_leader() { # NAME
  local supervisor child children
  supervisor=$(fact "$1" supervisor)
  # It died: there is nothing to wait for.
  alive "$supervisor" || die "'$1' did not start"
  supervisor=${supervisor%% *}
  read -ra children <"/proc/$supervisor/task/$supervisor/children" || :
  for child in "${children[@]}"; do
    if grep -qs '^NSpid:.*[[:space:]]1$' "/proc/$child/status" && [[ $(cat "/proc/$child/comm" 2>/dev/null) == systemd ]]; then
      put_fact "$1" leader "$(process_of "$child")"
      return 0
    fi
  done
  return 1
}

running_leader() { # NAME
  local leader
  leader=$(fact "$1" leader)
  alive "$leader" && printf '%s' "${leader%% *}"
}

machine_is_up() { # NAME
  local leader banner address
  leader=$(running_leader "$1") || die "'$1' ended while it booted"
  # Up means: all of the boot is done, with what opens the logins. One unit alone is asked for, as systemctl is content
  # with any of several.
  nsenter --target "$leader" --all -- systemctl is-active --quiet multi-user.target 2>/dev/null || return 1
  [[ $(fact "$1" role) == server ]] || return 0
  address=$(slot_net "$(fact "$1" slot)").2
  # shellcheck disable=SC2016 # expanded by the inner shell
  banner=$(timeout 1 "$BASH" -c 'exec 3<>"/dev/tcp/$1/22" && read -r -n 4 -u 3 banner && echo "$banner"' sh "$address" 2>/dev/null) || return 1
  [[ $banner == SSH- ]]
}

# ---- use ----

# A command inside, with the environment of a fresh login. USER may be anyone the machine knows.
machine_run() { # NAME USER COMMAND…
  machine_command "$@"
  "${COMMAND[@]}"
}
machine_command() { # the same, into COMMAND
  local name=$1 user=$2 leader
  shift 2
  leader=$(running_leader "$name") || die "'$name' is not running"
  # shellcheck disable=SC2016 # expanded inside
  COMMAND=(nsenter --target "$leader" --all -- env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    LANG=C.UTF-8 TERM="${TERM:-dumb}" sh -c '
      user=$1
      shift
      line=root:x:0:0:root:/root:/bin/bash
      [ "$user" = root ] || line=$(getent passwd "$user") || { echo "lab: no such user: $user" >&2; exit 125; }
      IFS=: read -r _ _ _ _ _ HOME SHELL <<EOF
$line
EOF
      export USER="$user" LOGNAME="$user" HOME SHELL
      cd "$HOME" 2>/dev/null || cd /
      [ "$user" != root ] || exec "$@"
      exec setpriv --reuid "$user" --regid "$(id -g "$user")" --init-groups -- "$@"' sh "$user" "$@")
}

lab_sh() { # NAME [--user USER] -- COMMAND…
  check_exists "${1:-}"
  local name=$1 user=root
  shift
  if [[ ${1:-} == --user ]]; then
    user=${2:-}
    shift 2
  fi
  [[ ${1:-} != -- ]] || shift
  (($#)) || die "sh NAME [--user USER] -- COMMAND…"
  machine_command "$name" "$user" "$@"
  # Without this shell in between: the exit code is passed on as it is, a signal's as well.
  exec "${COMMAND[@]}"
}

lab_put() { # NAME SRC DST [OWNER]
  check_exists "${1:-}"
  local source=${2:-} target=${3:-} owner=${4:-root} mode
  [[ -e $source && $target == /* ]] || die "put NAME SRC /DST [OWNER]"
  if [[ -d $source ]]; then
    # shellcheck disable=SC2016 # expanded inside
    tar -C "$source" -c . | machine_run "$1" root sh -c \
      'mkdir -p "$1" && tar -C "$1" -x --no-same-owner && chown -R "$2:" "$1"' sh "$target" "$owner"
  else
    mode=$(stat -c %a -- "$source")
    # Beside and renamed: the old file may be a program that runs.
    # shellcheck disable=SC2016 # expanded inside
    machine_run "$1" root sh -c \
      'mkdir -p "$(dirname "$1")" && cat >"$1.put" && chmod "$3" "$1.put" && chown "$2:" "$1.put" && mv -T "$1.put" "$1"' \
      sh "$target" "$owner" "$mode" <"$source"
  fi
}

# ---- off and on ----

# Everything ends at once, and the network first: a dead machine says no goodbye.
lab_crash() { # NAME
  check_exists "${1:-}"
  lock_machine "$1" || die "'$1' has gone"
  local leader
  if leader=$(running_leader "$1"); then
    cable_tune "$1" cut
    cable_pull "$1" "$leader"
  fi
  machine_kill "$1"
}

lab_stop() { # NAME
  check_exists "${1:-}"
  lock_machine "$1" || die "'$1' has gone"
  local leader
  leader=$(running_leader "$1") || die "'$1' is not running"
  kill -s RTMIN+4 "$leader"
  wait_for 120 machine_ended "$1" || die "'$1' does not shut down"
  machine_kill "$1"
  cable_lay "$1"
}

lab_boot() { # NAME [--image FILE]
  check_exists "${1:-}"
  lock_machine "$1" || die "'$1' has gone"
  ! running_leader "$1" >/dev/null || die "'$1' is running"
  machine_kill "$1"
  if [[ ${2:-} == --image ]]; then
    [[ -n $(fact "$1" disk) ]] || die "only a machine with --disk boots from an image"
    [[ -f ${3:-} ]] || die "no such image: ${3:-}"
    disk_copy "$3" "$(bulk_dir "$1")/disk.img"
  elif [[ -n ${2:-} ]]; then
    die "boot NAME [--image FILE]"
  fi
  machine_start "$1"
}

# Its first process may outlive its control group and its supervisor by a moment.
machine_ended() { ! alive "$(fact "$1" supervisor)" && ! running_leader "$1" >/dev/null; }

# Returns when nothing of it runs and its disk is free again.
machine_kill() { # NAME
  wait_for 20 cgroup_gone "$1" || die "processes of '$1' do not end: $(cgroup_of "$1")"
  wait_for 20 machine_ended "$1" || die "'$1' does not end"
  wait_for 20 disk_detached "$1" || die "the disk of '$1' stays in use"
}

# ---- down ----

lab_down() { # NAME
  check_name "${1:-}"
  # It may just be going, by its keeper or by another call.
  lock_machine "$1" || return 0
  machine_remove "$1"
}

# Whatever there is of it goes, in any state. The caller holds the machine's lock, or made it.
machine_remove() { # NAME
  local keeper file
  keeper=$(fact "$1" keeper)
  machine_kill "$1"
  cable_remove "$1"
  for file in "$LAB_STATE"/*/"link-$1"; do rm -f "$file"; done
  rm -rf --one-file-system "$(bulk_dir "$1")"
  rm -rf "$(state_dir "$1")"
  # The keeper would notice by itself, a moment later.
  if alive "$keeper" && [[ ${keeper%% *} != "$$" ]]; then
    kill "${keeper%% *}" 2>/dev/null || :
  fi
}

lab_list() {
  local name state slot
  for name in $(all_names); do
    state=off
    ! alive "$(fact "$name" supervisor)" || state=running
    slot=$(fact "$name" slot)
    printf '%-32s %-10s %-9s %-7s %-14s owner %s\n' "$name" "$(fact "$name" role)" "$(fact "$name" variant)" \
      "$state" "${slot:+$(slot_net "$slot").2}" "$(fact "$name" owner | cut -d' ' -f1)"
  done
}
