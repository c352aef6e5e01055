/**
 * A router on the LAN, and the world behind it: Linux, each in a network namespace of its own. In the world a host sends each
 * datagram back to where it came from.
 *
 *     vde_switch == vde_plug2tap == tap0, the router, wan0 ==== eth0, the world
 */
import { TAP, type Lan } from "./lan.js"
import { type HostProcess } from "./process.js"

/** The router's addresses on the LAN: in the subnet of the host, and in none that a lease has. */
export const ROUTER = "10.88.0.9"
export const ROUTER_ELSEWHERE = "10.9.0.1"
/** An address of the LAN at which nobody is. */
export const NOBODY = "10.88.0.8"
/** The host in the world, and its port. */
export const FAR_HOST = "192.0.2.9"
export const FAR_PORT = 4000

const ECHO = `
const socket = require("node:dgram").createSocket("udp4")
socket.on("message", (data, { port, address }) => socket.send(data, port, address)).on("error", () => {})
socket.bind(${FAR_PORT}, "${FAR_HOST}", () => console.log("listening"))
`
/** $1 is the switch, $2 Node.js, $3 its program. */
const SCRIPT = `
vde_plug2tap -s "$1" ${TAP} &
until ip link show ${TAP} >&2; do kill -0 $! || exit; sleep 0.05; done
echo 1 > /proc/sys/net/ipv6/conf/${TAP}/disable_ipv6 || true
ip link set lo up
ip address add ${ROUTER}/24 dev ${TAP} && ip address add ${ROUTER_ELSEWHERE}/32 dev ${TAP} && ip link set ${TAP} up || exit
echo 1 > /proc/sys/net/ipv4/ip_forward || exit
unshare --net sleep infinity &
world=$!
until [ "$(readlink /proc/$world/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.05; done
ip link add wan0 type veth peer name eth0 netns $world || exit
ip address add 192.0.2.1/24 dev wan0 && ip link set wan0 up || exit
exec nsenter --net --target $world bash -c '
ip link set lo up && ip address add ${FAR_HOST}/24 dev eth0 && ip link set eth0 up && ip route add default via 192.0.2.1 || exit
exec "$0" -e "$1"' "$2" "$3"
`

/** Plug it in; resolves when the host behind it listens. It is unplugged with its LAN at the latest. */
export async function plugInRouter(lan: Lan): Promise<HostProcess> {
    const router = lan.spawn("router", "unshare", ["--net", "bash", "-c", SCRIPT, "router", lan.file("switch"), process.execPath, ECHO])
    await router.ready("the world behind it", () => router.stdout.includes("listening"))
    return router
}
