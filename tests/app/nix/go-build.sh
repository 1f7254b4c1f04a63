#!/bin/sh
# Compiles the Go files against the libraries in $libc and $sqlite.
# shellcheck disable=SC2154 # the variables come from the derivation

set -eu

top=${NIX_BUILD_TOP:?}
export HOME="$top" GOCACHE="$top/go-cache" GOPATH="$top/go"
export CGO_ENABLED=1 GOPROXY=off

# --disable-new-dtags makes an RPATH, which also serves the libraries that
# SQLite needs itself; with a RUNPATH its libm would come from the server.
link="-Wl,--dynamic-linker=$libc/lib/$loader"
link="$link -Wl,--disable-new-dtags -Wl,-rpath,$libc/lib:$sqlite/lib"

cd "$goFiles"
go build -tags libsqlite3 -o "$out/bin/server" \
    -ldflags "-s -w -linkmode external -extldflags '$link'" .

# The program names its source files. Blank out the hash in there, or the
# closure would bring them along. (With -trimpath, Go would compile its standard
# library once more, for 15 seconds.)
hash=${goFiles##*/}
hash=${hash%%-*}
sed -i "s/$hash/eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee/g" "$out/bin/server"
