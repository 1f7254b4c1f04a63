#!/bin/sh
# Builds `busybox`: the host's /bin/busybox, and links for what the app uses.
# shellcheck disable=SC2154 # out comes from the derivation

set -eu
mkdir -p "$out/bin"
cp --no-preserve=mode /bin/busybox "$out/bin/busybox"
chmod 555 "$out/bin/busybox"
for applet in cat dirname echo head httpd id mkdir mktemp printf rm sh sleep wc; do
    ln -s busybox "$out/bin/$applet"
done
