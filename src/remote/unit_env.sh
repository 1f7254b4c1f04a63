# What the unit gives its processes, for one of ours: its EnvironmentFiles, its umask, and the release as the working directory.
# Its Environment is there already, by `env -i`. Read before hook.sh or exec_run.sh, as the unit's user.
# Words: folder, umask, number of EnvironmentFiles, those. "-file" means: a missing one is fine.
# Its own variables begin with `our_`: the unit's have any other name.
# shellcheck shell=sh

our_folder=$1
# sudo has set another one.
umask "$2"
our_files=$3
shift 3

our_newline='
'
our_tab=$(printf '\t')

# As systemd reads it (systemd.exec(5)): bare and quoted parts side by side, \ before a character or the end of a line.
read_environment_file() {
  our_state=line our_key='' our_value='' our_blanks=''
  while IFS= read -r our_line || [ -n "$our_line" ]; do
    our_line=$our_line$our_newline
    while [ -n "$our_line" ]; do
      our_char=${our_line%"${our_line#?}"}
      our_line=${our_line#?}
      case $our_state in
        line)
          case $our_char in
            '#' | ';') our_state=comment ;;
            ' ' | "$our_tab" | "$our_newline") ;;
            *) our_state=key our_key=$our_char ;;
          esac ;;
        comment) if [ "$our_char" = "$our_newline" ]; then our_state=line; fi ;;
        key)
          case $our_char in
            "$our_newline") our_state=line ;;
            =) our_state=value our_value='' our_blanks='' our_bare='' ;;
            *) our_key=$our_key$our_char ;;
          esac ;;
        value)
          # A quote means something where a part begins only, and blanks before a part are none of the value.
          case $our_bare$our_char in
            "$our_newline" | "bare$our_newline") set_variable ;;
            \\ | bare\\) our_state=escaped our_value=$our_value$our_blanks our_blanks='' our_bare=bare ;;
            \') our_state=single ;;
            \") our_state=double ;;
            ' ' | "$our_tab") ;;
            'bare ' | "bare$our_tab") our_blanks=$our_blanks$our_char ;;
            *) our_bare=bare our_value=$our_value$our_blanks$our_char our_blanks='' ;;
          esac ;;
        escaped)
          our_state=value
          if [ "$our_char" != "$our_newline" ]; then our_value=$our_value$our_char; fi ;;
        single) if [ "$our_char" = \' ]; then our_state=value our_bare=''; else our_value=$our_value$our_char; fi ;;
        double)
          case $our_char in
            \") our_state=value our_bare='' ;;
            \\) our_state=double-escaped ;;
            *) our_value=$our_value$our_char ;;
          esac ;;
        double-escaped)
          our_state=double
          case $our_char in
            [\"\\\$\`]) our_value=$our_value$our_char ;;
            "$our_newline") ;;
            *) our_value=$our_value\\$our_char ;;
          esac ;;
      esac
    done
  done <"$1"
  # A file may end within a value.
  case $our_state in line | comment | key) ;; *) set_variable ;; esac
}

set_variable() {
  our_state=line
  our_key=${our_key%"${our_key##*[![:space:]]}"}
  case $our_key in *[!A-Za-z0-9_]* | '' | [0-9]*) ;; *) export "$our_key=$our_value" ;; esac
}

# As systemd sets it for a unit with a User=.
our_user=$(id -un)
case $our_user in
  *[!A-Za-z0-9._-]*) ;;
  *) [ -n "${HOME+set}" ] || eval "HOME=~$our_user; export HOME" ;;
esac

# A pattern means all files that it fits (systemd.exec(5)); a name may have blanks, so nothing is split.
our_blanks=$IFS
while [ "$our_files" -gt 0 ]; do
  our_pattern=${1#-}
  our_optional=
  [ "$our_pattern" = "$1" ] || our_optional=yes
  IFS=
  # shellcheck disable=SC2086 # a pattern is meant to be one
  for our_file in $our_pattern; do
    IFS=$our_blanks
    if [ -r "$our_file" ]; then
      read_environment_file "$our_file"
    elif [ -z "$our_optional" ] || [ -e "$our_file" ]; then
      printf '%s\n' "shipit: $our_user can't read $our_file, an EnvironmentFile of the unit" >&2
      exit 125
    fi
  done
  IFS=$our_blanks
  shift
  our_files=$((our_files - 1))
done

cd "$our_folder" || exit 125
