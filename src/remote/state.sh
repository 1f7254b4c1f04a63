# One look at the server: prints facts, changes nothing. `deploy::server::ready` judges them.
# shellcheck shell=sh

for word in "$@"; do
  value=${word#*=}
  case $word in
    root=*) root=$value ;;
    unit=*) unit=$value ;;
    object=*) object=$value ;;
    journal_lines=*) most=$value ;;
    hooks=*) hooks=$value ;;                      # yes: what a hook needs is looked at too
    daemon=*) daemon=$value ;;                    # yes: Nix's daemon is asked too
  esac
done

# The client says a comment first. Where a startup file of the login reads it, it would read the conversations too.
IFS= read -r heard || heard=
if [ "$heard" != '#' ]; then say "input eaten"; fi

say "arch $(uname -m) $(uname -s)"
uid=$(id -u)
say "uid $uid"
me=$(id -un)
say "user $me"

for program in base64 timeout flock readlink sync mkfifo stat sed grep systemctl; do
  command -v "$program" >/dev/null 2>&1 || say "lacks $program"
done
for program in apt-get dnf yum zypper pacman apk; do
  if command -v "$program" >/dev/null 2>&1; then
    say "packager $program"
    break
  fi
done

look_at_nix() {
  find_nix
  if [ -n "$nix" ]; then say "nix $nix"; fi
  if [ -n "$nix" ] && [ "$daemon" = yes ]; then
    # Asked of the daemon itself: nix.conf may say what the running daemon has not read yet. One that turns a login away
    # may hang up before it is heard why.
    info=$(timeout -s KILL 20 "$nix/nix" --extra-experimental-features nix-command store info --store daemon --json 2>&1 ||
      timeout -s KILL 20 "$nix/nix" --extra-experimental-features nix-command store ping --store daemon 2>&1)
    refusal=$(printf '%s\n' "$info" | grep -m 1 -e denied -e 'not allowed' -e 'cannot connect' -e 'cannot open connection' \
      -e 'Broken pipe' -e 'reset by peer')
    if [ -n "$refusal" ] && [ "$uid" != 0 ]; then say "daemon $(plain "${refusal##*error: }")"; fi
    case $info in
      *'"trusted":true'* | *'Trusted: 1'*) trusted=yes ;;
      *'"trusted":false'* | *'Trusted: 0'*) trusted=no ;;
      *) trusted=unknown ;;
    esac
    if [ "$trusted" != yes ]; then
      settings=$(nix_settings)
      groups=$(id -Gn)
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

# Whether sudo does it without a password. `-l` alone says yes to a rule that asks for one, as soon as any other rule asks
# for none. A newer sudo shows the rule that it would take; an older one gets the benefit of the doubt.
may_sudo() {
  rule=$(timeout -s KILL 20 sudo -n -l -l "$@" 2>/dev/null) || return 1
  case $rule in
    *'!authenticate'*) ;;
    *Matched:*) timeout -s KILL 20 sudo -n -v >/dev/null 2>&1 ;;
  esac
}

unit_facts() {
  show_unit -p LoadState -p ActiveState -p SubState -p InvocationID -p NRestarts -p User -p DynamicUser -p Type \
    -p ActiveEnterTimestamp -p TimeoutStopUSec -p TimeoutStartUSec -p ExecStart -p NeedDaemonReload -p UMask \
    -p StartLimitIntervalUSec
}

is_loaded() { # FACTS
  case "
$1
" in
    *"
LoadState=loaded
"*) ;;
    *) return 1 ;;
  esac
}

# The unit and who may restart it. The system's own manager comes first.
look_at_unit() {
  if [ "$uid" = 0 ]; then control=root; else control=sudo; fi
  facts=$(unit_facts)
  if [ "$control" = sudo ] && ! is_loaded "$facts"; then
    own=$(control=user; unit_facts 2>/dev/null)
    if is_loaded "$own"; then control=user facts=$own; fi
  fi
  case $control in
    root) say "control root" ;;
    user)
      linger=$(timeout -s KILL 10 loginctl show-user "$me" -p Linger 2>/dev/null)
      say "control user ${linger#Linger=}" ;;
    sudo)
      restart=no
      reset=no
      if may_sudo systemctl restart "$unit"; then restart=yes; fi
      if may_sudo systemctl reset-failed "$unit"; then reset=yes; fi
      say "control sudo $restart $reset" ;;
  esac
  user=
  while IFS= read -r line; do
    if [ -n "$line" ]; then say "unit $line"; fi
    case $line in User=*) user=${line#User=} ;; esac
  done <<EOF
$facts
EOF
  if [ -n "$object" ] && command -v busctl >/dev/null 2>&1; then
    if [ "$control" = user ]; then bus=--user; else bus=--system; fi
    # A line for each.
    timeout -s KILL 10 busctl "$bus" --json=short get-property org.freedesktop.systemd1 \
      "/org/freedesktop/systemd1/unit/$object" org.freedesktop.systemd1.Service Environment EnvironmentFiles 2>/dev/null |
      for property in Environment EnvironmentFiles; do
        if IFS= read -r value; then say "bus $property $value"; fi
      done
  fi
  # A unit beside it, which setup installs: it settles at boot, for the folder that it names.
  settler=$(unit=shipit-settle-$unit && show_unit -p UnitFileState -p ExecStart)
  case $settler in
    *"root=$root "*) case $settler in *UnitFileState=enabled*) say "settles_at_boot" ;; esac ;;
  esac
  if [ -n "$user" ]; then
    if [ "$uid" = 0 ] || may_sudo -u "$user" /usr/bin/env; then say "hooks_as $user"; fi
  fi
  if [ "$hooks" = yes ]; then look_at_environment_files; fi
  if [ "$uid" = 0 ] || [ "$control" = user ]; then
    say "logs yes"
  else
    case " $(id -Gn) " in
      *' systemd-journal '* | *' adm '* | *' wheel '*) say "logs yes" ;;
    esac
  fi
}

# systemd reads a unit's EnvironmentFiles as root; a hook has to read them as the unit's user.
look_at_environment_files() {
  show_unit -p EnvironmentFiles | while IFS= read -r line; do
    pattern=${line#EnvironmentFiles=}
    pattern=${pattern% (ignore_errors=*}
    # A pattern means all files that it fits; a name may have blanks, so nothing is split.
    IFS=
    # shellcheck disable=SC2086
    for file in $pattern; do
      case $line in
        *=yes\)) as_unit_user -e "$file" || continue ;;
      esac
      as_unit_user -r "$file" || say "unreadable $(id -gn "${user:-root}") $file"
    done
  done
}

# A question about a file, asked as the user that a hook runs as. What may not be asked is not held against anybody here.
as_unit_user() {
  if [ "$control" = user ] || [ "${user:-root}" = "$me" ]; then
    test "$1" "$2"
  elif [ "$uid" = 0 ]; then
    timeout -s KILL 20 runuser -u "$user" -- test "$1" "$2" 2>/dev/null </dev/null
  elif timeout -s KILL 20 sudo -n -u "${user:-root}" /usr/bin/env true 2>/dev/null </dev/null; then
    timeout -s KILL 20 sudo -n -u "${user:-root}" /usr/bin/env test "$1" "$2" 2>/dev/null </dev/null
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
say "current $(look_at_current "$root/current")"
if [ -L "$root/current/result" ]; then say "current_store_path $(link_text "$root/current/result")"; fi

# What shipit made must be what it makes: through a link it would write somewhere else.
state=$root/.shipit
if [ -L "$state" ]; then
  say "odd $state is a link"
elif [ -e "$state" ] && [ ! -d "$state" ]; then
  say "odd $state is not a folder"
elif [ -w "$state" ] && [ "$uid" != 0 ] && [ "$(stat -c %u "$state")" != "$uid" ]; then
  say "odd $state belongs to $(stat -c %U "$state")"
fi
for file in "$state/journal.jsonl" "$state/lock" "$state/holder" "$state/pending" "$state/placing" "$state/take"; do
  if [ -L "$file" ]; then
    say "odd $file is a link"
  elif [ -e "$file" ] && [ ! -f "$file" ]; then
    say "odd $file is not a file"
  elif [ -e "$file" ] && { [ ! -r "$file" ] || [ ! -w "$file" ]; }; then
    say "odd $file belongs to $(stat -c %U "$file")"
  fi
done
if [ ! -d "$root/releases" ] && { [ -e "$root/releases" ] || [ -L "$root/releases" ]; }; then
  say "odd $root/releases is not a folder"
fi

# What was deployed.
if [ -e "$state/pending" ]; then
  token=
  if [ -f "$state/pending" ] && [ -r "$state/pending" ]; then
    while IFS= read -r line; do
      case $line in token=*) token=${line#token=} ;; esac
    done <"$state/pending"
  fi
  say "pending $token"
fi
if hold=$(hold_said "$state/hold"); then say "hold $hold"; fi
if [ -f "$state/lock" ] && [ -w "$state/lock" ] && ! flock -n "$state/lock" true; then
  say "locked $(head -c 2000 "$state/holder" 2>/dev/null | head -n 1)"
fi
there=
for folder in "$root"/releases/*; do
  if [ ! -d "$folder" ] || [ -L "$folder" ]; then continue; fi
  name=${folder##*/}
  case $name in *[!A-Za-z0-9._-]*) continue ;; esac
  say "release $name $(link_text "$folder/result")"
  there="${there:+$there$newline}\"release\":\"$name\""
done
# A journal's line may be longer than what a pipe takes in one piece: nobody may write in between.
wait
journal=$state/journal.jsonl
if [ -f "$journal" ] && [ -r "$journal" ]; then
  say "journal_size $(stat -c %s "$journal")"
  {
    # Of older lines those about a release that is still there: it is ours, and a rollback may go to it.
    older=$(($(wc -l <"$journal") - most + 1))
    if [ "$older" -gt 0 ] && [ -n "$there" ]; then
      head -n "$older" "$journal" | grep -aF "$there" | tail -n "$most"
    fi
    tail -n "$most" "$journal"
  } | journal_lines | sed 's/^/@ journal /'
fi
# Decisions whose line the journal may not have yet, because the disk was full or the writer died: the line they will get.
for file in "$root"/.shipit/end.*; do
  is_end "$file" || continue
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
  case $number in '' | *[!0-9]*) number=0 ;; esac
  printf '@ ended {"v":1,"deploy":%s,"time":"%s","event":"%s"%s,"outcome":"%s"%s}\n' \
    "$number" "$(date -u -r "$file" +%Y-%m-%dT%H:%M:%SZ)" "$event" "$meta" "$word" "$kept"
done
say end
