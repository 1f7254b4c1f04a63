# The app: becomes bin/server, with PATH and content set before the first line.
#
#   server           serve HTTP on SERVER_PORT, as the file `behaviour` says
#   server migrate   note who ran it, where, for which database
# shellcheck shell=sh
# shellcheck disable=SC2154 # PATH and content: see bin.sh

set -u

# says WORD: whether the commit's file `behaviour` has such a line; then $number
# is what follows.
says() {
    while read -r what number; do
        [ "$what" = "$1" ] && return 0
    done < "$content/behaviour"
    number=
    return 1
}

migrate() {
    database=${SERVER_DB_PATH:-data/server.db}
    mkdir -p "$(dirname "$database")" || exit 1
    user=$(id -un 2> /dev/null) || user=$(id -u)
    echo "$user $PWD $database" >> "$(dirname "$database")/migrated" || exit 1
    echo "migrated $database as $user in $PWD"
}

migrate_fail() {
    echo "migration 1: ok"
    echo "migration 2: no such table: visits"
    echo "boom: the migration failed" >&2
    exit 3
}

migrate_hang() {
    echo "migration 1: waiting for a lock"
    exec sleep 1000000
}

serve() {
    if says crash; then
        echo "boom: refused to start" >&2
        exit 1
    fi
    if says ignore-term; then
        trap '' TERM # what is exec'ed ignores it, too
    fi
    if says slow-start; then
        echo "starts to listen in $number s"
        sleep "$number"
    fi
    if says no-listen; then
        echo "version $version runs, and listens nowhere"
        exec sleep 1000000
    fi

    if [ "$mode" = flaky ]; then
        count=$(mktemp) # one line per request
        export count
    fi
    port=${SERVER_PORT:-:3001}
    port=${port#:}
    echo "version $version listens on $port"
    if says crash-after; then
        httpd -f -p "$port" -h "$content" &
        httpd=$!
        says ignore-term || trap 'kill "$httpd"; exit 0' TERM
        says crash-after
        sleep "$number" &
        wait $!
        echo "boom: had enough after $number s" >&2
        kill -KILL "$httpd"
        exit 1
    fi
    exec httpd -f -p "$port" -h "$content"
}

# What page.sh wants to know.
version=$(cat "$content/version")
rev=$(cat "$content/rev")
cwd=$PWD
view=$(head -n1 views/index.html 2> /dev/null) || view=none
mode=ok
for word in error mute flaky; do
    says "$word" && mode=$word
done
export PATH version rev cwd view mode

case "${1-}" in
    "") serve ;;
    migrate)
        says migrate-fail && migrate_fail
        says migrate-hang && migrate_hang
        migrate
        ;;
    migrate-fail) migrate_fail ;;
    migrate-hang) migrate_hang ;;
    *)
        echo "usage: server [migrate | migrate-fail | migrate-hang]" >&2
        exit 2
        ;;
esac
