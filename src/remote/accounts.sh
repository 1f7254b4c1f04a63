# Other users, for root.
# shellcheck shell=sh

home_of() {
  getent passwd "$1" | cut -d: -f6
}

# as USER COMMAND…: what lies in a user's home is read and written as that user.
as() {
  as_user=$1
  shift
  if [ "$as_user" = root ]; then
    "$@"
  else
    runuser -u "$as_user" -- "$@"
  fi
}
