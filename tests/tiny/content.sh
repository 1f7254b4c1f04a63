#!/bin/sh
# Builds `content`: what differs from commit to commit, and the page that httpd
# answers / with. The behaviours that concern the build are dealt with here.
# shellcheck disable=SC2154 # the variables come from the derivation

set -eu

fail_build() {
    i=1
    while [ "$i" -le 29 ]; do
        echo "compiling part $i of 30"
        i=$((i + 1))
    done
    echo "boom: part 30 does not compile"
    exit 1
}

mkdir -p "$out/cgi-bin"

echo "$behaviour" | while read -r what number rest; do
    case "$what $number" in
        "slow-build "[0-9]*) sleep "$number" ;;
        "fail-build ") fail_build ;;
        "heavy "[0-9]*) head -c "${number}M" /dev/urandom > "$out/heavy" ;;
        "crash-after "[0-9]* | "slow-start "[0-9]*) ;;
        "crash " | "error " | "mute " | "flaky " | "ignore-term " | "no-listen ") ;;
        "migrate-fail " | "migrate-hang ") ;;
        "ok " | " " | "#"*) ;;
        *)
            echo "behaviour: cannot make sense of: $what $number $rest"
            exit 1
            ;;
    esac
done

echo "$behaviour" > "$out/behaviour"
echo "$version" > "$out/version"
echo "$rev" > "$out/rev"
{
    echo "#!$busybox/bin/sh"
    cat "$page"
} > "$out/cgi-bin/index.cgi"
chmod 555 "$out/cgi-bin/index.cgi"
