#!/bin/sh
# Builds `server`: server.sh, told where its shell and its content lie.
# shellcheck disable=SC2154 # the variables come from the derivation

set -eu
mkdir -p "$out/bin"
{
    echo "#!$busybox/bin/sh"
    echo "PATH=$busybox/bin"
    echo "content=$content"
    cat "$script"
} > "$out/bin/server"
chmod 555 "$out/bin/server"
