# Which of the store paths on stdin this server's store lacks.
# shellcheck shell=sh

nix=$1
set -f
# Store paths have neither blanks nor, with set -f, patterns.
# shellcheck disable=SC2046
set -- $(cat)
# A startup file of the login may have taken some.
say "asked $#"
if lacking=$(timeout -s KILL 120 "$nix/nix-store" --check-validity --print-invalid "$@" 2>&1); then
  for path in $lacking; do say "missing $path"; done
  say end
else
  say "failed $(plain "$lacking")"
fi
