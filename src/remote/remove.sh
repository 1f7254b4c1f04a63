# How old releases go, with the lock held. `p_old` leads to what was live before, and stays like what is live now.
# shellcheck shell=sh
# shellcheck disable=SC2154 # prune and p_old come from the parts sent with it

prune_releases() {
  gone=
  # shellcheck disable=SC2086 # release names have no blanks
  for name in $prune; do
    # By what they lead to: a link that a person made may be worded otherwise.
    # shellcheck disable=SC3013 # -ef came into POSIX late, and was in every shell before
    if [ ! -d "releases/$name" ] || [ "releases/$name" -ef current ] || [ "releases/$name" -ef "$p_old" ]; then continue; fi
    # Renamed first: a release is there with its root, or not at all.
    mkdir -p .shipit/incoming
    if mv -T "releases/$name" ".shipit/incoming/gone-$name" && rm -rf ".shipit/incoming/gone-$name"; then
      journal_line 0 pruned ",\"release\":\"$name\"" ''
      gone="$gone $name"
    else
      say "prune-failed $name"
    fi
  done
  [ -z "$gone" ] || say "pruned$gone"
}
