import * as ds from "@devicescript/core"
import { beforeEach, describe, expect, test } from "@devicescript/test"
import { FRAMES_PER_TURN, STREAM_BACKLOG } from "../../../src/base/config"
import { Counter, countOf } from "../../../src/base/counters"
import { followLink, setPhy, transmitted } from "../../../src/link/ethernet"
import { announce } from "../../../src/link/arp-output"
import { interfaces } from "../../../src/link/interface"
import type { Phy } from "../../../src/phy/phy"
import { connecting, streamPhy } from "../../../src/phy/stream"
import { expectBytes, millis, put16, run, until } from "../support/support"

/** The runtime's stream, played by the test. */
const stream = ds as any
let opened = ""
let openedAt: number[] = []
let closed = 0
let openResult = 0
let openError = ""
let writeResult = 0
let written: Buffer
stream._socketOpen = (host: string, port: number) => {
    opened += `${host} ${port};`
    openedAt.push(millis())
    if (openError.length > 0) throw new RangeError(openError)
    return openResult
}
stream._socketClose = () => {
    closed++
    return 0
}
stream._socketWrite = (b: Buffer) => {
    written = Buffer.concat(b)
    return writeResult
}

/** What came up: the frames' bytes, or their number alone. */
let frames = ""
let received = 0
let links = ""
let throws = false

let phy: Phy

/** Begin with a stream that is not open yet. */
function begin(): void {
    phy = streamPhy("tcp://10.0.0.1:4789", 1, 2)
    phy.start(
        (b, offset, length) => {
            received++
            if (length < 8) {
                frames += "|"
                for (let i = 0; i < length; i++) frames += String.fromCharCode(b[offset + i])
            }
            if (throws) throw new Error("a defect above")
        },
        up => {
            links += up ? "up " : "down "
            followLink()
        }
    )
    setPhy(phy)
}
begin()

/** Events that the PHY has not dealt with to the end. */
let pending = 0

async function deliver(event: string, b: Buffer): Promise<void> {
    await stream._socketOnEvent(event, b)
    pending--
}

/** Something happens to the stream. As the runtime does it: on a fiber of its own. */
function happens(event: string, b: Buffer): void {
    pending++
    deliver.start(event, b)
}

function chunk(b: Buffer): void {
    happens("data", b)
}

/** All that has happened is dealt with; the stream may still have to be opened anew. */
async function settled(): Promise<void> {
    await until("the PHY", () => pending === 0)
}

/** The PHY has opened the stream anew. */
async function reopened(): Promise<void> {
    await until("a new stream", () => !connecting)
}

/** A new stream, and nothing left of the one before: no attempt to open it either, which a later test would see. */
async function fresh(): Promise<void> {
    openResult = 0
    openError = ""
    await settled()
    await reopened()
    happens("open", undefined)
    await settled()
    frames = ""
    received = 0
    links = ""
    closed = 0
    opened = ""
    openedAt = []
    throws = false
    writeResult = 0
}

/** `n` frames of `length` octets, in one chunk. */
function many(n: number, length: number): Buffer {
    const b = Buffer.alloc(n * (2 + length))
    for (let i = 0; i < n; i++) put16(b, i * (2 + length), length)
    return b
}

describe("the stream's address", () => {
    test("is read from the setting", () => {
        expect(opened).toBe("10.0.0.1 4789;")
        opened = ""
        streamPhy("tls://gate.example.org:443", 1, 2).start(
            () => {},
            () => {}
        )
        expect(opened).toBe("gate.example.org -443;")
        // there is one stream: this one is now the other
        begin()
    })

    test("nonsense is refused", () => {
        for (const url of [
            "",
            "tcp://",
            "tcp://:4789",
            "10.0.0.1:4789",
            "udp://10.0.0.1:4789",
            "tcp://10.0.0.1",
            "tcp://10.0.0.1:",
            "tcp://10.0.0.1:0",
            "tcp://10.0.0.1:65536",
            "tcp://h:x",
        ]) {
            let refused = false
            try {
                streamPhy(url, 1, 2)
            } catch (e) {
                refused = (e as Error).message.indexOf("tcp://HOST:PORT") > 0
            }
            if (!refused) throw new Error(`${url} was taken`)
        }
    })
})

describe("frames in the stream", () => {
    beforeEach(fresh)

    const THREE: Buffer = hex`0003 616263 0001 64 0004 65666768`

    test("several in one chunk", async () => {
        chunk(THREE)
        await settled()
        expect(frames).toBe("|abc|d|efgh")
    })

    test("cut at every border", async () => {
        for (let cut = 1; cut < THREE.length; cut++) {
            frames = ""
            chunk(THREE.slice(0, cut))
            await settled()
            chunk(THREE.slice(cut))
            await settled()
            if (frames !== "|abc|d|efgh") throw new Error(`cut at ${cut}: ${frames}`)
        }
    })

    test("cut at every two borders", async () => {
        for (let first = 1; first < THREE.length - 1; first++)
            for (let second = first + 1; second < THREE.length; second++) {
                frames = ""
                chunk(THREE.slice(0, first))
                chunk(THREE.slice(first, second))
                chunk(THREE.slice(second))
                await settled()
                if (frames !== "|abc|d|efgh") throw new Error(`cut at ${first} and ${second}: ${frames}`)
            }
    })

    test("octet by octet", async () => {
        for (let i = 0; i < THREE.length; i++) chunk(THREE.slice(i, i + 1))
        await settled()
        expect(frames).toBe("|abc|d|efgh")
    })

    test("of no length, whole and cut", async () => {
        chunk(hex`0000 0000 0001 61 00`)
        await settled()
        chunk(hex`00 0001 62`)
        await settled()
        expect(frames).toBe("|||a||b")
    })

    test("of the greatest length, 1518, whole and cut", async () => {
        const b = many(1, 1518)
        chunk(b)
        await settled()
        chunk(b.slice(0, 1024))
        await settled()
        chunk(b.slice(1024))
        chunk(hex`0001 61`)
        await settled()
        expect(received).toBe(3)
        expect(frames).toBe("|a")
        expect(closed).toBe(0)
    })

    test("a greater length closes the stream, and a new one begins with a frame", async () => {
        const before = countOf(Counter.PhyBadLength)
        chunk(hex`0001 61 05ef 0001 62`)
        await settled()
        expect(countOf(Counter.PhyBadLength)).toBe(before + 1)
        expect(frames).toBe("|a")
        expect(closed).toBe(1)
        expect(links).toBe("down ")
        expect(phy.up).toBe(false)
        // what was under way is nothing now
        chunk(hex`0001 63`)
        await reopened()
        expect(frames).toBe("|a")
        expect(opened).toBe("10.0.0.1 4789;")
        await fresh()
        chunk(hex`0001 64`)
        await settled()
        expect(frames).toBe("|d")
    })

    test("a greater length closes the stream even if all of the frame is there, alone or not", async () => {
        const before = countOf(Counter.PhyBadLength)
        chunk(many(1, 1519))
        await ds.sleep(2)
        expect(countOf(Counter.PhyBadLength)).toBe(before + 1)
        await ds.sleep(300)
        await fresh()
        chunk(Buffer.concat(hex`0001 61`, many(1, 1519)))
        await ds.sleep(2)
        expect(countOf(Counter.PhyBadLength)).toBe(before + 2)
        expect(frames).toBe("|a")
        await ds.sleep(300)
    })

    test("the rest of a frame is no frame, though it looks like one", async () => {
        chunk(hex`0006 6162`)
        await ds.sleep(2)
        chunk(hex`0002 6364`)
        await ds.sleep(2)
        expect(received).toBe(1)
        expect(frames.startsWith("|ab")).toBe(true)
        expect(frames.endsWith("cd")).toBe(true)
    })

    test("a length that is cut and too great", async () => {
        chunk(hex`ff`)
        await settled()
        chunk(hex`ff 00`)
        await settled()
        expect(closed).toBe(1)
        await reopened()
    })

    test("a frame cut by the end of its stream is forgotten", async () => {
        chunk(hex`0003 61`)
        await settled()
        happens("close", undefined)
        await fresh()
        chunk(hex`0002 7879`)
        await settled()
        expect(frames).toBe("|xy")
    })

    test("3000 tiny frames in one chunk leave other fibers their turn", async () => {
        let turns = 0
        const other = async () => {
            while (received < 3000) {
                turns++
                await ds.sleep(0)
            }
        }
        other.start()
        chunk(many(3000, 0))
        await settled()
        expect(received).toBe(3000)
        expect(turns > 10).toBe(true)
    })

    test("an exception above is counted, and the next frame arrives", async () => {
        const before = countOf(Counter.InternalErrors)
        throws = true
        chunk(hex`0001 61 0001 62`)
        await settled()
        expect(countOf(Counter.InternalErrors)).toBe(before + 2)
        expect(frames).toBe("|a|b")
    })

    test("chunks that arrive while one is parsed wait in order", async () => {
        chunk(Buffer.concat(many(2 * FRAMES_PER_TURN, 0), hex`0001 61`))
        chunk(hex`0001 62 0002 63`)
        chunk(hex`64`)
        await settled()
        expect(received).toBe(2 * FRAMES_PER_TURN + 3)
        expect(frames.slice(2 * FRAMES_PER_TURN)).toBe("|a|b|cd")
    })

    test("more bytes than may wait: the stream is given up", async () => {
        const before = countOf(Counter.PhyOverrun)
        // a chunk that takes several turns, so that the others wait
        chunk(many(10 * FRAMES_PER_TURN, 0))
        const b = many(1, 1500)
        for (let i = 0; i * b.length <= STREAM_BACKLOG; i++) chunk(b)
        await settled()
        expect(countOf(Counter.PhyOverrun)).toBe(before + 1)
        expect(closed).toBe(1)
        // whole turns of the first, not all of them, and none of those that waited
        expect(received % FRAMES_PER_TURN).toBe(0)
        expect(received < 10 * FRAMES_PER_TURN).toBe(true)
        await reopened()
        await fresh()
        chunk(hex`0001 61`)
        await settled()
        expect(frames).toBe("|a")
    })

    test("a stream that ends while its chunk is parsed leaves nothing to the next", async () => {
        chunk(many(4 * FRAMES_PER_TURN, 0))
        // while that one is in its pause, the stream ends and a new one brings more than one turn's frames
        happens("close", undefined)
        happens("open", undefined)
        chunk(Buffer.concat(many(FRAMES_PER_TURN + 5, 0), hex`0001 61`))
        await settled()
        const ofTheFirst = received - (FRAMES_PER_TURN + 5 + 1)
        expect(ofTheFirst % FRAMES_PER_TURN).toBe(0)
        expect(ofTheFirst < 4 * FRAMES_PER_TURN).toBe(true)
        received = 0
        frames = ""
        chunk(hex`0001 62`)
        await settled()
        expect(frames).toBe("|b")
        expect(closed).toBe(0)
    })

    test("the whole chunk of a new stream is parsed, whatever the fiber of the old one did", async () => {
        chunk(many(4 * FRAMES_PER_TURN, 0))
        happens("close", undefined)
        happens("open", undefined)
        chunk(Buffer.concat(many(FRAMES_PER_TURN + 5, 0), hex`0001 61`))
        await settled()
        expect(frames.slice(frames.length - 2)).toBe("|a")
    })
})

describe("sending", () => {
    beforeEach(fresh)

    test("puts the length before the frame", () => {
        const before = countOf(Counter.PhyTx)
        announce(interfaces[1])
        expectBytes(written.slice(0, 8), hex`003c ffffffffffff`)
        expect(written.length).toBe(62)
        expect(countOf(Counter.PhyTx)).toBe(before + 1)
    })

    test("a full queue drops the frame and keeps the link", () => {
        writeResult = -1
        const before = countOf(Counter.PhyTxFull)
        expect(transmitted(Buffer.alloc(62))).toBe(false)
        expect(countOf(Counter.PhyTxFull)).toBe(before + 1)
        expect(phy.up).toBe(true)
    })

    test("a stream that is gone takes the link down, and is opened anew", async () => {
        writeResult = -10
        const before = countOf(Counter.PhyTxDown)
        expect(transmitted(Buffer.alloc(62))).toBe(false)
        expect(transmitted(Buffer.alloc(62))).toBe(false)
        expect(countOf(Counter.PhyTxDown)).toBe(before + 2)
        expect(links).toBe("down ")
        // the runtime says so too
        happens("close", undefined)
        await settled()
        await reopened()
        await ds.sleep(5)
        expect(opened).toBe("10.0.0.1 4789;")
    })

    test("a stream that cannot be opened is tried again, each time later", async () => {
        openResult = -1
        const from = millis()
        happens("close", undefined)
        await until("two attempts", () => openedAt.length === 2)
        // and the third, which succeeds, is the last
        openResult = 0
        await reopened()
        expect(openedAt.length).toBe(3)
        expect(openedAt[0] - from >= 250).toBe(true)
        expect(openedAt[1] - openedAt[0] >= 500).toBe(true)
        expect(openedAt[2] - openedAt[1] >= 1000).toBe(true)
        await fresh()
        expect(phy.up).toBe(true)
    })

    test("a runtime that throws, as a board's does until its Wi-Fi is up, is asked again", async () => {
        openError = "network not available"
        happens("close", undefined)
        await until("an attempt", () => openedAt.length === 1)
        openError = ""
        await reopened()
        expect(openedAt.length).toBe(2)
        await fresh()
        expect(phy.up).toBe(true)
    })

    test("what is wrong is logged once until the link is up, and once more when it is wrong again: a board stands still while it logs", async () => {
        const said: string[] = []
        const { print } = stream
        stream.print = (_level: number, text: string) => {
            said.push(text)
        }
        for (let time = 1; time <= 2; time++) {
            openError = "network not available"
            happens("close", undefined)
            await until("two attempts", () => openedAt.length === 2)
            openError = ""
            await reopened()
            await fresh()
            expect(said.length).toBe(time)
            expect(said[time - 1]).toBe("phy: network not available")
        }
        stream.print = print
    })
})

await run()
