#!/bin/bash
# Runs the tests on a real LAN in namespaces of their own: no interface but a new loopback, so no
# frame can leave; private mounts and processes, so nothing is left behind however the run ends.
# Usage: bash test/interop/run.sh [FILE.test.ts ...]
set -euo pipefail
cd "$(dirname "$0")/../.."

if [ "${1-}" != --inside ]; then
    [ "$(id -u)" -eq 0 ] || { echo "error: the interop tests make network namespaces: run them as root" >&2; exit 1; }
    bash test/interop/packages.sh
    [ $# -gt 0 ] || set -- test/interop/*.test.ts
    # unshare itself ignores the signals that ask it to end; killed, it takes the namespace with it.
    unshare --net --mount --pid --fork --kill-child --mount-proc \
        bash test/interop/run.sh --inside "$@" &
    trap 'kill -KILL $!' INT TERM
    wait $!
    exit
fi
shift

ip link set lo up
# Sockets, leases, captures and PID files go to memory that ends with this namespace.
mount -t tmpfs tmpfs /run
export TMPDIR=/run/interop
mkdir -p "$TMPDIR"

# One file after the other: all of them use the same tap, addresses and ports. Again if one fails: the servers' time is
# the real one, and a machine that stops for longer than a lease of some seconds makes the phone lose it.
attempts=3
# Seconds for a file: a test that has failed may leave something that keeps its process from ending.
patience=900
status=0
for file in "$@"; do
    for ((i = 1; ; i++)); do
        timeout --kill-after=10 "$patience" npx tsx --test "$file" && break
        echo "# $file has failed, $i of $attempts times"
        [ "$i" -lt "$attempts" ] || { status=1; break; }
    done
done
exit "$status"
