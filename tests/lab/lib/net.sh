# shellcheck shell=bash
# Cables. A machine hangs on a veth pair: `labN` here with 10.213.X.Y1, `net0` inside with the next
# address. Both sides know each other's hardware address for good, so that nothing ever asks for it
# and a cut cable is silence, as on the internet, and not "no route to host".
#
# While a machine is off, its end of the cable lies loose on this side (`labNp`): whoever still
# talks to it hears nothing, and no packet strays to the default route.

NET_PREFIX=10.213

# A slot is a number of which interface names, addresses and hardware addresses are made.
slot_net() { printf '%s.%s' "$NET_PREFIX" "$1"; }
slot_mac() { printf '02:5a:%02x:%02x:00:%s' $(($1 / 256)) $(($1 % 256)) "$2"; }
MAC_HERE=01 MAC_THERE=02 MAC_NOBODY=0f

# Takes a free slot for a machine. The caller holds the lab's lock.
slot_take() { # NAME FACT
  local slot file taken=" "
  for file in "$LAB_STATE"/*/slot "$LAB_STATE"/*/link-*; do
    # A machine may be taken down in this moment, without the lock.
    taken+="$(cut -d' ' -f1 "$file" 2>/dev/null || true) "
  done
  for ((slot = 1; slot < 255; slot++)); do
    [[ $taken != *" $slot "* ]] || continue
    # Not ours, but in use on this machine all the same.
    [[ -z $(ip -4 route show root "$(slot_net "$slot").0/24") ]] || continue
    ! ip link show "lab$slot" >/dev/null 2>&1 || continue
    put_fact "$1" "$2" "$slot"
    return 0
  done
  die "no free network left in $NET_PREFIX.0.0/16"
}

net_inside() { nsenter --target "$1" --net -- "${@:2}"; }

# Makes the pair, the far end loose.
cable_lay() { # NAME
  local slot net
  slot=$(fact "$1" slot)
  net=$(slot_net "$slot")
  ! ip link show "lab$slot" >/dev/null 2>&1 || return 0
  ip link add "lab$slot" address "$(slot_mac "$slot" $MAC_HERE)" type veth \
    peer name "lab${slot}p" address "$(slot_mac "$slot" $MAC_THERE)"
  ip link set "lab$slot" alias "shipit-lab-$1"
  ip address add "$net.1/24" dev "lab$slot"
  ip link set "lab$slot" up
  ip neighbour replace "$net.2" lladdr "$(slot_mac "$slot" $MAC_THERE)" dev "lab$slot" nud permanent
}

cable_plug() { # NAME LEADER
  local slot net
  slot=$(fact "$1" slot)
  net=$(slot_net "$slot")
  # An orderly shutdown took the whole pair with it.
  cable_lay "$1"
  ip link set "lab${slot}p" netns "$2" name net0
  # A crash cuts the cable first: it may still have the wrong address.
  net_inside "$2" ip -batch - <<EOF
link set net0 address $(slot_mac "$slot" $MAC_THERE)
address add $net.2/24 dev net0
link set net0 up
neighbour replace $net.1 lladdr $(slot_mac "$slot" $MAC_HERE) dev net0 nud permanent
EOF
}

cable_pull() { # NAME LEADER
  local slot
  slot=$(fact "$1" slot)
  net_inside "$2" ip link set net0 netns 1 name "lab${slot}p" 2>/dev/null || :
}

cable_remove() { # NAME
  local slot
  slot=$(fact "$1" slot)
  [[ -z $slot ]] || ip link delete "lab$slot" 2>/dev/null || :
}

# The cables of a machine as lines "SLOT INTERFACE SIDE", seen from inside; SIDE 2 is the server's end.
cables_of() { # NAME
  local file slot side
  printf '%s net0 2\n' "$(fact "$1" slot)"
  for file in "$(state_dir "$1")"/link-*; do
    [[ -e $file ]] || continue
    read -r slot side <"$file"
    printf '%s link%s %s\n' "$slot" "$slot" "$side"
  done
}

# Both directions are cut from inside: with another address of its own the machine is deaf, with
# a wrong one for its neighbour nobody hears it. Neither side notices anything but silence.
cable_tune() { # NAME cut|mend
  local leader slot interface side own peer
  leader=$(running_leader "$1") || die "'$1' is not running"
  while read -r slot interface side; do
    # A link to a machine that has gone since.
    net_inside "$leader" ip link show "$interface" >/dev/null 2>&1 || continue
    own=$MAC_THERE peer=$MAC_HERE
    if ((side == 1)); then own=$MAC_HERE peer=$MAC_THERE; fi
    if [[ $2 == cut ]]; then own=e$side peer=$MAC_NOBODY; fi
    # In this order: a new own address makes the kernel forget its neighbours.
    net_inside "$leader" ip -batch - <<EOF
link set $interface address $(slot_mac "$slot" "$own")
neighbour replace $(slot_net "$slot").$((3 - side)) lladdr $(slot_mac "$slot" "$peer") dev $interface nud permanent
EOF
  done < <(cables_of "$1")
}

lab_cut() { check_exists "${1:-}" && cable_tune "$1" cut; }
lab_mend() { check_exists "${1:-}" && cable_tune "$1" mend; }

lab_rate() { # NAME RATE
  check_exists "${1:-}"
  local leader slot interface side rate=${2:-} other
  [[ $rate == off || $rate =~ ^[0-9]+(\.[0-9]+)?[kmg]?bit$ ]] || die "a rate is like 20mbit, or off"
  leader=$(running_leader "$1") || die "'$1' is not running"
  while read -r slot interface side; do
    shape "$rate" "$interface" nsenter --target "$leader" --net --
    if [[ $interface == net0 ]]; then
      shape "$rate" "lab$slot"
    else
      other=$(running_leader "$(link_peer "$1" "$slot")") || continue
      shape "$rate" "$interface" nsenter --target "$other" --net --
    fi
  done < <(cables_of "$1")
}
shape() { # RATE INTERFACE [PREFIX…]
  local rate=$1 interface=$2
  shift 2
  if [[ $rate == off ]]; then
    "$@" tc qdisc delete dev "$interface" root 2>/dev/null || :
  else
    "$@" tc qdisc replace dev "$interface" root tbf rate "$rate" burst 32kb latency 400ms
  fi
}

# ---- a cable between two machines ----

# The other machine on the same slot.
link_peer() { # NAME SLOT
  local file
  for file in "$(state_dir "$1")"/link-*; do
    [[ $(cut -d' ' -f1 "$file") != "$2" ]] || basename -- "${file##*/link-}"
  done
}

lab_link() { # LAPTOP SERVER
  check_exists "${1:-}"
  check_exists "${2:-}"
  local laptop server slot net
  laptop=$(running_leader "$1") || die "'$1' is not running"
  server=$(running_leader "$2") || die "'$2' is not running"
  lock_lab
  [[ -e $LAB_STATE/$1/link-$2 ]] || slot_take "$1" "link-$2"
  slot=$(fact "$1" "link-$2")
  slot=${slot%% *}
  put_fact "$1" "link-$2" "$slot 1"
  put_fact "$2" "link-$1" "$slot 2"
  unlock_lab
  net=$(slot_net "$slot")
  # After a crash of one of them the old cable is gone or useless.
  net_inside "$laptop" ip link delete "link$slot" 2>/dev/null || :
  net_inside "$server" ip link delete "link$slot" 2>/dev/null || :
  ip link add "lab${slot}l" address "$(slot_mac "$slot" $MAC_HERE)" type veth \
    peer name "lab${slot}p" address "$(slot_mac "$slot" $MAC_THERE)"
  ip link set "lab${slot}l" netns "$laptop" name "link$slot"
  ip link set "lab${slot}p" netns "$server" name "link$slot"
  net_inside "$laptop" ip -batch - <<EOF
address add $net.1/24 dev link$slot
link set link$slot up
neighbour replace $net.2 lladdr $(slot_mac "$slot" $MAC_THERE) dev link$slot nud permanent
EOF
  net_inside "$server" ip -batch - <<EOF
address add $net.2/24 dev link$slot
link set link$slot up
neighbour replace $net.1 lladdr $(slot_mac "$slot" $MAC_HERE) dev link$slot nud permanent
EOF
  printf 'address=%s\n' "$net.2"
}
