#!/bin/bash
# Installs the Debian packages that the tests on a real LAN need, if any is missing.
set -euo pipefail

PACKAGES=(
    curl vde2 dnsmasq-base kea-dhcp4-server isc-dhcp-server udhcpd udhcpc socat ffmpeg tshark iproute2
    baresip-core kamailio linphone-cli sip-tester
)

fail() { echo "error: $1" >&2; exit 1; }
for tool in dpkg-query apt-get; do
    command -v "$tool" >/dev/null ||
        fail "$tool is missing: the interop tests need Debian or a system made from it"
done

missing=()
for package in "${PACKAGES[@]}"; do
    status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$status" = installed ] || missing+=("$package")
done
[ "${#missing[@]}" -gt 0 ] || exit 0

[ "$(id -u)" -eq 0 ] || fail "packages are missing (${missing[*]}): run this as root"
export DEBIAN_FRONTEND=noninteractive
# The servers are for the LAN of the tests: none shall start on the host because it is installed.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
fi
apt-get update -q
apt-get install -q -y --no-install-recommends "${missing[@]}" ||
    fail "apt-get could not install ${missing[*]}"
