# Where Nix is, and what its configuration says.
# shellcheck shell=sh

# On the PATH, or where its installer puts it, which a shell without a login does not look at. Sets `nix` to the folder.
find_nix() {
  nix=
  for folder in "$(dirname "$(command -v nix-store 2>/dev/null || printf /)")" \
    /nix/var/nix/profiles/default/bin "$HOME/.nix-profile/bin" /run/current-system/sw/bin /usr/bin /usr/local/bin; do
    if [ -x "$folder/nix-store" ] && [ -x "$folder/nix-daemon" ]; then
      nix=$folder
      break
    fi
  done
}

# `name = value`, one a line. The files; the running daemon may have read older ones.
nix_settings() {
  "$nix/nix" --extra-experimental-features nix-command show-config 2>/dev/null ||
    "$nix/nix" --extra-experimental-features nix-command config show 2>/dev/null
}
