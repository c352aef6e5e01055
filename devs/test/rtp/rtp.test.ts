import * as ds from "@devicescript/core"
import { beforeEach, describe, expect, test } from "@devicescript/test"
import { Counter, countOf } from "../../../src/base/counters"
import { AF_INET, SOCK_DGRAM, bind, connect, socket } from "../../../src/socket/api"
import { TX_PAYLOAD } from "../../../src/socket/datagram"
import { SocketOption } from "../../../src/socket/socket"
import { setsockopt } from "../../../src/socket/options"
import { DatagramSocket } from "../../../src/socket/datagram"
import { settleSockets, sockets } from "../../../src/socket/table"
import { Codec } from "../../../src/voice/g711"
import { receivedOf } from "../../../src/rtp/reception"
import { listenForDigits } from "../../../src/rtp/events"
import { RTP_HEADER, RTP_SEQUENCE, rtpHeaderLength, rtpPadding, writeRtp } from "../../../src/wire/rtp"
import { Session, sendFrame } from "../../../src/rtp/session"
import { Play } from "../../../src/voice/source"
import { BOARD, HOST, changes, udp } from "../support/lan"
import { breathe, copyOf, expectBytes, get16, get32, run } from "../support/support"
import { phy, sawOne, seen, startWorld, tidy } from "../support/world"

/** The first octets of a packet of ffmpeg 5.1 (mu-law, 160 samples), captured on a TAP device. */
const FFMPEG: Buffer = hex`80000119646a85dd268e3971 ffcabcb5b0afb0b5bccaff4a3c35302f`

await startWorld()

const headerOf = (b: Buffer) => rtpHeaderLength(b, 0, b.length)

describe("RTP headers (RFC 3550, 5.1)", () => {
    beforeEach(breathe)

    test("of ffmpeg", () => {
        expect(headerOf(FFMPEG)).toBe(12)
        expect(rtpPadding(FFMPEG, 0, FFMPEG.length, 12)).toBe(0)
    })

    test("are written", () => {
        const b = Buffer.alloc(14)
        writeRtp(b, 1, 0x80 | 8, hex`268e3971`.getAt(0, "i32"))
        expectBytes(b, hex`00 80 88 0000 00000000 268e3971 00`)
    })

    test("of another version, or cut, are none", () => {
        for (const first of [0x00, 0x40, 0xc0]) {
            const b = copyOf(FFMPEG)
            b[0] = first
            expect(headerOf(b)).toBe(-1)
        }
        for (let n = 0; n < 12; n++) expect(rtpHeaderLength(FFMPEG, 0, n)).toBe(-1)
        expect(rtpHeaderLength(FFMPEG, 0, 12)).toBe(12)
    })

    test("with contributing sources, up to 15", () => {
        for (let cc = 0; cc <= 15; cc++) {
            const b = Buffer.alloc(12 + 4 * cc)
            b[0] = 0x80 | cc
            expect(headerOf(b)).toBe(12 + 4 * cc)
            expect(rtpHeaderLength(b, 0, b.length - 1)).toBe(-1)
        }
    })

    test("with an extension, alone and behind contributing sources (RFC 3550, 5.3.1)", () => {
        const b = copyOf(hex`90000119646a85dd268e3971 bede0002 1122334455667788 ff`)
        expect(headerOf(b)).toBe(24)
        for (let n = 12; n < 24; n++) expect(rtpHeaderLength(b, 0, n)).toBe(-1)
        expect(headerOf(hex`91000119646a85dd268e3971 01020304 bede0000 ff`)).toBe(20)
        expect(headerOf(hex`90000119646a85dd268e3971 bedeffff 1122334455667788 ff`)).toBe(-1)
    })

    test("padding (RFC 3550, 5.1)", () => {
        expect(rtpPadding(hex`a0000119646a85dd268e3971 aabb 000003`, 0, 17, 12)).toBe(3)
        // all of it, and more than there is, and none, and nowhere to say how much
        expect(rtpPadding(hex`a0000119646a85dd268e3971 00000004`, 0, 16, 12)).toBe(4)
        expect(rtpPadding(hex`a0000119646a85dd268e3971 00000005`, 0, 16, 12)).toBe(-1)
        expect(rtpPadding(hex`a0000119646a85dd268e3971 00000000`, 0, 16, 12)).toBe(-1)
        expect(rtpPadding(hex`a0000119646a85dd268e3971`, 0, 12, 12)).toBe(-1)
    })
})

const heard: Buffer[] = []
/** In the place of an echo: writes 0x55, and keeps what it hears. */
const source = {
    echo: (b: Buffer, at: number) => {
        b.fillAt(at, 160, 0x55)
    },
    hear: (b: Buffer, _rtp: number, at: number, length: number) => {
        heard.push(copyOf(b, at, length))
    },
}

function begin(session: Session, sd: number): void {
    session.open(Codec.PCMU, Play.Echo)
    session.begin(sd)
    session.ear = source
}

describe("a session", () => {
    let sd: number
    let session: Session
    beforeEach(async () => {
        await tidy()
        while (heard.length > 0) heard.pop()
        sd = await socket(AF_INET, SOCK_DGRAM)
        await bind(sd, { port: 5004 })
        await connect(sd, { address: HOST, port: 5004 })
        await ds.sleep(5)
        session = new Session()
        begin(session, sd)
    })

    /** A packet of the other side arrives. */
    const arrive = (packet: Buffer) => phy.counting(udp(HOST, 5004, BOARD, 5004, packet))

    test("sends 20 ms in each packet: sequence and timestamp count, the marker is on the first (RFC 3551, 4.1)", async () => {
        for (let i = 0; i < 3; i++) sendFrame(session)
        await ds.sleep(5)
        expect(seen.length).toBe(3)
        const [a, b, c] = seen
        expect(a.length).toBe(42 + 172)
        expect(a[42]).toBe(0x80)
        expect(a[43]).toBe(0x80)
        expect(b[43]).toBe(0)
        expect(c[43]).toBe(0)
        expect(get16(b, 44)).toBe((get16(a, 44) + 1) & 0xffff)
        expect(get16(c, 44)).toBe((get16(a, 44) + 2) & 0xffff)
        expect((get32(b, 46) - get32(a, 46)) | 0).toBe(160)
        expect((get32(c, 46) - get32(b, 46)) | 0).toBe(160)
        expect(get32(b, 50)).toBe(get32(a, 50))
        expect(a[54]).toBe(0x55)
        expect(a[213]).toBe(0x55)
        settleSockets()
        expect(session.txFrames).toBe(3)
    })

    test("without a UDP checksum: counts a frame once, and in every total when somebody looks", async () => {
        setsockopt(sd, SocketOption.SO_NO_CHECK, true)
        begin(session, sd)
        const s = sockets[sd] as DatagramSocket
        expect(s.ready).toBe(true)
        settleSockets()
        const before = [countOf(Counter.PhyTx), countOf(Counter.UdpTx), s.ifc.tx, s.tx]
        for (let i = 0; i < 3; i++) sendFrame(session)
        await ds.sleep(5)
        expect(seen.map(f => f[43]).join()).toBe("128,0,0")
        for (let looks = 0; looks < 2; looks++) {
            settleSockets()
            expect([countOf(Counter.PhyTx), countOf(Counter.UdpTx), s.ifc.tx, s.tx].map((n, i) => n - before[i]).join()).toBe("3,3,3,3")
            expect(session.txFrames).toBe(3)
        }
    })

    test("what the PHY does not take is dropped and counted, and the marker stays for the first that it takes", async () => {
        setsockopt(sd, SocketOption.SO_NO_CHECK, true)
        begin(session, sd)
        const s = sockets[sd] as DatagramSocket
        phy.accepts = false
        expect(changes(() => sendFrame(session))).toBe("phyTxFull+1")
        phy.accepts = true
        phy.cable(false)
        expect(changes(() => sendFrame(session))).toBe("phyTxDown+1")
        phy.cable(true)
        settleSockets()
        expect([s.tx, s.drops, session.txFrames].join()).toBe("0,2,0")
        sendFrame(session)
        expect((await sawOne())[43]).toBe(0x80)
    })

    test("time that was skipped is in the timestamp and not in the sequence (RFC 3550, 5.1)", async () => {
        sendFrame(session)
        const a = await sawOne()
        session.add(3 * 160)
        sendFrame(session)
        const b = await sawOne()
        expect((get32(b, 46) - get32(a, 46)) | 0).toBe(640)
        expect(get16(b, 44)).toBe((get16(a, 44) + 1) & 0xffff)
    })

    test("that has ended begins anew: with a marker, and without the old figures", async () => {
        sendFrame(session)
        arrive(FFMPEG)
        session.onSocketError("ECONNREFUSED")
        await sawOne()
        settleSockets()
        session.end()
        expect(session.txFrames).toBe(1)
        expect(receivedOf(session.reception)).toBe(1)
        begin(session, sd)
        expect(session.txFrames).toBe(0)
        expect(receivedOf(session.reception)).toBe(0)
        expect(session.error).toBe(undefined)
        sendFrame(session)
        expect((await sawOne())[43]).toBe(0x80)
    })

    test("two sessions do not begin alike", () => {
        sendFrame(session)
        const other = new Session()
        begin(other, sd)
        sendFrame(other)
        expect(get32(phy.sent[0], 50) !== get32(phy.sent[1], 50)).toBe(true)
    })

    test("nor with the same sequence number and timestamp (RFC 3550, 5.1)", () => {
        for (let i = 0; i < 3; i++) {
            begin(session, sd)
            sendFrame(session)
        }
        const alike = (at: number, mask: number) => {
            const first = get32(phy.sent[0], at) & mask
            return phy.sent.filter(f => (get32(f, at) & mask) === first).length
        }
        // of three sequence numbers two may be the same by chance
        expect(alike(44, 0xffff0000) < 3).toBe(true)
        expect(alike(46, -1)).toBe(1)
    })

    test("its sequence number and timestamp go round (RFC 3550, 5.1)", () => {
        sendFrame(session)
        session.frame.blitAt(TX_PAYLOAD + RTP_SEQUENCE, hex`ffff ffffff80`, 0, 6)
        phy.count()
        sendFrame(session)
        sendFrame(session)
        expectBytes(copyOf(phy.sent[0], 44, 6), hex`ffff ffffff80`)
        expectBytes(copyOf(phy.sent[1], 44, 6), hex`0000 00000020`)
    })

    test("hears the payload behind whatever header, and not the padding", () => {
        expect(arrive(FFMPEG)).toBe("udpRx+1")
        expectBytes(heard[0], copyOf(FFMPEG, 12))
        arrive(hex`91000119646a85dd268e3971 01020304 bede0001 aaaaaaaa 61626364`)
        expectBytes(heard[1], hex`61626364`)
        arrive(hex`a0000119646a85dd268e3971 6162 000003`)
        expectBytes(heard[2], hex`6162`)
        // a marker is no other payload type
        arrive(hex`80800119646a85dd268e3971 63`)
        expectBytes(heard[3], hex`63`)
        expect(receivedOf(session.reception)).toBe(4)
    })

    test("tells of a telephone event once, however often it comes, and of none that is no digit", () => {
        const digits: string[] = []
        listenForDigits((from, digit) => {
            expect(from).toBe(session)
            digits.push(digit)
        })
        expect(arrive(hex`80e50119646a85dd268e3971 0b0a00a0`)).toBe("udpRx+1")
        expect(arrive(hex`8065011a646a85dd268e3971 0b0a0140`)).toBe("udpRx+1")
        expect(arrive(hex`8065011b646a85dd268e3971 0b8a0140`)).toBe("udpRx+1")
        expect(digits.join()).toBe("#")
        // another one, but sooner than anybody can press it
        expect(arrive(hex`8065011c646a87dd268e3971 01000000`)).toBe("udpRx+1 rtpBad+1")
        expect(digits.length).toBe(1)
        expect(heard.length).toBe(0)
        listenForDigits(undefined)
    })

    test("counts what is no RTP, and other payload types, and hears neither", () => {
        expect(arrive(hex`00000119646a85dd268e3971 61`)).toBe("udpRx+1 rtpBad+1")
        expect(arrive(hex`8000`)).toBe("udpRx+1 rtpBad+1")
        expect(arrive(Buffer.alloc(0))).toBe("udpRx+1 rtpBad+1")
        expect(arrive(hex`a0000119646a85dd268e3971 6162 000009`)).toBe("udpRx+1 rtpBad+1")
        expect(arrive(hex`80080119646a85dd268e3971 61`)).toBe("udpRx+1 rtpForeign+1")
        expect(arrive(hex`80600119646a85dd268e3971 61`)).toBe("udpRx+1 rtpForeign+1")
        // a telephone event that breaks off
        expect(arrive(hex`80650119646a85dd268e3971 61`)).toBe("udpRx+1 rtpBad+1")
        expect(heard.length).toBe(0)
        expect(receivedOf(session.reception)).toBe(0)
        expect(RTP_HEADER).toBe(12)
    })
})

await run()
