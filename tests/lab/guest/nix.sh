# shellcheck shell=sh
# Debian's own Nix. Runs inside the base system, as root.
apt-get install -y --no-install-recommends nix-bin nix-setup-systemd

# No public cache can be reached from a machine of the lab: asking one costs seconds of retries.
echo 'substituters =' >>/etc/nix/nix.conf

# Debian's daemon listens to this group only.
usermod --append --groups nix-users deploy
