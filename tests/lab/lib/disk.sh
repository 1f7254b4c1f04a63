# shellcheck shell=bash
# Disks: filling them, and what they hold when the power goes.

# The machine's writable part, inside its own mount namespace: on this machine's file system, or
# with --disk on an ext4 image.
disk_mount() { # NAME
  local bulk layers options=""
  bulk=$(bulk_dir "$1")
  layers=$(fact "$1" layers)
  local store=$bulk
  if [[ -n $(fact "$1" disk) ]]; then
    store=$bulk/disk
    mkdir -p "$store"
    mount -o loop "$bulk/disk.img" "$store"
  else
    # A sync inside would otherwise sync all of this machine, behind the compiler's gigabytes.
    # Nothing is lost by it: only with an image can the power be cut.
    options=,volatile
  fi
  mkdir -p "$store/upper" "$store/scratch" "$bulk/root"
  # Left behind by the boot before, and refused by the next one otherwise.
  rm -rf "$store"/scratch/*/incompat
  mount -t overlay overlay -o "lowerdir=$layers,upperdir=$store/upper,workdir=$store/scratch$options" "$bulk/root"
  [[ -n $(fact "$1" nix_disk) ]] || return 0
  # /nix on an image of its own: that one can be full while the other is not.
  mkdir -p "$bulk/nix"
  mount -o loop "$bulk/nix.img" "$bulk/nix"
  mkdir -p "$bulk/nix/upper" "$bulk/nix/scratch"
  rm -rf "$bulk"/nix/scratch/*/incompat
  mount -t overlay overlay -o "lowerdir=$bulk/root/nix,upperdir=$bulk/nix/upper,workdir=$bulk/nix/scratch" "$bulk/root/nix"
}

disk_make() { # NAME SIZE [FILE]
  local image
  image=$(bulk_dir "$1")/${3:-disk.img}
  truncate -s "$2" "$image"
  # Without root's reserve: what df says is there is what the deploy user has.
  mkfs.ext4 -q -m 0 -E lazy_itable_init=1,lazy_journal_init=1 "$image"
}

disk_copy() { # FROM TO
  cp --sparse=always --reflink=auto -- "$1" "$2"
}

disk_detached() { # NAME
  local image
  for image in disk.img nix.img; do
    [[ -z $(losetup --noheadings --output NAME --associated "$(bulk_dir "$1")/$image" 2>/dev/null) ]] || return 1
  done
}

# What the disk had at this moment: written blocks only, nothing that a sync would add. The
# processes stand still meanwhile; the kernel may write on its own, then it is copied once more.
lab_snapshot() { # NAME FILE
  check_exists "${1:-}"
  [[ -n ${2:-} ]] || die "snapshot NAME FILE"
  [[ -n $(fact "$1" disk) ]] || die "only a machine with --disk has an image to copy"
  [[ -z $(fact "$1" nix_disk) ]] || die "a machine with --nix-disk has two images, which can't be copied at one moment"
  running_leader "$1" >/dev/null || die "'$1' is not running"
  local image device group try before agreed=""
  image=$(bulk_dir "$1")/disk.img
  device=$(losetup --noheadings --output NAME --associated "$image" | head -n 1)
  group=$(cgroup_of "$1")
  # shellcheck disable=SC2064 # the group of now
  trap "echo 0 >'$group/cgroup.freeze'" EXIT
  echo 1 >"$group/cgroup.freeze"
  wait_for 2 grep -q 'frozen 1' "$group/cgroup.events" || say "'$1' did not stand still"
  for ((try = 0; try < 20; try++)); do
    before=$(disk_writes "$device")
    disk_copy "$image" "$2"
    if [[ $before == *" 0" && $before == "$(disk_writes "$device")" ]]; then
      agreed=yes
      break
    fi
  done
  trap - EXIT
  echo 0 >"$group/cgroup.freeze"
  [[ -n $agreed ]] || die "the disk changed during each of $try copies"
  chown "$CALLER_UID:$CALLER_GID" "$2"
}

# "WRITES UNDER_WAY" of a block device.
disk_writes() { # DEVICE
  local stat
  read -ra stat <"/sys/block/${1##*/}/stat"
  printf '%s %s' "${stat[4]}" "${stat[8]}"
}

# ---- full disks ----

lab_fill() { # NAME PATH [KEEP_BYTES]
  check_exists "${1:-}"
  [[ ${2:-} == /* && ${3:-0} =~ ^[0-9]+$ ]] || die "fill NAME /PATH [KEEP_BYTES]"
  [[ -n $(fact "$1" disk) ]] || die "only a machine with --disk can be filled: the others use this one's disk"
  # fallocate takes the blocks without writing them; the rest is written, in smaller and
  # smaller pieces, since the file system needs some blocks for itself on the way.
  # shellcheck disable=SC2016 # expanded inside
  machine_run "$1" root sh -c '
    file=$1/.shipit-lab-fill keep=$2
    free() { set -- $(stat -f -c "%a %S" "$file"); echo $(($1 * $2 - keep)); }
    : >"$file" || exit 1
    chmod 600 "$file"
    rest=$(free)
    [ "$rest" -le 0 ] || fallocate -l "$rest" "$file" 2>/dev/null || fallocate -l $((rest * 9 / 10)) "$file"
    for piece in 1048576 65536 4096; do
      while [ "$(free)" -ge $piece ] && dd if=/dev/zero bs=$piece count=1 2>/dev/null >>"$file"; do :; done
    done
    [ "$keep" -gt 0 ] || cat /dev/zero 2>/dev/null >>"$file"
    sync "$file"
    exit 0' sh "$2" "${3:-0}"
  printf '%s\n' "$2" >>"$LAB_STATE/$1/fills"
}

lab_free() { # NAME
  check_exists "${1:-}"
  local path
  [[ -e $LAB_STATE/$1/fills ]] || return 0
  while read -r path; do
    machine_run "$1" root rm -f "$path/.shipit-lab-fill"
  done <"$LAB_STATE/$1/fills"
  rm -f "$LAB_STATE/$1/fills"
}
