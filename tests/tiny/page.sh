# Answers one request: becomes cgi-bin/index.cgi in the content.
# shellcheck shell=sh
# shellcheck disable=SC2154 # server.sh exports the variables

respond() {
    printf 'Status: %s\r\nContent-Type: text/plain\r\n\r\n' "$1"
}

case $mode in
    mute)
        exec sleep 1000000
        ;;
    error)
        respond '500 Internal Server Error'
        echo "boom: always an error"
        exit
        ;;
    flaky)
        # 1st: 200, 2nd: 500, …
        echo >> "$count"
        lines=$(wc -l < "$count")
        if [ $((lines % 2)) -eq 0 ]; then
            respond '500 Internal Server Error'
            echo "boom: every other request"
            exit
        fi
        ;;
esac

respond '200 OK'
echo "version: $version"
echo "rev: $rev"
echo "cwd: $cwd"
echo "view: $view"
