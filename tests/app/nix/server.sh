#!/bin/sh
# The package: the program, and the commit it comes from. Cheap, because it is
# made again for each commit. bin/server is a wrapper so that the program finds
# the revision of its own release, whatever `current` points to by then.
# shellcheck disable=SC2154 # the variables come from the derivation

set -eu
mkdir -p "$out/bin" "$out/share"
echo "$revision" > "$out/share/revision"
cat > "$out/bin/server" << END
#!/bin/sh
SERVER_SHARE=$out/share exec $program/bin/server "\$@"
END
chmod 555 "$out/bin/server"
