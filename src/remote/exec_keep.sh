# Beside `exec`, as the login: says who it is, and lives as long as its client says a line every few seconds. The command ends
# after it (exec_run.sh). It says:  keeper PROCESS · ack · end
# shellcheck shell=sh

silence=$1
say "keeper $$"
while timeout -s KILL "$silence" sh -c 'IFS= read -r line'; do
  say ack
done
say end
