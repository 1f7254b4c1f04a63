# shellcheck shell=sh
# The developer's machine. Runs on top of nix.sh, as root.
apt-get install -y --no-install-recommends git openssh-client busybox-static python3-minimal

useradd --create-home --shell /bin/bash --groups nix-users dev

# In a container inside who knows what, Nix's own sandbox is one layer too many.
cat >/etc/nix/nix.conf <<'EOF'
sandbox = false
substituters =
experimental-features = nix-command flakes
EOF

systemctl disable server.service ssh.service
rm -f /etc/systemd/system/server.service
