# The words come so that any login shell passes them on: the first is base64 of a line for each of them and a last one with
# a dot. In a line `\\` is a backslash and `\n` a line's end, and `\w` stands for the next of the words behind it: base64 of
# "." and a long one. A program is started for all the short ones together, not for each.
# shellcheck shell=sh
# shellcheck disable=SC1003 # a backslash is meant
if [ "$#" -gt 0 ]; then
  lines=$(printf %s "$1" | base64 -d)
  shift
  while [ -n "$lines" ] && [ "$lines" != . ]; do
    word=${lines%%"$newline"*}
    lines=${lines#*"$newline"}
    case $word in
      '\w')
        word=$(printf %s "$1" | base64 -d && printf x)
        shift
        word=${word%x}
        word=${word#.} ;;
      *'\'*)
        word=$(printf '%bx' "$word")
        word=${word%x} ;;
    esac
    set -- "$@" "$word"
  done
  unset word lines
fi
