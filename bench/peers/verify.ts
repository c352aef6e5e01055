/** Whether the firmware and its peers do the same work. */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { isDeepStrictEqual } from "node:util"
import { PROJECT } from "../../sim/firmware.js"
import { macToBytes } from "../../sim/lan/ethernet.js"
import { addressToBytes } from "../../sim/lan/ipv4.js"
import type { Firmware } from "./contenders.js"
import { addressOfCall, CALLS, MAC, PEER, PEER_PORT, PORT } from "../frames.js"
import type { Peer } from "./peer.js"
import { everyKind, REFUSED, UNKNOWN } from "./script.js"

const SAMPLES_PER_FRAME = 160

/** The speech in the firmware's flash. */
function speech(): Buffer {
    const digits = /hex`([^`]*)`/.exec(readFileSync(join(PROJECT, "src/voice/speech.ts"), "utf8"))
    if (!digits) throw new Error("there is no speech in src/voice/speech.ts")
    return Buffer.from(digits[1]!.replace(/\s/g, ""), "hex")
}

function same(what: string, name: string, actual: unknown, expected: unknown): void {
    if (isDeepStrictEqual(actual, expected)) return
    throw new Error(`${name} and the firmware differ in ${what}: ${JSON.stringify(actual)} instead of ${JSON.stringify(expected)}`)
}

/**
 * See that all do the same: what they send, octet by octet, and their figures after frames of every kind.
 * @throws if not
 */
export async function verify(firmware: Firmware, peers: Peer[], progress: (text: string) => void): Promise<void> {
    const sound = speech()
    // once around the speech, and a bit
    const frames = CALLS * (sound.length / SAMPLES_PER_FRAME + 3)
    const before = await firmware.figures()
    firmware.orders = 0
    const sent = await firmware.vm.capture(async () => {
        await firmware.obey(`send ${frames} 0`)
        await firmware.check(true)
        await firmware.obey(`send ${2 * CALLS} 0`)
        await firmware.check(false)
    })
    const plan = {
        mac: macToBytes(MAC),
        speech: sound,
        calls: Array.from({ length: CALLS }, (_, call) => ({
            address: addressToBytes(addressOfCall(call)),
            port: PORT,
            remote: addressToBytes(PEER),
            remotePort: PEER_PORT,
            first: sent[call]!,
        })),
    }
    for (const peer of peers) {
        peer.reset(plan)
        const theirs = peer.send(frames)
        peer.check(true)
        theirs.push(...peer.send(2 * CALLS))
        peer.check(false)
        same("the number of frames sent", peer.name, theirs.length, sent.length)
        theirs.forEach((f, i) => same(`frame ${i} sent`, peer.name, Buffer.from(f).toString("hex"), Buffer.from(sent[i]!).toString("hex")))
    }

    const arrivals = everyKind()
    await firmware.vm.arrive(
        arrivals.map(a => [a.chunk]),
        arrivals.map(a => a.clock)
    )
    const after = await firmware.figures()
    const complaints = after.counters.icmpTx!
    // one about a protocol, the others about a port
    after.calls[REFUSED]!.ifcTx! -= complaints - 1
    after.calls[UNKNOWN]!.ifcTx! -= 1
    for (const peer of peers) {
        for (const { chunk, clock } of arrivals) peer.receive(chunk, clock)
        const { calls, counters } = peer.figures()
        after.calls.forEach((figures, call) => same(`the figures of call ${call}`, peer.name, calls[call], figures))
        for (const [name, count] of Object.entries(counters)) {
            // the firmware also heard our orders
            const extra = name === "phyRx" ? firmware.orders : name === "phyTx" ? complaints : 0
            same(`the counter ${name}`, peer.name, count, after.counters[name]! - before.counters[name]! - extra)
        }
    }
    progress(
        `${sent.length} frames sent and ${arrivals.length} received alike by ${["the firmware", ...peers.map(p => p.name)].join(", ")}`
    )
}
