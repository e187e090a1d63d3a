#!/bin/sh
# Keeps one host alive: the first process of the host's mount, network and process namespaces.
# usage: machine.sh BASE SCRATCH NAME NSPAWN-ARGUMENT...
set -eu
base=$1 scratch=$2 name=$3
shift 3

# Two guests of one cgroup would stop each other's services; 0 means the writing process.
for hierarchy in /sys/fs/cgroup /sys/fs/cgroup/systemd /sys/fs/cgroup/unified; do
    if [ -e "$hierarchy/cgroup.procs" ]; then
        mkdir -p "$hierarchy/$name"
        echo 0 >"$hierarchy/$name/cgroup.procs"
    fi
done

# Nothing of a host outlives this process: what its programs flush need not reach the disk.
mount -t overlay overlay \
    -o "lowerdir=$base,upperdir=$scratch/upper,workdir=$scratch/work,volatile" "$scratch/root"
# What systemd-nspawn leaves in its run directory goes away with this namespace.
mkdir -p /run/systemd/nspawn
mount -t tmpfs tmpfs /run/systemd/nspawn
ip link set lo up

# A guest that reboots ends systemd-nspawn --keep-unit with 133: power is back at once.
status=133
while [ "$status" -eq 133 ]; do
    status=0
    systemd-nspawn --quiet --register=no --keep-unit --settings=no --link-journal=no \
        --resolv-conf=off --timezone=off --capability=CAP_NET_ADMIN \
        --network-namespace-path=/proc/self/ns/net \
        --directory="$scratch/root" "$@" || status=$?
done
exit "$status"
