# The words come as base64 of "." and the word, so that any login shell passes on any word, the empty one too.
# shellcheck shell=sh
words_left=$#
while [ "$words_left" -gt 0 ]; do
  word=$(printf %s "$1" | base64 -d && printf x)
  shift
  word=${word%x}
  set -- "$@" "${word#.}"
  words_left=$((words_left - 1))
done
unset word words_left
