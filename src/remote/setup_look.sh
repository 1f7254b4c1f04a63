# What a server has of what `setup` would make. As root; changes nothing.
# shellcheck shell=sh
# shellcheck disable=SC2034,SC2154 # sent as one text with common.sh, accounts.sh and nix.sh: functions come from there, which read `control`

files='' home_files=''
for word in "$@"; do
  value=${word#*=}
  case $word in
    user=*) user=$value ;;          # who deploys; empty: this login
    app_user=*) app_user=$value ;;  # whom a new unit would name
    root=*) root=$value ;;
    unit=*) unit=$value ;;
    own=*) own=$value ;;            # yes: a unit of the deploy user's own systemd
    file=*) files="$files$value$newline" ;;
    home_file=*) home_files="$home_files$value$newline" ;;
  esac
done

admin=${SUDO_USER:-$(id -un)}
user=${user:-$admin}
say "admin $(plain "$admin")"
say "user $(plain "$user")"
for program in useradd usermod getent runuser install systemctl loginctl timeout base64 stat; do
  command -v "$program" >/dev/null 2>&1 || say "lacks $program"
done
for shell in /bin/bash /bin/sh; do
  if [ -x "$shell" ]; then say "shell $shell"; break; fi
done
for shell in /usr/sbin/nologin /sbin/nologin /bin/false; do
  if [ -x "$shell" ]; then say "nologin $shell"; break; fi
done
for group in nix-users systemd-journal; do
  if getent group "$group" >/dev/null; then say "group $group"; fi
done

# The unit says as whom it runs; a new one, as its text does.
if [ "$own" = yes ]; then
  if [ -e "/var/lib/systemd/linger/$user" ]; then say "linger yes"; fi
else
  control=root
  show_unit -p LoadState -p User -p DynamicUser -p UnitFileState -p FragmentPath | while IFS= read -r line; do
    say "unit $line"
  done
  if [ "$(show_unit -P LoadState)" = loaded ]; then app_user=$(show_unit -P User); fi
  say "boot $(systemctl is-enabled "shipit-settle-$unit" 2>/dev/null)"
fi

account() {
  if ! line=$(getent passwd "$2"); then
    say "account $1 absent"
    return
  fi
  home=$(home_of "$2")
  say "account $1 $(id -u "$2") $(printf %s "$home" | base64 | tr -d '\n')"
  say "groups $1 $(id -nG "$2")"
}
account user "$user"
if [ -n "$app_user" ]; then
  say "app_user $(plain "$app_user")"
  account app "$app_user"
fi

# Whole, or it is not ours: none of them is long.
text_of() {
  head -c 60000 "$1" 2>/dev/null | base64 | tr -d '\n'
}
printf %s "$files" | while IFS= read -r file; do
  if [ -L "$file" ] || { [ -e "$file" ] && [ ! -f "$file" ]; }; then
    say "strange $file"
  elif [ -e "$file" ]; then
    say "file $(stat -c %a:%U "$file") $(text_of "$file") $file"
  fi
done
if getent passwd "$user" >/dev/null; then
  home=$(home_of "$user")
  printf %s "$home_files" | while IFS= read -r file; do
    # As the user, so that a link in somebody's home shows nothing that is not theirs.
    if as "$user" test -f "$home/$file"; then
      say "file - $(as "$user" head -c 60000 "$home/$file" 2>/dev/null | base64 | tr -d '\n') ~/$file"
    elif as "$user" test -e "$home/$file" || as "$user" test -L "$home/$file"; then
      say "strange ~/$file"
    fi
  done
  if [ "$own" = yes ]; then
    for name in "$unit" "shipit-settle-$unit"; do
      if as "$user" test -L "$home/.config/systemd/user/default.target.wants/$name"; then say "enabled $name"; fi
    done
  fi
fi
# Who may log in as the administrator: a new user gets these.
if [ "$admin" != "$user" ]; then
  keys=$(home_of "$admin")/.ssh/authorized_keys
  if as "$admin" test -f "$keys"; then say "admin_keys $(as "$admin" head -c 60000 "$keys" | base64 | tr -d '\n')"; fi
fi

for folder in "$root" "$root/releases" "$root/current" "$root/.shipit" "$root/data"; do
  if [ -L "$folder" ]; then
    say "strange $folder"
  elif [ -d "$folder" ]; then
    say "folder $(stat -c %U "$folder") $folder"
  elif [ -e "$folder" ]; then
    say "strange $folder"
  fi
done

find_nix
if [ -n "$nix" ]; then
  say "nix $nix"
  conf=/etc/nix/nix.conf
  # An installer may write nix.conf anew, and leaves this file to people.
  if grep -qE '^!?include (/etc/nix/)?nix\.custom\.conf' "$conf" 2>/dev/null; then conf=/etc/nix/nix.custom.conf; fi
  say "nix_conf $conf"
  if [ -L "$conf" ]; then say "nix_conf_strange"; fi
  nix_settings | while IFS= read -r line; do
    case $line in
      'trusted-public-keys = '*) say "trusted_keys ${line#* = }" ;;
      'trusted-users = '*) say "trusted_users ${line#* = }" ;;
    esac
  done
  if [ "$(systemctl show -P ActiveState nix-daemon.service 2>/dev/null)" = active ]; then
    since=$(date -d "$(systemctl show -P ActiveEnterTimestamp nix-daemon.service)" +%s 2>/dev/null)
    if [ "${since:-0}" -lt "$(stat -c %Y "$conf" 2>/dev/null || printf 0)" ]; then say "daemon stale"; fi
  fi
fi

if command -v sudo >/dev/null 2>&1 && command -v visudo >/dev/null 2>&1; then
  say "sudo yes"
  if getent passwd "$user" >/dev/null; then
    may() {
      as "$user" timeout -s KILL 20 sudo -n "$@" >/dev/null 2>&1
    }
    if may -l /usr/bin/true; then
      # All of it, perhaps with a password, which would be asked for in a deploy.
      if may /usr/bin/true; then say "rights all"; fi
    elif may -l systemctl restart "$unit" && may -l systemctl reset-failed "$unit"; then
      say "rights unit"
    fi
    if [ -n "$app_user" ] && may -l -u "$app_user" /usr/bin/env; then say "rights hooks"; fi
  fi
fi
say end
