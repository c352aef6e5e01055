/** The LAN that a program's phones are on: the embedded one, or another that is there already. */
import { once } from "node:events"
import { connect } from "node:net"
import { setTimeout } from "node:timers/promises"
import { EmbeddedLan } from "./lan/lan.js"
import type { NetworkOptions } from "./options.js"
import type { End } from "./program.js"

const LAN_TIMEOUT = 3_000
/** Milliseconds in which a program that cannot carry frames has ended: `socat` starts one for each connection. */
const HANGUP_TIME = 400

/** The phone would try again and again, and its user would wonder. @throws if nothing listens there, or it hangs up at once */
async function answers(address: string): Promise<void> {
    const colon = address.lastIndexOf(":")
    const socket = connect({ host: address.slice(0, colon), port: Number(address.slice(colon + 1)), timeout: LAN_TIMEOUT })
    // frames may come, which an end hides behind
    socket.resume()
    const failed = once(socket, "timeout").then(() => Promise.reject(new Error("no answer")))
    failed.catch(() => {})
    try {
        await Promise.race([once(socket, "connect"), failed])
    } catch (error) {
        socket.destroy()
        throw new Error(`there is no LAN at ${address} (${(error as Error).message}); start it, or leave --lan out`)
    }
    const gone = Promise.race([once(socket, "end"), once(socket, "close")]).then(
        () => true,
        () => true
    )
    const hangsUp = await Promise.race([gone, setTimeout(HANGUP_TIME, false)])
    socket.destroy()
    if (hangsUp) throw new Error(`the LAN at ${address} hangs up at once; see that its switch runs, and what its program says`)
}

/** @returns `HOST:PORT` of the LAN, which answers there @throws if it does not */
export async function openNetwork(options: NetworkOptions, ended: End[]): Promise<string> {
    if (options.lan === "embedded") {
        const embedded = await EmbeddedLan.start({ pcap: options.pcap })
        ended.push(() => embedded.stop())
        return `${embedded.host}:${embedded.port}`
    }
    if (options.pcap) throw new Error("--pcap captures the embedded LAN; on another LAN use tcpdump or tshark")
    const address = options.lan.replace("tcp://", "")
    await answers(address)
    return address
}
