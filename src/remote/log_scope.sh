# Where journald has the unit's lines, and what the unit does not send there. Part of the scripts that read the log.
# shellcheck shell=sh
# shellcheck disable=SC2034,SC2154 # control and unit are words of the script

# Sets `scope` and `namespace` for journalctl. Not --system: journald files what a user with a number above 1000 says under
# that user, who may be the unit's.
find_log() {
  scope=
  if [ "$control" = user ]; then scope=--user; fi
  namespace=$(show_unit -p LogNamespace)
  namespace=${namespace#LogNamespace=}
}

tell_elsewhere() {
  show_unit -p StandardOutput -p StandardError | while IFS= read -r line; do
    case $line in
      *=journal* | *=syslog* | *=kmsg* | *=inherit) ;;
      *=*) say "elsewhere $line" ;;
    esac
  done
}
