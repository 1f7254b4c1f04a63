#!/bin/sh
# Copies the host's $files, as they are loaded at run time, to $out/lib.
# shellcheck disable=SC2154 # out and files come from the derivation

set -eu
mkdir -p "$out/lib"
# shellcheck disable=SC2086 # a list of words
cp -L --no-preserve=mode $files "$out/lib/"
chmod 555 "$out"/lib/*
