# Does one step of `setup`, as root: a verb with its words, which deploy/setup/plan makes. Each looks whether it is done
# already, and afterwards whether it was done, so that a setup which was cut off can be run again.
# It says:  done · failed TEXT;  then end
# shellcheck shell=sh
# shellcheck disable=SC2154,SC2329 # sent as one text with common.sh and others: functions come from there, verbs from the words

fail() {
  printf '%s\n' "$*" >&2
  return 1
}

# put FILE MODE < TEXT: beside it and renamed, so that nobody reads half of it.
put() {
  mkdir -p "$(dirname "$1")" || return 1
  new=$(dirname "$1")/.$(basename "$1").shipit
  rm -f "$new"
  # 0600 until it is whole.
  (umask 077 && cat >"$new") && chmod "$2" "$new" && sync "$new" && mv -fT "$new" "$1" && return 0
  rm -f "$new"
  return 1
}

# user_with NAME OPTION…: a new user, in the group of the same name.
user_with() {
  if getent passwd "$1" >/dev/null; then return 0; fi
  new_user=$1
  shift
  if getent group "$new_user" >/dev/null; then
    useradd --gid "$new_user" "$@" "$new_user"
  else
    useradd --user-group "$@" "$new_user"
  fi
}

# login NAME SHELL: a user who logs in.
login() {
  user_with "$1" --create-home --shell "$2" || return 1
  [ -d "$(home_of "$1")" ] || fail "$1 has no home folder"
}

# service_user NAME SHELL: one that only runs a service.
service_user() {
  user_with "$1" --system --no-create-home --home-dir /nonexistent --shell "$2"
}

# member USER GROUP
member() {
  usermod -aG "$2" "$1" || return 1
  case " $(id -nG "$1") " in
    *" $2 "*) ;;
    *) fail "$1 is not in $2 afterwards" ;;
  esac
}

# keys USER LINES: adds what is not there yet. As the user, whose home it is.
keys() {
  # shellcheck disable=SC2016 # for the user's shell
  printf '%s\n' "$2" | as "$1" sh -c '
    umask 077
    mkdir -p "$1/.ssh" && cd "$1/.ssh" && touch authorized_keys || exit 1
    if [ "$(tail -c 1 authorized_keys | tr -d "\n" | wc -c)" -gt 0 ]; then echo >>authorized_keys; fi
    while IFS= read -r line; do
      grep -qxF -e "$line" authorized_keys || printf "%s\n" "$line" >>authorized_keys || exit 1
    done
    sync authorized_keys' sh "$(home_of "$1")"
}

# folder PATH OWNER MODE: made by its owner where that is possible, so that nobody's link leads root elsewhere.
folder() {
  if [ ! -d "$1" ]; then
    as "$2" mkdir -p -- "$1" 2>/dev/null || install -d -m "$3" -o "$2" -g "$(id -gn "$2")" -- "$1" || return 1
    chmod "$3" -- "$1" || return 1
  fi
  [ "$(stat -c %U "$1")" = "$2" ] || fail "$1 belongs to $(stat -c %U "$1") afterwards"
}

# own PATH OWNER DEEP: hands over a folder; with DEEP=yes what is in it, too.
own() {
  if [ "$3" = yes ]; then chown -hR -- "$2" "$1"; else chown -h -- "$2" "$1"; fi
}

# home_file USER PATH TEXT: a file in a user's home, below its folder.
home_file() {
  # shellcheck disable=SC2016 # for the user's shell
  printf %s "$3" | as "$1" sh -c '
    mkdir -p "$(dirname "$1")" && cat >"$1.shipit" && sync "$1.shipit" && mv -fT "$1.shipit" "$1"' sh "$(home_of "$1")/$2"
}

# sudoers FILE USER AS TEXT COMMAND…: rules that sudo has checked, alone and together with the others. Then the COMMAND has to be allowed.
sudoers() {
  new=/etc/sudoers.d/.$(basename "$1").shipit
  rm -f "$new"
  # A name with a dot is not read by sudo.
  (umask 077 && printf %s "$4" >"$new") && chmod 440 "$new" || return 1
  if ! said=$(visudo -c -f "$new" 2>&1); then
    rm -f "$new"
    fail "visudo refuses the rule: $said"
    return 1
  fi
  old=
  if [ -e "$1" ]; then
    old=/etc/sudoers.d/.$(basename "$1").before
    cp -pf "$1" "$old" || return 1
  fi
  sync "$new" && mv -fT "$new" "$1" || return 1
  if ! said=$(visudo -c 2>&1); then
    if [ -n "$old" ]; then mv -fT "$old" "$1"; else rm -f "$1"; fi
    fail "visudo refuses the rules of this server with this one: $said"
    return 1
  fi
  if [ -n "$old" ]; then rm -f "$old"; fi
  file=$1
  user=$2
  target=$3
  shift 4
  as "$user" timeout -s KILL 20 sudo -n -l -u "$target" "$@" >/dev/null 2>&1 ||
    fail "$file is there, but sudo does not allow it: does /etc/sudoers have the line @includedir /etc/sudoers.d, and no rule below it that forbids this?"
}

# unit_file FILE TEXT: the app's unit, which is never written over one that is there.
unit_file() {
  if [ -e "$1" ] || [ -L "$1" ]; then
    [ "$(cat "$1")" = "$2" ] || { fail "$1 has come into being meanwhile"; return 1; }
  else
    printf '%s\n' "$2" | put "$1" 644 || return 1
  fi
  timeout -s KILL 60 systemctl daemon-reload || return 1
  unit=$(basename "$1")
  load=$(systemctl show -P LoadState "$unit")
  if [ "$load" != loaded ]; then
    said=$(timeout -s KILL 30 systemd-analyze verify "$1" 2>&1 | grep -F "$unit" | grep -vF 'is not executable' | head -n 3)
    rm -f "$1"
    timeout -s KILL 60 systemctl daemon-reload
    fail "systemd does not take the unit ($load): $said"
  fi
}

# enable UNIT: started at boot from now on.
enable() {
  timeout -s KILL 60 systemctl daemon-reload && timeout -s KILL 60 systemctl enable "$1"
}

# root_file FILE MODE TEXT
root_file() {
  printf %s "$3" | put "$1" "$2"
}

# linger USER: its systemd runs without a login.
linger() {
  loginctl enable-linger "$1" || return 1
  timeout -s KILL 60 systemctl start "user@$(id -u "$1").service"
}

# own_enable USER UNIT: the same as `enable`, in the user's own systemd.
own_enable() {
  set -- "$1" "$2" "XDG_RUNTIME_DIR=/run/user/$(id -u "$1")"
  as "$1" env "$3" timeout -s KILL 60 systemctl --user daemon-reload || return 1
  load=$(as "$1" env "$3" timeout -s KILL 60 systemctl --user show -P LoadState "$2")
  [ "$load" = loaded ] || { fail "systemd does not take the unit ($load)"; return 1; }
  as "$1" env "$3" timeout -s KILL 60 systemctl --user enable "$2"
}

# nix_line FILE LINE: appended to Nix's configuration.
nix_line() {
  if ! grep -qxF -e "$2" "$1" 2>/dev/null; then
    {
      cat "$1" 2>/dev/null
      if [ "$(tail -c 1 "$1" 2>/dev/null | tr -d '\n' | wc -c)" -gt 0 ]; then echo; fi
      printf '%s\n' "$2"
    } | put "$1" 644 || return 1
  fi
  find_nix
  # The setting as Nix reads it has the last word of the line.
  case $(nix_settings) in
    *"${2##* }"*) ;;
    *) fail "Nix does not read the line in $1: a later line, or another file, takes it back" ;;
  esac
}

restart_daemon() {
  timeout -s KILL 100 systemctl restart nix-daemon.service
}

verb=$1
shift
case $verb in
  login | service_user | member | keys | folder | own | home_file | sudoers | unit_file | enable | root_file | linger | \
    own_enable | nix_line | restart_daemon)
    if said=$("$verb" "$@" 2>&1 </dev/null); then
      say "done"
    else
      say "failed $(plain "${said:-no reason was given}")"
    fi ;;
  *) say "failed there is no such step: $(plain "$verb")" ;;
esac
say end
