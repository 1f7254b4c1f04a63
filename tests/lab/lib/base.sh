# shellcheck shell=bash
# The cached bases. Each is built once as a layer; a machine is a writable overlay on a pile of them.
#
#   debian13    debootstrap and guest/debian13.sh: sshd, systemd, the users, the unit
#   nix         Debian's own Nix, on top of debian13
#   installer   the programs moved to where the official installer has them, on top of nix
#   laptop      git and a developer, on top of nix

BASE_PACKAGES=systemd,systemd-sysv,dbus,dbus-user-session,libpam-systemd,openssh-server,sudo,iproute2,curl,ca-certificates,zstd,procps
# Login shells of all kinds, and a clock that can be set for one process.
BASE_PACKAGES+=,fish,tcsh,zsh,libfaketime

# The recipe's own hash names the result: a changed recipe builds anew. Count this up when the way
# of building below changes what comes out.
BASE_RECIPE=1
base_stamp() {
  { echo "$BASE_RECIPE $BASE_PACKAGES $(uname -m)" && cat "$LAB_DIR"/guest/*; } | sha256sum | cut -c1-12
}
base_dir() { printf '%s/base-%s' "$LAB_CACHE" "$(base_stamp)"; }

# The layers of a kind of machine, the topmost first, as overlayfs wants them.
base_layers() { # ROLE VARIANT
  local base
  base=$(base_dir)
  case $1/$2 in
    server/debian) echo "$base/nix:$base/debian13" ;;
    server/installer) echo "$base/installer:$base/nix:$base/debian13" ;;
    server/bare) echo "$base/debian13" ;;
    laptop/*) echo "$base/laptop:$base/nix:$base/debian13" ;;
    *) die "no such kind of machine: --role $1 --variant $2" ;;
  esac
}

lab_prepare() {
  # A machine whose keeper was killed as well is found here.
  lab_sweep unkept
  host_packages
  host_check
  local base
  base=$(base_dir)
  if [[ -d $base ]]; then
    touch "$base"
    return 0
  fi
  install -d -m 711 "$LAB_CACHE"
  exec 7>"$LAB_CACHE/.lock"
  if ! flock -n 7; then
    say "another call builds the bases, waiting for it"
    flock -w 900 7 || die "the bases are still being built after 15 minutes"
  fi
  [[ -d $base ]] || base_build "$base"
  exec 7>&-
}

base_build() { # DIR
  local new=$LAB_CACHE/new started=$SECONDS
  base_drop_unused
  # Only the holder of the lock is here, so what lies there is a dead attempt.
  rm -rf --one-file-system "$new"
  install -d -m 700 "$new"
  # A mount namespace of its own: whatever happens, no mount stays.
  # shellcheck disable=SC2016 # expanded by the inner shell
  if ! unshare --mount --propagation slave "$BASH" -c '
    set -euo pipefail
    LAB_DIR=$1
    for part in common base; do . "$LAB_DIR/lib/$part.sh"; done
    base_build_all "$2"' lab "$LAB_DIR" "$new" 7>&-; then
    tail -n 25 "$new/log" >&2
    rm -rf --one-file-system "$new"
    die "the bases could not be built"
  fi
  rm -rf --one-file-system "$new"/{scratch,root,apt,log}
  mv -T "$new" "$1"
  say "bases ready in $((SECONDS - started)) s, $(du -sh "$1" | cut -f1) in $1"
}

base_build_all() { # DIR, in a mount namespace of its own
  local new=$1
  say "building the bases: Debian 13 (1 of 4)"
  debootstrap --variant=minbase --include="$BASE_PACKAGES" trixie "$new/debian13" >"$new/log" 2>&1
  mkdir -p "$new/apt/lists" "$new/apt/archives" "$new/root"
  # The package lists serve the layers but stay out of them.
  cp -a "$new/debian13/var/lib/apt/lists/." "$new/apt/lists/"
  rm -rf "$new"/debian13/var/lib/apt/lists/* "$new"/debian13/var/cache/apt/*
  base_run_in "$new/debian13" debian13.sh "$new"
  say "building the bases: Nix (2 of 4)"
  base_layer "$new" nix debian13
  say "building the bases: the official installer's layout (3 of 4)"
  base_layer "$new" installer nix:debian13
  say "building the bases: the laptop (4 of 4)"
  base_layer "$new" laptop nix:debian13
}

base_layer() { # DIR NAME LOWER[:LOWER…]
  local new=$1 lower
  lower=$new/${3//:/:$new/}
  mkdir -p "$new/$2" "$new/scratch/$2"
  mount -t overlay overlay -o "lowerdir=$lower,upperdir=$new/$2,workdir=$new/scratch/$2" "$new/root"
  base_run_in "$new/root" "$2.sh" "$new"
  umount "$new/root"
}

# Runs one of guest/*.sh as root of that tree.
base_run_in() { # ROOT SCRIPT DIR
  local root=$1 script=$2 new=$3
  mount -t proc proc "$root/proc"
  mkdir -p "$root/var/lib/apt/lists" "$root/var/cache/apt/archives"
  mount --bind "$new/apt/lists" "$root/var/lib/apt/lists"
  mount --bind "$new/apt/archives" "$root/var/cache/apt"
  cp /etc/resolv.conf "$root/etc/resolv.conf"
  env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin HOME=/root LANG=C.UTF-8 \
    DEBIAN_FRONTEND=noninteractive ${http_proxy:+http_proxy="$http_proxy"} \
    chroot "$root" bash -euxo pipefail -c "$(cat "$LAB_DIR/guest/$script")" </dev/null >>"$new/log" 2>&1
  rm -f "$root/etc/resolv.conf"
  umount "$root/var/cache/apt" "$root/var/lib/apt/lists" "$root/proc"
}

# Bases of other recipes that were not used for a day, unless a running machine stands on one of them: two branches may
# have recipes of their own.
base_drop_unused() {
  local dir name used=" "
  for name in $(all_names); do used+="$(fact "$name" base) "; done
  for dir in "$LAB_CACHE"/base-*/; do
    [[ -n $(find "$dir" -maxdepth 0 -mmin +1440) && $used != *" ${dir%/} "* ]] || continue
    rm -rf --one-file-system "${dir%/}"
  done
}
