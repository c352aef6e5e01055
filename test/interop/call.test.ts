/**
 * Calls from the firmware to ffmpeg over a real Ethernet, with leases of dnsmasq, judged by
 * Wireshark and by what was heard.
 */
import assert from "node:assert/strict"
import { before, describe, test } from "node:test"
import { Capture } from "./capture.js"
import { firmware, lastJson } from "./firmware.js"
import { HOST, Lan } from "./lan.js"
import { type HostProcess, until } from "./process.js"
import { RtpReceiver } from "./receiver.js"
import { Dnsmasq } from "./servers/dnsmasq.js"
import type { DhcpServer } from "./servers/server.js"
import { SAMPLE_RATE, likeness, speech } from "../support/speech.js"

/** How much a call must sound like what was played. */
const ALIKE = 0.99
/** Seconds that must have been heard of a call of 10 s. */
const HEARD = 9.5
/** Milliseconds for the firmware to boot, to call for 10 s and to stop. */
const CALL = 60_000
/** Seconds: none is renewed in so short a call. */
const TIMES = { lease: 3600, t1: 1800, t2: 3150 }
/** Milliseconds that a server may take to write that a lease was released. */
const RELEASE = 2_000

const played = await speech()

describe("comparison with what was played", () => {
    const loop = played
    const heard = Int16Array.from({ length: 10 * SAMPLE_RATE }, (_, i) => loop[(i + 5000) % loop.length]!)

    test("the same from another point of the loop and at another gain", () => {
        assert.ok(
            likeness(
                heard.map(x => x / 2),
                loop
            ) > 0.999
        )
    })
    test("backwards is something else", () => {
        assert.ok(likeness(heard.slice().reverse(), loop) < 0.5)
    })
    test("one frame lost in the middle shows", () => {
        const lost = Int16Array.from([...heard.subarray(0, 40_000), ...heard.subarray(40_160)])
        assert.ok(likeness(lost, loop) < 0.9)
    })
    test("one second of silence shows", () => {
        assert.ok(likeness(heard.slice().fill(0, 20_000, 28_000), loop) < ALIKE)
    })
})

/** What an observer on the LAN knows of some calls after they have ended. */
interface Observed {
    program: HostProcess
    /** What each receiver heard. */
    heard: Int16Array[]
    /** Source addresses of the voice that came to each receiver. */
    sources: string[][]
    /** Source MACs of all that voice. */
    macs: string[]
    /** Addresses that had a lease at some time during the calls. */
    leased: string[]
    /** Those of the sources that have a lease still. */
    kept: string[]
    /** @see Capture.faults */
    faults: string[]
}

/** Let the firmware run commands on a new LAN while ffmpeg listens at the given ports. */
async function observe(ports: number[], ...commands: string[]): Promise<Observed> {
    const lan = await Lan.start()
    try {
        const server = new Dnsmasq(lan, TIMES, true)
        await server.start()
        const capture = await Capture.start(lan)
        const receivers = await Promise.all(ports.map(port => RtpReceiver.start(lan, port)))

        const leased = new Set<string>()
        const program = firmware(lan, ...commands)
        await until(
            "end of the calls",
            async () => {
                for (const { address } of await server.leases()) leased.add(address)
                return program.exit
            },
            CALL
        ).catch(error => {
            throw program.error(error.message)
        })
        if (program.exit!.code !== 0) throw program.error(`exit code ${program.exit!.code}`)

        const heard = await Promise.all(receivers.map(receiver => receiver.stop()))
        await capture.stop()
        const voice = await Promise.all(
            ports.map(port => capture.fields(`ip.dst == ${HOST} && udp.dstport == ${port}`, "ip.src", "eth.src"))
        )
        const sources = voice.map(packets => unique(packets.map(([address]) => address!)))
        return {
            program,
            heard,
            sources,
            macs: unique(voice.flat().map(([, mac]) => mac!)),
            leased: [...leased],
            kept: await released(server, sources.flat()),
            faults: await capture.faults(),
        }
    } finally {
        await lan.stop()
    }
}

/** Give the server a moment to note that addresses were released; those that were not. */
async function released(server: DhcpServer, addresses: string[]): Promise<string[]> {
    let kept: string[] = []
    await until(
        "release",
        async () => {
            const leases = await server.leases()
            kept = addresses.filter(address => leases.some(lease => lease.address === address))
            return kept.length === 0
        },
        RELEASE
    ).catch(() => {})
    return kept
}

const unique = (values: string[]) => [...new Set(values)]

/** What holds for any calls, be it one or many. */
function ordinary(observed: () => Observed): void {
    test("each is heard as it was played", t => {
        for (const heard of observed().heard) {
            const seconds = heard.length / SAMPLE_RATE
            assert.ok(seconds >= HEARD, `heard ${seconds} s`)
            const alike = likeness(heard, played)
            t.diagnostic(`heard ${seconds} s, correlation ${alike.toFixed(5)}`)
            assert.ok(alike > ALIKE, `likeness ${alike}`)
        }
    })
    test("each comes from one address, which was leased and is released", () => {
        const { sources, leased, kept } = observed()
        for (const source of sources) {
            assert.equal(source.length, 1, `came from ${source}`)
            assert.ok(leased.includes(source[0]!), `${source} is none of the leases ${leased}`)
        }
        assert.deepEqual(kept, [], "leases kept after the call")
    })
    test("Wireshark finds no fault in any frame", () => {
        assert.deepEqual(observed().faults, [])
    })
}

describe("one call of 10 s", () => {
    let observed: Observed
    before(async () => {
        observed = await observe([4000], `call ${HOST}:4000 --play speech --seconds 10`, "calls -j")
    })

    ordinary(() => observed)
    test("its address is not the common one", () => {
        const others = observed.leased.filter(address => !observed.sources.flat().includes(address))
        assert.ok(others.length > 0, `leases: ${observed.leased}, voice from ${observed.sources}`)
    })
    test("it is listed with its figures after its end", () => {
        const [call] = lastJson(observed.program) as { state: string; txFrames: number; lost: number }[]
        assert.deepEqual([call!.state, call!.txFrames, call!.lost], ["ended", 500, 0])
    })
})

describe("two calls at once", () => {
    const ports = [4000, 4002]
    let observed: Observed
    before(async () => {
        const place = ports.map(port => `call ${HOST}:${port} --play speech`)
        observed = await observe(ports, ...place, "sleep 10", "calls -j", "hangup all")
    })

    ordinary(() => observed)
    test("two addresses, one MAC", () => {
        assert.equal(unique(observed.sources.flat()).length, ports.length)
        assert.equal(observed.macs.length, 1, `MACs ${observed.macs}`)
    })
    test("they are listed with the addresses that are seen on the LAN", () => {
        const calls = lastJson(observed.program) as { local: string }[]
        const local = calls.map(call => call.local.split(":")[0])
        assert.deepEqual(local.sort(), observed.sources.flat().sort())
    })
})
