# shellcheck shell=sh
# The server that every test deploys to, without Nix. Runs inside the new system, as root.

# A key pair, an identity and a name are given to each machine when it is made.
rm -f /etc/ssh/ssh_host_* /etc/machine-id /var/lib/dbus/machine-id
touch /etc/machine-id

# `deploy` is who shipit logs in as. It is not root: all it may do as others is written here.
# Its number is one that no build user of Nix on the testing machine has: when a build ends there, Nix kills whatever else
# runs under that number, in a container too.
groupadd --system app
useradd --uid 5995 --gid app --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin app
useradd --create-home --shell /bin/bash --groups systemd-journal deploy
install -d -m 700 -o deploy -g deploy /home/deploy/.ssh
cat >/etc/sudoers.d/shipit <<'EOF'
deploy ALL=(root) NOPASSWD: /usr/bin/systemctl restart server.service, /usr/bin/systemctl reset-failed server.service
deploy ALL=(app) NOPASSWD: ALL
EOF
chmod 440 /etc/sudoers.d/shipit
visudo -c -q

# The app's place and unit, as on a server that was set up by hand.
install -d -m 755 -o deploy -g deploy /var/www/server
install -d -m 755 -o app -g app /var/www/server/data
cat >/etc/systemd/system/server.service <<'EOF'
[Unit]
Description=Server
After=network.target

[Service]
User=app
WorkingDirectory=/var/www/server/current
ExecStart=/var/www/server/current/result/bin/server
Environment="SERVER_DB_PATH=/var/www/server/data/server.db"
Environment="SERVER_PORT=:3001"
Restart=always

[Install]
WantedBy=multi-user.target
EOF
systemctl enable server.service ssh.service

cat >/etc/ssh/sshd_config.d/lab.conf <<'EOF'
HostKey /etc/ssh/ssh_host_ed25519_key
PasswordAuthentication no
# What OpenSSH would choose costs a fifth of a second of CPU for each login, and a test logs in ten times.
KexAlgorithms curve25519-sha256
# Several tests at once, each with many short connections.
MaxStartups 100
EOF

# A login's own systemd starts with its first login and ends soon after the last. Each is a quarter of a second of CPU.
install -d /etc/systemd/logind.conf.d
printf '[Login]\nUserStopDelaySec=1h\n' >/etc/systemd/logind.conf.d/lab.conf

# What a container has no use for, and what would start on its own in the middle of a test.
systemctl mask apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer \
  fstrim.timer systemd-tmpfiles-clean.timer console-getty.service getty.target
# Otherwise the first boot builds the linker's cache and the like, in each new machine.
ldconfig
systemd-sysusers
journalctl --update-catalog
touch /etc/.updated /var/.updated
