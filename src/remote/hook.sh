# Runs one hook as the unit's user, in the unit's Environment and EnvironmentFiles, with the release as the working
# directory. stdin is a line to the transaction: when it ends, the deploy was given up, and so is the hook.
# Words: folder, seconds, number of EnvironmentFiles, those, then the command. "-file" means: a missing one is fine.
# shellcheck shell=sh

folder=$1
seconds=$2
files=$3
shift 3

# systemd's format: KEY=VALUE lines, # and ; comments, values in quotes or not; a trailing \ goes on.
read_environment_file() {
  while IFS= read -r line || [ -n "$line" ]; do
    while [ "${line%\\}" != "$line" ]; do
      IFS= read -r more || more=
      line=${line%\\}$more
    done
    line=${line#"${line%%[![:space:]]*}"}
    case $line in '' | '#'* | ';'*) continue ;; *=*) ;; *) continue ;; esac
    key=${line%%=*}
    value=${line#*=}
    value=${value#"${value%%[![:space:]]*}"}
    value=${value%"${value##*[![:space:]]}"}
    case $key in *[!A-Za-z0-9_]* | '' | [0-9]*) continue ;; esac
    case $value in
      '"'*'"') value=${value#?} value=${value%?} ;;
      "'"*"'") value=${value#?} value=${value%?} ;;
    esac
    export "$key=$value"
  done <"$1"
}

while [ "$files" -gt 0 ]; do
  file=${1#-}
  if [ -r "$file" ]; then
    read_environment_file "$file"
  elif [ "$file" = "$1" ] || [ -e "$file" ]; then
    printf '%s\n' "shipit: $(id -un) can not read $file, an EnvironmentFile of the unit" >&2
    exit 125
  fi
  shift
  files=$((files - 1))
done

cd "$folder" || exit 125
trap '' HUP PIPE INT TERM
# A background job's stdin is /dev/null unless it comes from another descriptor.
exec 3<&0
(
  # The hook is the user's own program: it gets the usual signals back, a group of its own (timeout makes it), no stdin.
  trap - HUP PIPE INT TERM
  exec timeout -s KILL "$seconds" "$@" </dev/null 3<&-
) &
hook=$!
(
  # Ends when the transaction closes its side, which it does by dying too.
  cat >/dev/null
  kill -KILL "-$hook" 2>/dev/null || kill -KILL "$hook" 2>/dev/null
) <&3 &
watcher=$!
wait "$hook"
code=$?
kill -KILL "$watcher" 2>/dev/null
exit "$code"
