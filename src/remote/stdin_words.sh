# As root, the words come on stdin, up to a line with a dot.
# shellcheck shell=sh
while IFS= read -r word && [ "$word" != . ]; do set -- "$@" "$word"; done
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin
