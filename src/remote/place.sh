# How releases come: taking over what was there, and placing. Part of switch.sh.
# shellcheck shell=sh
# shellcheck disable=SC2015,SC2016,SC2034,SC2086,SC2154 # `refuse` exits; words and functions come from the parts sent with it

# A real directory at `current`, as a server has it that was deployed to by hand: it becomes a release.
adopt() {
  name="adopted-$(date -u +%Y%m%dT%H%M%SZ)"
  while [ -e "releases/$name" ] || [ -L "releases/$name" ]; do name="${name}x"; done
  taken="releases/$name"
  # Written first: whoever comes after a death in here finishes it.
  rm -f .shipit/take-link
  printf '%s' "$taken" >.shipit/take && sync .shipit/take .shipit && ln -s "$taken" .shipit/take-link ||
    no_room
  # In one step where mv can exchange: the link's text is right in the place that it lands in.
  ln -s "$taken" "$taken" || refuse not-ready "can't make a link in $root/releases"
  if ! mv --exchange -T "$taken" current 2>/dev/null; then
    rm -f "$taken"
    mv -T current "$taken" || { rm -f .shipit/take-link .shipit/take; refuse not-ready "can't move $root/current"; }
    mv -fT .shipit/take-link current
  fi
  rm -f .shipit/take-link
  sync . releases
  end_adoption
}

# What is left to do for `.shipit/take` once `current` is a link: the GC root and the line in the journal.
end_adoption() {
  read_take
  name=${taken#releases/}
  if [ -d "$taken" ] && [ ! -L "$taken" ]; then
    found=$(readlink "$taken/result" 2>/dev/null)
    found_json=
    case $found in
      /nix/store/*)
        # It may have been built just now, and a rollback trusts it.
        sync -f "$taken" "$found" && sync_nix
        if "$nix/nix-store" --realise "$found" --add-root "$root/$taken/result" --indirect >/dev/null 2>&1 9>&-; then
          found_json=",\"store_path\":\"$(plain "$found")\""
        fi ;;
    esac
    case $(tail -n 1 .shipit/journal.jsonl 2>/dev/null) in
      *"\"adopted\",\"release\":\"$name\""*) ;;
      *)
        journal_line "$number" adopted ",\"release\":\"$name\"$found_json" '' ||
          no_room
        say "adopted $name"
        number=$((number + 1)) ;;
    esac
  fi
  # The journal may be new: its name has to be on the disk before `take` goes.
  sync .shipit
  rm -f .shipit/take
}

# What Nix knows, its GC roots too, which may lie on another disk than the store.
sync_nix() {
  [ ! -d /nix/var/nix ] || sync -f /nix/var/nix
}

# Puts the release into its place. `.shipit/placing` names it until the journal does, so that it is known as ours: else the
# next deploy of this commit would take it for somebody else's and move it aside.
place_release() {
  there="releases/$release"
  if [ -e "$there" ] && [ "$known" != yes ]; then
    aside="$there.found"
    while [ -e "$aside" ]; do aside="${aside}x"; done
    mv -T "$there" "$aside" || refuse not-ready "can't move $root/$there aside"
  fi
  if [ ! -e "$there" ]; then
    made=".shipit/incoming/$token/release"
    mkdir -p "$made" || no_room
    if [ -n "$new_assets" ]; then
      cp -RP "$new_assets/." "$made/" && chmod -R u+w "$made" || refuse not-ready "can't copy the assets into $root/.shipit"
    fi
    printf '%s' "$release" >.shipit/placing && sync .shipit/placing .shipit || no_room
  fi
  # Durable before rooted: nothing of `nix copy` is synced by itself. A power loss would leave files that are empty and that
  # Nix calls valid; with a GC root nobody could remove them, and missing.sh trusts what a release of ours holds.
  sync -f "$store_path" . && sync_nix || refuse not-ready "can't write $store_path to the disk"
  if [ ! -e "$there" ]; then
    mv -T "$made" "$there" || refuse not-ready "can't make $root/$there"
  fi
  case $(readlink "$there/result" 2>/dev/null) in
    '' | "$store_path") ;;
    *) refuse not-ready "$root/$there has another closure" ;;
  esac
  # The root is made where it stays: one in a folder that is renamed afterwards is lost.
  said=$("$nix/nix-store" --realise "$store_path" --add-root "$root/$there/result" --indirect 2>&1 9>&-) ||
    refuse copy "the GC root could not be made: ${said##*error: }"
}
