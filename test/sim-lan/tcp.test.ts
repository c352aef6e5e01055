/** TCP of the embedded LAN's devices, segment by segment, against a peer that says what a test wants. Its timers run when a test says so. */
import assert from "node:assert/strict"
import { afterEach, beforeEach, describe, it, mock } from "node:test"
import { serveDiscard } from "../../sim/lan/discard.js"
import { serveEchoStream } from "../../sim/lan/echo.js"
import { BROADCAST_MAC } from "../../sim/lan/ethernet.js"
import { Host } from "../../sim/lan/host.js"
import { PROTOCOL_TCP, buildIpv4, parseIpv4 } from "../../sim/lan/ipv4.js"
import { LAN } from "../../sim/lan/lan.js"
import { Subnet } from "../../sim/lan/subnet.js"
import { EthernetSwitch } from "../../sim/lan/switch.js"
import { ACK, FIN, PSH, RST, SYN, buildTcp, parseTcp, type ReceivedTcp } from "../../sim/lan/tcp.js"
import { TcpPeer } from "../support/tcp-peer.js"

const ECHO = 7
const DISCARD = 9
const CLOSED = 8
const STEP_MS = 100
const MSS = 1460
/** The first time-out, and how long all of them take together. */
const RTO_MS = 1000
const GIVE_UP_MS = 183_000
/** What a device keeps of a connection in each direction, and how many connections it has. */
const BUFFER_BYTES = 8192
const MAX_CONNECTIONS = 64

/** Kinds of options (RFC 9293 3.2, RFC 2018 2), and what has none. */
const END = 0
const NOP = 1
const MSS_OPTION = 2
const SACK_PERMITTED = 4
const HEADER_BYTES = 20
const EMPTY = { sourcePort: 50000, destinationPort: ECHO, sequence: 0, acknowledgment: 0, flags: SYN, window: 0 }
const ADDRESSES = ["10.77.0.10", LAN.echo1.address] as const

/** Lets time pass, in small steps: a timer that is set meanwhile begins when it is set. */
function pass(ms: number): void {
    for (let i = 0; i < ms; i += STEP_MS) mock.timers.tick(STEP_MS)
}

/** Bytes of which no two near each other are alike. */
function pattern(length: number): Buffer {
    return Buffer.from(Array.from({ length }, (_, i) => (i * 7 + (i >> 8)) & 0xff))
}

const sequences = (segments: ReceivedTcp[]) => segments.map(s => s.sequence)
const lengths = (segments: ReceivedTcp[]) => segments.map(s => s.payload.length)

describe("TCP of the LAN's devices", () => {
    let lanSwitch: EthernetSwitch
    let device: Host
    let peer: TcpPeer

    beforeEach(() => {
        mock.timers.enable({ apis: ["setTimeout"] })
        lanSwitch = new EthernetSwitch()
        device = new Host(lanSwitch, { ...LAN.echo1, subnet: new Subnet(LAN.network, LAN.prefix) })
        serveEchoStream(device)
        serveDiscard(device)
        peer = new TcpPeer(lanSwitch, device.address, ECHO)
    })
    afterEach(() => {
        device.stop()
        mock.timers.reset()
    })

    /** The one answer to something. */
    function only(segments: ReceivedTcp[]): ReceivedTcp {
        assert.equal(segments.length, 1, `${segments.length} segments`)
        return segments[0]!
    }

    /** The answer is an ACK alone, of all that was said in order. */
    function acknowledged(segments: ReceivedTcp[]): void {
        const { flags, acknowledgment, sequence, payload } = only(segments)
        assert.deepEqual([flags, acknowledgment, sequence, payload.length], [ACK, peer.sequence, peer.expected, 0])
    }

    /** The device knows nothing of the connection any more. */
    function isGone(): void {
        const { flags, sequence } = only(peer.send({}))
        assert.deepEqual([flags, sequence], [RST, peer.expected])
    }

    it("find the MSS among other options, and take no harm from one that makes no sense (RFC 9293 3.1)", () => {
        const mssAmong = (...options: number[]) => {
            const segment = buildTcp(ADDRESSES[0], ADDRESSES[1], { ...EMPTY, payload: Buffer.from(options) })
            segment[12] = ((HEADER_BYTES + options.length) / 4) << 4
            const packet = buildIpv4({ source: ADDRESSES[0], destination: ADDRESSES[1], protocol: PROTOCOL_TCP, payload: segment })
            return parseTcp(parseIpv4(packet)!)!.mss
        }
        assert.equal(mssAmong(NOP, NOP, SACK_PERMITTED, 2, MSS_OPTION, 4, 2, 0), 512)
        assert.equal(mssAmong(NOP, NOP, NOP, END, MSS_OPTION, 4, 2, 0), undefined)
        assert.equal(mssAmong(SACK_PERMITTED, 0, MSS_OPTION, 4), undefined)
        assert.equal(mssAmong(NOP, NOP, MSS_OPTION, 4), undefined)
        assert.equal(mssAmong(MSS_OPTION, 3, 2, NOP), undefined)
    })

    describe("opening", () => {
        it("accepts a SYN with its own, its MSS and a window", () => {
            const { flags, acknowledgment, mss, window, payload } = peer.open(MSS)
            assert.deepEqual([flags, acknowledgment, mss, payload.length], [SYN | ACK, peer.sequence, MSS, 0])
            assert.equal(window, BUFFER_BYTES)
        })

        it("begins with sequence numbers that nobody can tell", () => {
            const first = peer.open().sequence
            peer.sourcePort++
            const other = peer.open().sequence
            // their clock alone would have moved by less
            assert.ok(Math.abs((other - first) | 0) > 10_000, `${first} and ${other}`)
        })

        it("says its SYN again until that is acknowledged", () => {
            const first = only(peer.send({ flags: SYN, acknowledgment: 0 }))
            pass(RTO_MS - STEP_MS)
            assert.deepEqual(peer.take(), [])
            pass(STEP_MS)
            assert.deepEqual(only(peer.take()), first)
            peer.sequence = (peer.sequence + 1) >>> 0
            peer.expected = (first.sequence + 1) >>> 0
            assert.deepEqual(peer.send({}), [])
            pass(GIVE_UP_MS)
            assert.deepEqual(peer.take(), [])
            assert.equal(peer.hear(peer.say("still there")).toString(), "still there")
        })

        it("refuses an acknowledgment of what it has not sent, and goes on waiting for the right one (RFC 9293 3.10.7.4)", () => {
            const { sequence } = only(peer.send({ flags: SYN, acknowledgment: 0 }))
            peer.sequence = (peer.sequence + 1) >>> 0
            for (const acknowledgment of [sequence, (sequence + 2) >>> 0]) {
                const { flags, sequence: ofRst } = only(peer.send({ acknowledgment, payload: Buffer.from("?") }))
                assert.deepEqual([flags, ofRst], [RST, acknowledgment])
            }
            peer.expected = (sequence + 1) >>> 0
            assert.equal(peer.hear(peer.say("right")).toString(), "right")
        })

        it("answers a closed port with a RST that acknowledges the SYN (RFC 9293 3.5.2)", () => {
            peer.destinationPort = CLOSED
            const { flags, sequence, acknowledgment } = only(peer.send({ flags: SYN, acknowledgment: 0 }))
            assert.deepEqual([flags, sequence, acknowledgment], [RST | ACK, 0, (peer.sequence + 1) >>> 0])
        })

        it("answers a segment of no connection with a RST of the number it expects, and a RST with nothing", () => {
            const { flags, sequence } = only(peer.send({ acknowledgment: 0x12345678, payload: Buffer.from("hello?") }))
            assert.deepEqual([flags, sequence], [RST, 0x12345678])
            assert.deepEqual(peer.send({ flags: FIN, acknowledgment: 0 }), [])
            assert.deepEqual(peer.send({ flags: RST }), [])
            peer.destinationPort = CLOSED
            const other = only(peer.send({ flags: FIN, acknowledgment: 0 }))
            assert.deepEqual([other.flags, other.sequence, other.acknowledgment], [RST | ACK, 0, (peer.sequence + 1) >>> 0])
            assert.deepEqual(peer.send({ flags: RST | ACK }), [])
        })

        it("says nothing to a SYN for everybody", () => {
            assert.deepEqual(peer.send({ flags: SYN }, { destination: "10.77.0.255", mac: BROADCAST_MAC }), [])
            assert.equal(device.counters.martians, 1)
        })

        it("has a bound: the connection that was silent for longest makes room, and is told so", () => {
            const first = peer.sourcePort
            peer.open()
            peer.sourcePort++
            peer.open()
            const silent = { sequence: peer.sequence, acknowledgment: peer.expected, sourcePort: peer.sourcePort }
            for (let i = 2; i < MAX_CONNECTIONS; i++) {
                peer.sourcePort++
                peer.open()
            }
            const last = peer.sourcePort
            peer.sourcePort = first
            assert.equal(only(peer.send({ sequence: (peer.sequence - 1000) >>> 0 })).flags, ACK)
            peer.sourcePort = last + 1
            // the segment that tells the other one goes to its own port
            const told: ReceivedTcp[] = []
            peer.onOther = segment => told.push(segment)
            peer.open()
            const { flags, sequence, destinationPort } = only(told)
            assert.deepEqual([flags, sequence, destinationPort], [RST | ACK, silent.acknowledgment, silent.sourcePort])
        })
    })

    describe("data", () => {
        it("come back in order, with the acknowledgment", () => {
            peer.open(MSS)
            for (const text of ["one", "two", "", "three"]) {
                const answers = peer.say(text)
                if (text) {
                    const { flags, acknowledgment } = only(answers)
                    assert.deepEqual([flags, acknowledgment], [ACK | PSH, peer.sequence])
                }
                assert.equal(peer.hear(answers).toString(), text)
            }
        })

        it("come back in segments no longer than the peer takes, which is 536 if it does not say", () => {
            const wanted = new Map([
                [undefined, [536, 464]],
                [400, [400, 400, 200]],
                [MSS, [1000]],
            ])
            for (const [mss, segments] of wanted) {
                peer.sourcePort++
                peer.open(mss)
                const back = peer.say(pattern(1000))
                assert.deepEqual(lengths(back), segments)
                assert.deepEqual(peer.hear(back), pattern(1000))
            }
        })

        it("come back also to a peer whose MSS makes no sense", () => {
            peer.open(0)
            assert.equal(peer.hear(peer.say("as small as a segment can be")).toString(), "as small as a segment can be")
        })

        it("are ten segments at first, before any is acknowledged (RFC 6928)", () => {
            peer.open()
            assert.equal(peer.say(pattern(BUFFER_BYTES)).length, 10)
        })

        it("beyond a hole are dropped and asked for again, and taken when it is filled", () => {
            peer.open()
            const hole = peer.sequence
            peer.sequence = (hole + 3) >>> 0
            const { acknowledgment, payload } = only(peer.say("def"))
            assert.deepEqual([acknowledgment, payload.length], [hole, 0])
            peer.sequence = hole
            assert.equal(peer.hear(peer.say("abc")).toString(), "abc")
            assert.equal(peer.hear(peer.say("def")).toString(), "def")
        })

        it("that are known are acknowledged, and what is new behind them is taken", () => {
            peer.open()
            const first = peer.sequence
            assert.equal(peer.hear(peer.say("abc")).toString(), "abc")
            acknowledged(peer.send({ sequence: first, payload: Buffer.from("abc") }))
            peer.sequence = first
            assert.equal(peer.hear(peer.say("abcdef")).toString(), "def")
        })

        it("with a wrong checksum are counted, and not answered", () => {
            peer.open()
            assert.deepEqual(peer.send({ payload: Buffer.from("abc") }, { damage: true }), [])
            assert.equal(device.counters.badChecksum, 1)
            assert.equal(peer.hear(peer.say("abc")).toString(), "abc")
        })

        it("with an acknowledgment of what was never sent are dropped, and answered (RFC 5961 5.2)", () => {
            peer.open()
            acknowledged(peer.send({ acknowledgment: (peer.expected + 1) >>> 0, payload: Buffer.from("abc") }))
            acknowledged(peer.send({ acknowledgment: (peer.expected - 0x20000) >>> 0, payload: Buffer.from("abc") }))
            assert.equal(peer.hear(peer.say("abc")).toString(), "abc")
        })

        it("without an acknowledgment are dropped", () => {
            peer.open()
            assert.deepEqual(peer.send({ flags: PSH, payload: Buffer.from("abc") }), [])
        })
    })

    describe("what is lost", () => {
        it("is sent again, each time after twice as long, until it is acknowledged", () => {
            peer.open()
            const lost = only(peer.say("abc"))
            for (const ms of [RTO_MS, 2 * RTO_MS, 4 * RTO_MS]) {
                pass(ms - STEP_MS)
                assert.deepEqual(peer.take(), [])
                pass(STEP_MS)
                assert.deepEqual(only(peer.take()), lost)
            }
            peer.hear([lost])
            assert.deepEqual(peer.send({}), [])
            pass(GIVE_UP_MS)
            assert.deepEqual(peer.take(), [])
            // the next one is lost as if nothing had been before
            const next = only(peer.say("def"))
            pass(RTO_MS)
            assert.deepEqual(only(peer.take()), next)
        })

        it("is followed by what was behind it, one segment and then more", () => {
            peer.open(500)
            const lost = [...peer.say(pattern(1000)), ...peer.say(pattern(1000))]
            assert.deepEqual(lengths(lost), [500, 500, 500, 500])
            pass(RTO_MS)
            const first = peer.take()
            assert.deepEqual(sequences(first), [lost[0]!.sequence])
            peer.hear(first)
            const second = peer.send({})
            assert.deepEqual(sequences(second), sequences(lost.slice(1, 3)))
            peer.hear(second)
            const third = peer.send({})
            assert.deepEqual(sequences(third), [lost[3]!.sequence])
            assert.deepEqual(
                Buffer.concat([...first, ...second, ...third].map(s => s.payload)),
                Buffer.concat([pattern(1000), pattern(1000)])
            )
        })

        it("may have been all that was: what is acknowledged behind it is not sent again", () => {
            peer.open(500)
            const lost = peer.say(pattern(1500))
            assert.equal(lost.length, 3)
            pass(RTO_MS)
            assert.deepEqual(only(peer.take()), lost[0])
            assert.deepEqual(peer.hear(lost), pattern(1500))
            assert.deepEqual(peer.send({}), [])
            assert.equal(peer.hear(peer.say("next")).toString(), "next")
        })

        it("ends the connection when it stays unanswered for three minutes", () => {
            peer.open()
            peer.hear(peer.say("abc"))
            const before = peer.expected
            pass(GIVE_UP_MS - STEP_MS)
            assert.equal(peer.take().length, 7)
            pass(STEP_MS)
            assert.deepEqual(peer.take(), [])
            peer.expected = before
            isGone()
            pass(GIVE_UP_MS)
            assert.deepEqual(peer.take(), [])
        })
    })

    describe("the peer's window", () => {
        it("is filled and not passed; when it is closed one byte asks for it, and what follows goes when it opens", () => {
            peer.window = 1000
            peer.open(600)
            const first = peer.say(pattern(2500))
            assert.deepEqual(lengths(first), [600])
            const heard = [peer.hear(first)]
            // 400 bytes are less than a segment, and less than half of the widest window
            peer.window = 400
            assert.deepEqual(peer.send({}), [])
            peer.window = 0
            assert.deepEqual(peer.send({}), [])
            pass(RTO_MS - STEP_MS)
            assert.deepEqual(peer.take(), [])
            pass(STEP_MS)
            const probe = only(peer.take())
            assert.deepEqual([probe.sequence, probe.payload.length], [peer.expected, 1])
            // the peer has no place for it, and then for everything
            assert.deepEqual(peer.send({}), [])
            peer.window = 0xffff
            const rest = peer.send({})
            assert.deepEqual(lengths(rest), [600, 600, 600, 100])
            heard.push(peer.hear(rest))
            assert.deepEqual(Buffer.concat(heard), pattern(2500))
        })

        it("is asked for as long as the peer answers, however long that is", () => {
            peer.open(MSS)
            peer.window = 0
            acknowledged(peer.say("abc"))
            let probes = 0
            for (let i = 0; i < 1200; i++) {
                pass(1000)
                for (const { payload } of peer.take()) {
                    assert.equal(payload.toString(), "a")
                    probes++
                    assert.deepEqual(peer.send({}), [])
                }
            }
            // 1 + 2 + 4 + ... seconds, and then one a minute
            assert.ok(probes > 20 && probes < 30, `${probes} probes`)
            peer.window = 100
            assert.equal(peer.hear(peer.send({})).toString(), "abc")
        })

        it("is not opened by a segment that was said before (RFC 9293 3.10.7.4)", () => {
            peer.open(MSS)
            const before = peer.sequence
            peer.window = 0
            acknowledged(peer.say("abc"))
            assert.deepEqual(peer.send({}), [])
            const late = { sequence: before, payload: Buffer.from("abcdef"), window: 1000 }
            peer.sequence = (before + 6) >>> 0
            acknowledged(peer.send(late))
            pass(RTO_MS)
            assert.equal(only(peer.take()).payload.toString(), "a")
        })

        it("does not keep the peer's own data from being acknowledged while it is asked for", () => {
            peer.open(MSS)
            peer.window = 0
            acknowledged(peer.say("abc"))
            pass(RTO_MS)
            assert.equal(only(peer.take()).payload.length, 1)
            acknowledged(peer.say("def"))
        })

        it("is not passed by a FIN either", () => {
            peer.open(MSS)
            peer.window = 3
            const all = only(peer.say("abc", ACK | FIN))
            // the FIN has no place in the window
            assert.deepEqual([all.payload.toString(), all.flags & FIN], ["abc", 0])
            peer.hear([all])
            peer.window = 1
            assert.equal(only(peer.send({})).flags, ACK | FIN)
        })
    })

    describe("its own window", () => {
        it("closes when nothing that it sends back is taken, so that what it keeps has a bound, and opens again", () => {
            peer.open(1000)
            peer.window = 0
            const sent = pattern(3 * BUFFER_BYTES)
            let at = 0
            for (let room = BUFFER_BYTES; room > 0 && at < sent.length; ) {
                const piece = sent.subarray(at, at + Math.min(1000, room))
                const { acknowledgment, window } = only(peer.say(piece))
                assert.equal(acknowledgment, peer.sequence)
                at += piece.length
                room = window
            }
            assert.ok(at > BUFFER_BYTES && at <= 2 * BUFFER_BYTES, `${at} bytes are kept`)
            // beyond the window nothing is taken
            const refused = only(peer.send({ payload: Buffer.from("beyond") }))
            assert.deepEqual([refused.acknowledgment, refused.window], [peer.sequence, 0])
            peer.window = 0xffff
            const heard: Buffer[] = []
            let widest = 0
            for (let back = peer.send({}); back.length > 0; back = peer.send({})) {
                heard.push(peer.hear(back))
                widest = Math.max(widest, ...back.map(segment => segment.window))
            }
            assert.deepEqual(Buffer.concat(heard), sent.subarray(0, at))
            assert.ok(widest >= MSS, `${widest} bytes are told`)
        })

        it("is told as soon as the service has read", () => {
            let reads = false
            device.tcp.set(CLOSED, stream => {
                if (reads) stream.read()
            })
            peer.destinationPort = CLOSED
            peer.open()
            for (let room = BUFFER_BYTES; room > 0; ) room = only(peer.say(Buffer.alloc(Math.min(room, MSS)))).window
            assert.deepEqual(peer.send({}), [])
            reads = true
            assert.equal(only(peer.send({})).window, BUFFER_BYTES)
        })

        it("never shrinks, and grows by a segment or not at all (RFC 9293 3.8.6.2.2)", () => {
            peer.destinationPort = DISCARD
            const { acknowledgment, window } = peer.open()
            let end = (acknowledgment + window) >>> 0
            for (let i = 0; i < 50; i++) {
                const answer = only(peer.say(pattern(100)))
                const grown = (((answer.acknowledgment + answer.window) >>> 0) - end) | 0
                assert.ok(grown === 0 || grown >= MSS, `it grows by ${grown}`)
                end = (end + grown) >>> 0
            }
            assert.ok(((end - peer.sequence) | 0) > BUFFER_BYTES - MSS)
        })
    })

    describe("the end", () => {
        it("of the peer's data is answered when all is sent back, and that of ours ends the connection", () => {
            peer.open(MSS)
            peer.window = 0
            acknowledged(peer.say("abc"))
            acknowledged(peer.say("def", ACK | FIN))
            peer.window = 0xffff
            const last = only(peer.send({}))
            assert.deepEqual([last.flags, last.payload.toString()], [ACK | PSH | FIN, "abcdef"])
            peer.hear([last])
            assert.deepEqual(peer.send({}), [])
            isGone()
            pass(GIVE_UP_MS)
            assert.deepEqual(peer.take(), [])
        })

        it("that is lost is said again", () => {
            peer.open()
            const fin = only(peer.say("", ACK | FIN))
            assert.deepEqual([fin.flags, fin.acknowledgment], [ACK | FIN, peer.sequence])
            pass(RTO_MS)
            assert.deepEqual(only(peer.take()), fin)
            // as the peer's own, whose ACK was lost
            peer.hear([fin])
            acknowledged(peer.send({ flags: FIN | ACK, sequence: (peer.sequence - 1) >>> 0, acknowledgment: fin.sequence }))
            assert.deepEqual(peer.send({}), [])
            isGone()
        })

        it("that comes before a hole is filled waits for that", () => {
            peer.open()
            const hole = peer.sequence
            peer.sequence = (hole + 3) >>> 0
            assert.equal(only(peer.say("def", ACK | FIN)).acknowledgment, hole)
            peer.sequence = hole
            const { payload, flags } = only(peer.say("abcdef", ACK | FIN))
            assert.deepEqual([payload.toString(), flags & FIN], ["abcdef", FIN])
        })

        it("is taken behind a full window", () => {
            peer.open()
            peer.window = 0
            let room = BUFFER_BYTES
            while (room > 0) room = only(peer.say(Buffer.alloc(Math.min(room, MSS)))).window
            acknowledged(peer.say("", ACK | FIN))
        })
    })

    describe("a RST", () => {
        it("with the number that is expected ends the connection", () => {
            peer.open()
            assert.deepEqual(peer.send({ flags: RST }), [])
            isGone()
        })

        it("with another one in the window is answered, with one outside it is not, and neither ends anything (RFC 5961 3.2)", () => {
            peer.open()
            acknowledged(peer.send({ flags: RST, sequence: (peer.sequence + 1) >>> 0 }))
            assert.deepEqual(peer.send({ flags: RST, sequence: (peer.sequence - 1) >>> 0 }), [])
            assert.deepEqual(peer.send({ flags: RST, sequence: (peer.sequence + BUFFER_BYTES) >>> 0 }), [])
            assert.equal(peer.hear(peer.say("abc")).toString(), "abc")
        })

        it("ends also a connection that was not open yet", () => {
            const { sequence } = only(peer.send({ flags: SYN, acknowledgment: 0 }))
            peer.sequence = (peer.sequence + 1) >>> 0
            peer.expected = (sequence + 1) >>> 0
            assert.deepEqual(peer.send({ flags: RST }), [])
            isGone()
        })
    })

    it("answers a SYN within a connection, which does not end it (RFC 5961 4.2)", () => {
        peer.open()
        acknowledged(peer.send({ flags: SYN, sequence: (peer.sequence + 10) >>> 0 }))
        acknowledged(peer.send({ flags: SYN, sequence: (peer.sequence - 1000) >>> 0 }))
        assert.equal(peer.hear(peer.say("abc")).toString(), "abc")
    })

    it("discards what comes on port 9, and ends when the peer does", () => {
        peer.destinationPort = DISCARD
        peer.open()
        for (let i = 0; i < 20; i++) acknowledged(peer.say(pattern(MSS)))
        pass(GIVE_UP_MS)
        assert.deepEqual(peer.take(), [])
        const fin = only(peer.say("", ACK | FIN))
        assert.equal(fin.flags, ACK | FIN)
        peer.hear([fin])
        assert.deepEqual(peer.send({}), [])
        isGone()
    })

    it("says nothing after the device has stopped", () => {
        peer.send({ flags: SYN, acknowledgment: 0 })
        peer.sourcePort++
        peer.open()
        only(peer.say("abc"))
        const { frames } = lanSwitch.counters
        device.stop()
        pass(GIVE_UP_MS)
        assert.equal(lanSwitch.counters.frames, frames)
    })
})
