# One look at the server: prints facts, changes nothing. `deploy::ready` judges them.
# shellcheck shell=sh

for word in "$@"; do
  value=${word#*=}
  case $word in
    root=*) root=$value ;;
    unit=*) unit=$value ;;
    object=*) object=$value ;;
    journal_lines=*) journal_lines=$value ;;
  esac
done

say "arch $(uname -m) $(uname -s)"
uid=$(id -u)
say "uid $uid"
say "user $(id -un)"

for program in base64 timeout flock readlink sync mkfifo stat systemctl; do
  command -v "$program" >/dev/null 2>&1 || say "lacks $program"
done

# Nix: on the PATH, or where its installer puts it, which a shell without a login does not look at.
look_at_nix() {
  nix=
  for folder in "$(dirname "$(command -v nix-store 2>/dev/null || printf /)")" \
    /nix/var/nix/profiles/default/bin "$HOME/.nix-profile/bin" /run/current-system/sw/bin /usr/bin /usr/local/bin; do
    if [ -x "$folder/nix-store" ] && [ -x "$folder/nix-daemon" ]; then
      nix=$folder
      break
    fi
  done
  if [ -n "$nix" ]; then
    say "nix $nix"
    version=$("$nix/nix-store" --version 2>/dev/null)
    say "nix_version ${version##* }"
    # Asked of the daemon itself: nix.conf may say what the running daemon has not read yet.
    info=$(timeout -s KILL 20 "$nix/nix" --extra-experimental-features nix-command store info --store daemon --json 2>&1 ||
      timeout -s KILL 20 "$nix/nix" --extra-experimental-features nix-command store ping --store daemon 2>&1)
    case $info in
      *denied* | *'not allowed'* | *'cannot connect'* | *'cannot open connection'*)
        if [ "$uid" != 0 ]; then say "daemon $(plain "${info##*error: }")"; fi ;;
    esac
    case $info in
      *'"trusted":true'* | *'Trusted: 1'*) trusted=yes ;;
      *'"trusted":false'* | *'Trusted: 0'*) trusted=no ;;
      *) trusted=unknown ;;
    esac
    if [ "$trusted" != yes ]; then
      settings=$("$nix/nix" --extra-experimental-features nix-command show-config 2>/dev/null ||
        "$nix/nix" --extra-experimental-features nix-command config show 2>/dev/null)
      groups=$(id -Gn)
      me=$(id -un)
      while IFS= read -r line; do
        case $line in
          'trusted-public-keys = '*) say "trusted_keys ${line#* = }" ;;
          'trusted-users = '*)
            # Nix before 2.15 does not tell, so its setting has to.
            [ "$trusted" = unknown ] || continue
            trusted=no
            set -f
            # shellcheck disable=SC2086 # split on purpose: a list
            for someone in ${line#* = }; do
              case $someone in
                '*' | "$me") trusted=yes ;;
                @*) case " $groups " in *" ${someone#@} "*) trusted=yes ;; esac ;;
              esac
            done
            set +f ;;
        esac
      done <<EOF
$settings
EOF
    fi
    if [ "$uid" = 0 ]; then trusted=yes; fi
    say "trusted $trusted"
  fi
}

# The unit and who may restart it. The system's own manager comes first.
look_at_unit() {
  control=root
  if [ "$uid" != 0 ]; then
    control=sudo
    system_load=$(show_unit -p LoadState)
    if [ "$system_load" != LoadState=loaded ]; then
      user_load=$(control=user; show_unit -p LoadState 2>/dev/null)
      if [ "$user_load" = LoadState=loaded ]; then control=user; fi
    fi
  fi
  case $control in
    root) say "control root" ;;
    user)
      linger=$(timeout -s KILL 10 loginctl show-user "$(id -un)" -p Linger 2>/dev/null)
      say "control user ${linger#Linger=}" ;;
    sudo)
      restart=no
      reset=no
      if timeout -s KILL 20 sudo -n -l systemctl restart "$unit" >/dev/null 2>&1; then restart=yes; fi
      if timeout -s KILL 20 sudo -n -l systemctl reset-failed "$unit" >/dev/null 2>&1; then reset=yes; fi
      say "control sudo $restart $reset" ;;
  esac
  show_unit -p LoadState -p ActiveState -p SubState -p InvocationID -p NRestarts -p User -p DynamicUser -p Type \
    -p ActiveEnterTimestamp -p TimeoutStopUSec -p TimeoutStartUSec -p ExecStart -p NeedDaemonReload -p UMask | while IFS= read -r line; do say "unit $line"; done
  if [ -n "$object" ] && command -v busctl >/dev/null 2>&1; then
    if [ "$control" = user ]; then bus=--user; else bus=--system; fi
    for property in Environment EnvironmentFiles; do
      value=$(timeout -s KILL 10 busctl "$bus" --json=short get-property org.freedesktop.systemd1 \
        "/org/freedesktop/systemd1/unit/$object" org.freedesktop.systemd1.Service "$property" 2>/dev/null)
      if [ -n "$value" ]; then say "bus $property $value"; fi
    done
  fi
  user=$(show_unit -p User)
  user=${user#User=}
  if [ -n "$user" ]; then
    if [ "$uid" = 0 ] || timeout -s KILL 20 sudo -n -l -u "$user" /usr/bin/env >/dev/null 2>&1; then say "hooks_as $user"; fi
  fi
  if [ "$uid" = 0 ] || [ "$control" = user ]; then
    say "logs yes"
  else
    case " $(id -Gn) " in
      *' systemd-journal '* | *' adm '* | *' wheel '*) say "logs yes" ;;
    esac
  fi
}

# These two ask the daemon, systemd and sudo, which takes most of the time: beside the rest, each line stands for itself.
look_at_nix &
look_at_unit &

# Free space, in the folder or the nearest one above it that exists.
free_below() {
  there=$2
  while [ ! -e "$there" ]; do there=$(dirname "$there"); done
  set -- "$1" "$(df -Pk "$there" 2>/dev/null | tail -n 1)"
  # shellcheck disable=SC2086 # split on purpose: df's columns
  set -- "$1" $2
  say "$1 ${5:-}"
}
free_below root_free_kib "$root"
free_below store_free_kib /nix/store

if command -v curl >/dev/null 2>&1; then
  say "asker curl"
elif command -v bash >/dev/null 2>&1; then
  say "asker bash"
fi

# The folder, and what shipit made in it.
if [ -d "$root" ]; then
  closed=
  for folder in "$root" "$root/releases" "$root/.shipit" "$root/current"; do
    # A real directory at `current` is moved, which needs the right to write in it.
    if [ -d "$folder" ] && [ ! -L "$folder" ] && [ ! -w "$folder" ]; then closed=$folder; fi
  done
  if [ -n "$closed" ]; then say "root closed $(stat -c %U "$closed") $closed"; else say "root ready"; fi
else
  there=$root
  while [ ! -e "$there" ]; do there=$(dirname "$there"); done
  if [ -w "$there" ]; then say "root creatable"; else say "root absent"; fi
fi
if [ -L "$root/current" ]; then
  say "current link $(readlink "$root/current" | tr '\n' ' ')"
elif [ -d "$root/current" ]; then
  say "current directory"
elif [ -e "$root/current" ]; then
  say "current strange"
else
  say "current absent"
fi
if [ -L "$root/current/result" ]; then say "current_store_path $(readlink "$root/current/result")"; fi

# What was deployed.
if [ -r "$root/.shipit/pending" ]; then
  while IFS= read -r line; do
    case $line in token=*) say "pending ${line#token=}" ;; esac
  done <"$root/.shipit/pending"
fi
if [ -w "$root/.shipit/lock" ] && ! flock -n "$root/.shipit/lock" true; then
  say "locked $(head -c 2000 "$root/.shipit/holder" 2>/dev/null | head -n 1)"
fi
for folder in "$root"/releases/*; do
  if [ ! -d "$folder" ] || [ -L "$folder" ]; then continue; fi
  name=${folder##*/}
  case $name in *[!A-Za-z0-9._-]*) continue ;; esac
  say "release $name $(readlink "$folder/result" 2>/dev/null)"
done
# A journal's line may be longer than what a pipe takes in one piece: nobody may write in between.
wait
if [ -r "$root/.shipit/journal.jsonl" ]; then
  say "journal_size $(stat -c %s "$root/.shipit/journal.jsonl")"
  tail -n "$journal_lines" "$root/.shipit/journal.jsonl" | while IFS= read -r line || [ -n "$line" ]; do
    printf '@ journal %s\n' "$line"
  done
fi
# Decisions whose line the journal does not have yet, because the disk was full or the writer died: the line they will get.
for file in "$root"/.shipit/end.*; do
  [ -r "$file" ] || continue
  word=${file##*/end.}
  case $word in
    kept) event=kept ;;
    reverted | down) event=reverted ;;
    *) event=failed ;;
  esac
  number=0 meta='' kept=''
  while IFS= read -r line; do
    case $line in
      number=*) number=${line#*=} ;;
      meta=*) meta=${line#*=} ;;
      kept=*) kept=",\"invocation\":\"${line#*=}\"" ;;
    esac
  done <"$file"
  [ "$event" = kept ] || kept=
  printf '@ journal {"v":1,"deploy":%s,"time":"%s","event":"%s"%s,"outcome":"%s"%s}\n' \
    "$number" "$(date -u -r "$file" +%Y-%m-%dT%H:%M:%SZ)" "$event" "$meta" "$word" "$kept"
done
say end
