# Asks the health check once: prints the status, or why there is none. Part of switch.sh and doctor.sh.
# shellcheck shell=sh
# shellcheck disable=SC2016,SC2154 # the words come from the script that this is part of

ask() {
  case $asker in
    curl)
      set -- -q -sS -o /dev/null -w '%{http_code}' --max-time 5 --noproxy '*'
      if [ -n "$health_host" ]; then set -- "$@" -H "Host: $health_host"; fi
      timeout -s KILL 7 curl "$@" -- "$health_url" ;;
    bash)
      timeout -s KILL 5 bash --norc -c '
        exec 3<>"/dev/tcp/$1/$2" || exit 7
        printf "GET %s HTTP/1.0\r\nHost: %s\r\nConnection: close\r\n\r\n" "$3" "$4" >&3
        IFS=" " read -r _ status _ <&3
        printf %s "$status"' ask "$health_name" "$health_port" "$health_path" "${health_host:-$health_name}" ;;
  esac
}
