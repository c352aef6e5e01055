import { beforeEach, describe, expect, test } from "@devicescript/test"
import { Local, Media, RECEIVES, SENDS, readSdp, writeAnswer, writeOffer } from "../../../src/sip/sdp"
import { TELEPHONE_EVENT } from "../../../src/wire/rtp"
import { finish, out, start, startBody } from "../../../src/sip/writer"
import { addressOf, formatAddress } from "../../../src/wire/address"
import { breathe, run } from "../support/support"
import { AT, messageOf } from "../support/sip"

const BOTH = SENDS | RECEIVES

function media(text: string): Media {
    const b = messageOf(text)
    return readSdp(b, AT, b.length)
}

/** A description with one audio stream; `lines` come last. */
function audio(lines: string): Media {
    return media(`v=0\no=- 1 1 IN IP4 10.77.0.2\ns=-\nc=IN IP4 10.77.0.2\nt=0 0\nm=audio 4000 RTP/AVP 8 0\n${lines}`)
}

/** The body that was written. */
function written(): string {
    const length = finish()
    let at = 0
    while (out[at] !== 13 || out[at + 2] !== 13) at++
    return out.slice(at + 4, length).toString()
}

function local(): Local {
    const l: Local = { address: addressOf(10, 77, 0, 51), port: 5004, id: 12345, version: 2, direction: BOTH }
    start("")
    startBody()
    return l
}

const HEAD = "v=0\r\no=- 12345 2 IN IP4 10.77.0.51\r\ns=-\r\nc=IN IP4 10.77.0.51\r\nt=0 0\r\n"

describe("descriptions that are read (RFC 8866)", () => {
    beforeEach(breathe)

    test("baresip's offer", () => {
        const m = media(`v=0
o=- 1733920517 3471294521 IN IP4 10.77.0.2
s=-
c=IN IP4 10.77.0.2
t=0 0
a=tool:baresip 1.1.0
m=audio 19864 RTP/AVP 0 8 13 101
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
a=rtcp:19866
a=sendrecv
a=ptime:30
`)
        expect(m.index).toBe(0)
        expect(formatAddress(m.address)).toBe("10.77.0.2")
        expect(m.port).toBe(19864)
        expect(m.rtcpPort).toBe(19866)
        expect(m.codec).toBe(0)
        expect(m.events).toBe(101)
        expect(m.hasComfortNoise).toBe(true)
        expect(m.ptime).toBe(30)
        expect(m.direction).toBe(BOTH)
    })

    test("what is not said: RTCP on the next port, 20 ms, both directions, no events", () => {
        const m = audio("")
        expect(m.rtcpPort).toBe(4001)
        expect(m.ptime).toBe(20)
        expect(m.direction).toBe(BOTH)
        expect(m.events).toBe(-1)
        expect(m.codec).toBe(8)
        expect(m.hasComfortNoise).toBe(false)
    })

    test("c= of a medium counts more than the session's, and either may be missing", () => {
        expect(formatAddress(audio("c=IN IP4 10.77.0.3\n").address)).toBe("10.77.0.3")
        expect(formatAddress(media("m=audio 4000 RTP/AVP 0\nc=IN IP4 10.77.0.3\n").address)).toBe("10.77.0.3")
        expect(media("v=0\nm=audio 4000 RTP/AVP 0\n")).toBe(undefined)
    })

    test("the first usable audio among several media", () => {
        const m = media(`v=0
c=IN IP4 10.77.0.2
a=sendonly
a=ptime:40
m=video 4002 RTP/AVP 31
a=recvonly
m=audio 0 RTP/AVP 0
m=audio 4004 RTP/SAVP 0
m=audio 4006 RTP/AVP 9 96
c=IN IP4 10.77.0.9
a=rtpmap:96 opus/48000/2
m=audio 4008 RTP/AVP 0
c=IN IP6 2001:db8::1
m=audio 4010 RTP/AVP 96 0 8
a=rtpmap:96 telephone-event/8000
m=audio 4012 RTP/AVP 0
a=inactive
`)
        expect(m.index).toBe(5)
        expect(m.port).toBe(4010)
        expect(formatAddress(m.address)).toBe("10.77.0.2")
        expect(m.events).toBe(96)
        // an attribute of media alone (RFC 8866, 6.4), and yet there are those who say it of the session
        expect(m.ptime).toBe(40)
        expect(m.direction).toBe(SENDS)
    })

    test("directions, and hold by 0.0.0.0 (RFC 3264, 8.4)", () => {
        expect(audio("a=sendonly\n").direction).toBe(SENDS)
        expect(audio("a=recvonly\n").direction).toBe(RECEIVES)
        expect(audio("a=inactive\n").direction).toBe(0)
        expect(audio("a=sendrecv\n").direction).toBe(BOTH)
        expect(audio("a=maxptime:8\na=somename\n").direction).toBe(BOTH)
        const held = audio("c=IN IP4 0.0.0.0\n")
        expect(held.address).toBe(0)
        expect(held.direction).toBe(SENDS)
        expect(audio("c=IN IP4 0.0.0.0\na=recvonly\n").direction).toBe(0)
    })

    test("telephone events are those at the rate of the voice", () => {
        expect(
            audio("a=rtpmap:100 telephone-event/16000\na=rtpmap:101 telephone-event/8000\na=rtpmap:102 telephone-event/48000\n").events
        ).toBe(101)
        expect(audio("a=rtpmap:97 iLBC/8000\n").events).toBe(-1)
    })

    test("what cannot be used is none", () => {
        for (const line of [
            "m=audio 4000 RTP/AVP 18",
            "m=audio 4000 RTP/AVP",
            "m=audio 4000 RTP/SAVP 0",
            "m=audio 4000 udp 0",
            "m=audio 0 RTP/AVP 0",
            "m=audio 65536 RTP/AVP 0",
            "m=audio -1 RTP/AVP 0",
            "m=audio x RTP/AVP 0",
            "m=audio",
            "m=",
            "m=video 4000 RTP/AVP 0",
            "m=audio 4000 RTP/AVP 00000000000000000000000000000000000000000000000008x",
            "m=audio 4000 RTP/AVP 0\nc=IN IP6 ::1",
            "m=audio 4000 RTP/AVP 0\nc=IN IP4 224.2.1.1/127",
            "m=audio 4000 RTP/AVP 0\nc=IN IP4 224.2.1.1",
            "m=audio 4000 RTP/AVP 0\nc=IN IP4 127.0.0.1",
            "m=audio 4000 RTP/AVP 0\nc=IN IP4 example.com",
            "m=audio 4000 RTP/AVP 0\nc=IN IP4 10.77.0.256",
            "m=audio 4000 RTP/AVP 0\nc=IN IP4",
            "m=audio 4000 RTP/AVP 0\nc=",
        ])
            if (media(`v=0\no=- 1 1 IN IP4 10.77.0.2\ns=-\nc=IN IP4 10.77.0.2\nt=0 0\n${line}\n`)) throw new Error(line)
        expect(media("")).toBe(undefined)
    })

    test("attributes without sense change nothing", () => {
        const m = audio(
            "a=\na\na=:\na=ptime\na=ptime:\na=ptime:0\na=ptime:-5\na=rtcp:\na=rtcp:99999\na=rtpmap:\na=rtpmap:101\na=rtpmap:x telephone-event/8000\nzzz\n"
        )
        expect(m.ptime).toBe(20)
        expect(m.rtcpPort).toBe(4001)
        expect(m.events).toBe(-1)
    })

    test("cut at each octet, it is what is there", async () => {
        const b = messageOf(
            "v=0\nc=IN IP4 10.77.0.2\nm=audio 4000 RTP/AVP 0 8\na=rtpmap:101 telephone-event/8000\na=ptime:30\na=sendonly\n"
        )
        for (let end = AT; end <= b.length; end++) {
            if ((end & 3) === 0) await breathe()
            const m = readSdp(b, AT, end)
            const usable = end >= AT + b.slice(AT).indexOf(109) + 22
            if ((m !== undefined) !== usable) throw new Error(`${end - AT} octets`)
        }
    })
})

describe("a description of 8,192 octets", () => {
    beforeEach(breathe)

    test("of whatever kind, needs less than a turn of the VM has, and so does its answer", async () => {
        for (const filling of [
            "a=\n",
            "\n",
            "m=\n",
            "m=audio 1 RTP/AVP 0\n",
            "c=IN IP4 1\n",
            "a=rtpmap:\n",
            "a=sendonly\n",
            " 1",
            ".1",
            "0",
            " ",
            "=",
            ":",
        ])
            for (const first of [
                "c=IN IP4 10.77.0.2\nm=audio 4000 RTP/AVP 0\n",
                "c=IN IP4 1",
                "m=audio 4000 RTP/AVP 0",
                "a=rtcp:1",
                "a=rtpmap:1",
                "m=video 1 ",
            ]) {
                const b = Buffer.alloc(8192)
                const from = first.length
                b.blitAt(0, first, 0, from)
                b.blitAt(from, filling, 0, filling.length)
                for (let n = filling.length; n < b.length - from; n += n) b.blitAt(from + n, b, from, Math.min(n, b.length - from - n))
                const l = local()
                await breathe()
                const m = readSdp(b, 0, b.length)
                if (m) writeAnswer(l, m, b, 0, b.length)
            }
    })
})

describe("descriptions that are written (RFC 3264)", () => {
    beforeEach(breathe)

    test("an offer: both codecs, events, our address", () => {
        writeOffer(local(), 8)
        expect(written()).toBe(
            `${HEAD}m=audio 5004 RTP/AVP 8 0 101\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\n`
        )
        const l = local()
        l.direction = SENDS
        writeOffer(l, 0)
        const m = readSdp(out, 0, finish())
        expect(m.codec).toBe(0)
        expect(m.events).toBe(TELEPHONE_EVENT)
        expect(m.direction).toBe(SENDS)
        expect(m.address).toBe(l.address)
    })

    test("an answer: each m= of the offer in order, all but one refused", () => {
        const offer = messageOf(`v=0
c=IN IP4 10.77.0.2
m=video 4002 RTP/AVP 31 32
m=audio 4010/2 RTP/SAVP 96 0 8
m=audio 4010/2 RTP/AVP 96 13 0 8
a=rtpmap:96 telephone-event/8000
a=ptime:10
m=application 9 TCP/BFCP *
`)
        const m = readSdp(offer, AT, offer.length)
        const l = local()
        l.direction = RECEIVES
        writeAnswer(l, m, offer, AT, offer.length)
        expect(written()).toBe(
            `${HEAD}m=video 0 RTP/AVP 31 32\r\nm=audio 0 RTP/SAVP 96 0 8\r\nm=audio 5004 RTP/AVP 0 13 96\r\na=rtpmap:96 telephone-event/8000\r\n` +
                "a=fmtp:96 0-15\r\na=ptime:10\r\na=recvonly\r\nm=application 0 TCP/BFCP *\r\n"
        )
    })

    test("an answer to an offer without events has none", () => {
        const offer = messageOf("c=IN IP4 10.77.0.2\nm=audio 4010 RTP/AVP 8 0\n")
        writeAnswer(local(), readSdp(offer, AT, offer.length), offer, AT, offer.length)
        expect(written()).toBe(`${HEAD}m=audio 5004 RTP/AVP 8\r\na=ptime:20\r\na=sendrecv\r\n`)
    })
})

await run()
