# shellcheck shell=bash
# What must be installed on the machine that runs the tests.

# command:package, or file:package
HOST_NEEDS=(
  debootstrap:debootstrap
  /usr/share/keyrings/debian-archive-keyring.gpg:debian-archive-keyring # Ubuntu has its own alone
  systemd-nspawn:systemd-container
  nix-daemon:nix-bin
  ip:iproute2
  ssh:openssh-client
  git:git
  zstd:zstd
  python3:python3-minimal
  busybox:busybox-static
  mkfs.ext4:e2fsprogs
  losetup:mount
  pgrep:procps
  nsenter:util-linux
)

host_packages() {
  local need missing=() log
  # The official installer's Nix is as good as Debian's.
  PATH=$PATH:/nix/var/nix/profiles/default/bin
  for need in "${HOST_NEEDS[@]}"; do
    command -v "${need%%:*}" >/dev/null || [[ -e ${need%%:*} ]] || missing+=("${need#*:}")
  done
  ((${#missing[@]})) || return 0
  command -v apt-get >/dev/null ||
    die "missing: ${missing[*]} (only on Debian and its relatives can they be installed from here)"
  say "installing ${missing[*]}"
  log=$(mktemp)
  export DEBIAN_FRONTEND=noninteractive
  # The lists may be missing or old: fetch them only when it does not work without.
  if ! apt-get install -y --no-install-recommends "${missing[@]}" >"$log" 2>&1; then
    if ! { apt-get update && apt-get install -y --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
      tail -n 20 "$log" >&2
      rm -f "$log"
      die "apt-get could not install ${missing[*]}"
    fi
  fi
  rm -f "$log"
}

host_check() {
  [[ -n $(cgroup_root) ]] || die "no cgroup2 file system is mounted"
  grep -qw overlay /proc/filesystems || modprobe overlay 2>/dev/null ||
    die "the kernel has no overlay file system"
}
