# shellcheck shell=sh
# The layout of the official installer, made out of Debian's files. Runs on top of nix.sh, as root.
# The programs lie only in the default profile, which a non-interactive ssh does not have on PATH,
# and the daemon listens to everyone.

# A real store path and a real profile: a garbage collection keeps them.
programs=$(mktemp -d)/nix-2.26.3
mkdir -p "$programs/bin" "$programs/etc/profile.d" "$programs/lib/systemd/system"
cp -a /usr/bin/nix "$programs/bin/nix"
for program in build channel collect-garbage copy-closure daemon env hash instantiate prefetch-url shell store; do
  ln -s nix "$programs/bin/nix-$program"
done
cat >"$programs/etc/profile.d/nix-daemon.sh" <<'EOF'
# Only execute this file once per shell.
if [ -n "${__ETC_PROFILE_NIX_SOURCED:-}" ]; then return; fi
__ETC_PROFILE_NIX_SOURCED=1
export NIX_PROFILES="/nix/var/nix/profiles/default $HOME/.nix-profile"
export PATH="$HOME/.nix-profile/bin:/nix/var/nix/profiles/default/bin:$PATH"
EOF
cat >"$programs/lib/systemd/system/nix-daemon.service" <<'EOF'
[Unit]
Description=Nix Daemon
RequiresMountsFor=/nix/store
RequiresMountsFor=/nix/var
ConditionPathIsReadWrite=/nix/var/nix/daemon-socket

[Service]
ExecStart=@/nix/var/nix/profiles/default/bin/nix-daemon nix-daemon --daemon
KillMode=process
LimitNOFILE=1048576
TasksMax=1048576
Delegate=yes

[Install]
WantedBy=multi-user.target
EOF
cat >"$programs/lib/systemd/system/nix-daemon.socket" <<'EOF'
[Unit]
Description=Nix Daemon Socket
Before=multi-user.target
RequiresMountsFor=/nix/store
ConditionPathIsReadWrite=/nix/var/nix/daemon-socket

[Socket]
ListenStream=/nix/var/nix/daemon-socket/socket

[Install]
WantedBy=sockets.target
EOF
path=$(nix-store --add "$programs")
nix-env --profile /nix/var/nix/profiles/default --set "$path"
rm -rf "$programs"

# Away with what Debian has of it.
systemctl disable nix-daemon.service nix-daemon.socket
rm -f /usr/bin/nix /usr/bin/nix-* /usr/lib/systemd/system/nix-daemon.* \
  /usr/lib/tmpfiles.d/nix-daemon.conf /usr/share/user-tmpfiles.d/nix-daemon.conf \
  /usr/lib/environment.d/nix-daemon.conf
gpasswd --delete deploy nix-users
groupdel nix-users
chown root:root /nix/var/nix/daemon-socket
chmod 755 /nix/var/nix/daemon-socket

units=/nix/var/nix/profiles/default/lib/systemd/system
echo 'd /nix/var/nix/daemon-socket 0755 root root - -' >/etc/tmpfiles.d/nix-daemon.conf
systemctl link "$units/nix-daemon.service" "$units/nix-daemon.socket"
systemctl enable nix-daemon.socket

# Login shells and interactive ones find Nix; `ssh server nix-store` does not.
cat >/etc/nix/nix.conf <<'EOF'
build-users-group = nixbld
substituters =
EOF
snippet='
# Nix
if [ -e /nix/var/nix/profiles/default/etc/profile.d/nix-daemon.sh ]; then
  . /nix/var/nix/profiles/default/etc/profile.d/nix-daemon.sh
fi
# End Nix'
printf '%s\n' "$snippet" >/etc/profile.d/nix.sh
printf '%s\n' "$snippet" >>/etc/bash.bashrc
