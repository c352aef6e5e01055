/**
 * The same work for Node.js's own timers: a program which sends as many streams of voice as it is told, all begun in one
 * moment, to the LAN's echo devices, and counts what comes back. What the machine disturbs it disturbs here too.
 *
 *     node --import tsx bench/lan/timers.ts HOST:PORT CALLS SECONDS
 *
 * Its parent gets the number of frames that came back as a message, and ends it.
 */
import { buildIpv4, PROTOCOL_UDP } from "../../sim/lan/ipv4.js"
import { LAN } from "../../sim/lan/lan.js"
import { buildUdp } from "../../sim/lan/udp.js"
import { EthernetClient, udpOf } from "../../test/support/ethernet-client.js"
import { PTIME } from "./departures.js"

const MAC = "02:00:0a:4d:00:64"
const FIRST_HOST = 100
const RTP_PORT = 5004
const ECHO_PORT = 4000
/** RTP header and 20 ms of G.711. */
const PAYLOAD = 172
/** Milliseconds for which the last frames are waited for, as the phone does. */
const TAIL = 200

/** Frame n leaves at t0 + 20n ms, as in the firmware. */
async function talk(frames: number, send: (n: number) => void): Promise<void> {
    const start = performance.now()
    for (let n = 0; n < frames; n++) {
        const wait = start + PTIME * n - performance.now()
        if (wait > 0) await new Promise(resolve => setTimeout(resolve, Math.ceil(wait)))
        send(n)
    }
}

const [lan, calls, seconds] = process.argv.slice(2)
const [host, port] = lan.split(":")
const client = await EthernetClient.connect({ host, port: Number(port) }, MAC)
// however its parent has ended
process.on("disconnect", () => process.exit())

const addresses = Array.from({ length: Number(calls) }, (_, i) => `10.77.0.${FIRST_HOST + i}`)
for (const address of addresses) client.addresses.add(address)
const targets = [LAN.echo1, LAN.echo2]
// both sides know each other before the first frame
for (const address of addresses) for (const target of targets) await client.resolve(target.address, address)

await Promise.all(
    addresses.map((source, i) => {
        const { mac, address } = targets[i % targets.length]
        const payload = Buffer.alloc(PAYLOAD)
        payload[0] = 0x80
        return talk((Number(seconds) * 1000) / PTIME, n => {
            payload.writeUInt16BE(n, 2)
            payload.writeUInt32BE(160 * n, 4)
            const datagram = buildUdp(source, RTP_PORT, address, ECHO_PORT, payload)
            client.send(client.ipv4(mac, buildIpv4({ source, destination: address, protocol: PROTOCOL_UDP, payload: datagram })))
        })
    })
)
await new Promise(resolve => setTimeout(resolve, TAIL))
process.send!({ received: client.frames.filter(frame => udpOf(frame)?.sourcePort === ECHO_PORT).length })
