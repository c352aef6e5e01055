/**
 * Another host on the LAN: Linux with a network stack of its own, which answers for the address that it is given.
 *
 *     vde_switch == vde_plug2tap == tap0 in a network namespace of its own
 */
import { createSocket } from "node:dgram"
import { type Lan, TAP } from "./lan.js"
import { type HostProcess } from "./process.js"

const SCRIPT = `
vde_plug2tap -s "$1" ${TAP} &
until ip link show ${TAP} >&2; do kill -0 $! || exit; sleep 0.05; done
echo 1 > /proc/sys/net/ipv6/conf/${TAP}/disable_ipv6 || true
ip address add "$2/24" broadcast + dev ${TAP} && ip link set ${TAP} up || exit
wait
`

/** A port at which no program of the host listens. */
const CLOSED_PORT = 9
/** Milliseconds for an answer. */
const PATIENCE = 200

/** Whether somebody at an address says that nobody listens there (RFC 1122, 4.1.3.1). */
async function refuses(address: string): Promise<boolean> {
    const socket = createSocket("udp4")
    let timer: NodeJS.Timeout | undefined
    try {
        return await new Promise(resolve => {
            socket.on("error", error => resolve((error as NodeJS.ErrnoException).code === "ECONNREFUSED"))
            socket.connect(CLOSED_PORT, address, () => socket.send("?"))
            timer = setTimeout(resolve, PATIENCE, false)
        })
    } finally {
        clearTimeout(timer)
        socket.close()
    }
}

/** Plug it in; resolves when it answers for its address. It is unplugged with its LAN at the latest. */
export async function plugIn(lan: Lan, address: string): Promise<HostProcess> {
    const host = lan.spawn(`host at ${address}`, "unshare", ["--net", "bash", "-c", SCRIPT, "host", lan.file("switch"), address])
    await host.ready("its stack", () => refuses(address))
    return host
}
