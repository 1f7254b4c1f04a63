# What a store path needs, itself included, and how large each is.
#
# Words: the folder of Nix's programs, the path. It answers with lines of `say`, the sizes in the order of the paths:
#   path PATH · size BYTES · end
# shellcheck shell=sh
# shellcheck disable=SC2086 # store paths have neither blanks nor patterns

nix=$1
paths=$(timeout -s KILL 60 "$nix/nix-store" --query --requisites "$2" 2>/dev/null) || paths=
if [ -n "$paths" ]; then
  printf '%s\n' $paths | sed 's/^/@ path /'
  timeout -s KILL 60 "$nix/nix-store" --query --size $paths 2>/dev/null | sed 's/^/@ size /'
fi
say end
