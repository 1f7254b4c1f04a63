# shellcheck shell=bash
# A Nix daemon on this machine for one test run, as root, with a configuration and a socket of its
# own: the machine's nix.conf and its own daemon, if there is one, are left alone. The store and
# its database are the machine's.

lab_nix_daemon() { # [--owner PID] [--caller UID]
  local owner="" name dir bulk
  while (($#)); do
    case $1 in
      --owner) owner=${2:-} && shift ;;
      --caller) CALLER_UID=${2:-} && shift ;;
      *) die "nix-daemon: unknown option '$1'" ;;
    esac
    shift
  done
  [[ $CALLER_UID =~ ^[0-9]+$ ]] || die "--caller is a user id, not '$CALLER_UID'"
  owner=$(owner_process "$owner")
  host_packages
  name=nix-${owner%% *}

  lock_lab
  if [[ -e $(state_dir "$name") ]]; then
    unlock_lab
    nixd_info "$name"
    return 0
  fi
  dir=$(state_dir "$name")
  # shellcheck disable=SC2064 # the name of now
  trap "up_failed '$name'" EXIT
  trap 'exit 1' INT TERM HUP
  install -d -m 711 "$dir"
  put_fact "$name" owner "$owner"
  put_fact "$name" role nix-daemon
  # Held until the daemon answers: a second call waits for it and then prints the same.
  keeper_start "$name"
  install -d -m 711 "$LAB_CACHE" "$LAB_CACHE/machines"
  bulk=$(bulk_dir "$name")
  # What builds leave behind when they are killed goes with the daemon.
  install -d -m 711 "$bulk"
  install -d -m 1777 "$bulk/tmp"
  # Builds run as Nix's build users where that works, else as root.
  if ! { getent group nixbld >/dev/null && nixd_start "$name" nixbld && nixd_builds "$name"; }; then
    nixd_start "$name" "" || die "nix-daemon does not start"
    nixd_builds "$name" || die "the Nix daemon does not build: $(tail -n 3 "$dir/console")"
  fi
  trap - EXIT INT TERM HUP
  unlock_lab
  nixd_info "$name"
}

nixd_start() { # NAME GROUP
  local dir group
  dir=$(state_dir "$1")
  group=$(cgroup_of "$1")
  # The first try, with build users, may still run.
  wait_for 10 cgroup_gone "$1" || die "nix-daemon does not end"
  mkdir -p "$group"
  install -d -m 755 "$dir/conf"
  cat >"$dir/conf/nix.conf" <<EOF
build-users-group = $2
sandbox = false
substituters =
experimental-features = nix-command flakes
trusted-users = root $(id -un "$CALLER_UID" 2>/dev/null || echo root)
allowed-users = *
EOF
  chmod 644 "$dir/conf/nix.conf"
  rm -f "$dir/socket"
  # With process ids of its own: when a build ends, Nix kills whatever else runs as the build user, and a machine's
  # users can have the same numbers (Debian's nixbld2 and the app are both 995).
  # shellcheck disable=SC2016 # expanded by the inner shell
  NIX_CONF_DIR=$dir/conf NIX_DAEMON_SOCKET_PATH=$dir/socket NIX_REMOTE=local TMPDIR=$(bulk_dir "$1")/tmp \
    PATH=$PATH:/nix/var/nix/profiles/default/bin \
    setsid "$BASH" -c 'echo $$ >"$1/cgroup.procs" && cd / && exec unshare --pid --fork --kill-child nix-daemon --daemon' sh "$group" \
    </dev/null >>"$dir/console" 2>&1 7>&- 8>&- 9>&- &
  put_fact "$1" supervisor "$(process_of $!)"
  disown
  wait_for 10 test -S "$dir/socket"
}

# A build of nothing, asked for as a client would.
nixd_builds() { # NAME
  local dir
  dir=$(state_dir "$1")
  # The time makes it a new derivation, which has to be built and not only looked up.
  env NIX_CONF_DIR="$dir/conf" NIX_REMOTE="unix://$dir/socket" NIX_DAEMON_SOCKET_PATH="$dir/socket" \
    PATH="$PATH:/nix/var/nix/profiles/default/bin" HOME="$(bulk_dir "$1")" \
    nix-build --no-out-link -E "derivation {
      name = \"lab-probe\"; system = builtins.currentSystem; builder = \"/bin/sh\";
      args = [ \"-c\" \"echo ${EPOCHREALTIME} > \$out\" ];
    }" >>"$dir/console" 2>&1
}

nixd_info() { # NAME
  local dir
  dir=$(state_dir "$1")
  # Both ways to name the socket: some programs know only one of them.
  cat <<EOF
NIX_REMOTE=unix://$dir/socket
NIX_DAEMON_SOCKET_PATH=$dir/socket
NIX_CONF_DIR=$dir/conf
EOF
}
