import { beforeEach, describe, expect, test } from "@devicescript/test"
import { AF_INET, SOCK_DGRAM, bind, connect, socket } from "../../../src/socket/api"
import { Codec } from "../../../src/voice/g711"
import { byeOf } from "../../../src/rtp/rtcp"
import { Session, sendFrame } from "../../../src/rtp/session"
import { Play } from "../../../src/voice/source"
import { addressOf } from "../../../src/wire/address"
import { BOARD, HOST } from "../support/lan"
import { breathe, expectBytes, get32, run } from "../support/support"
import { startWorld, tidy } from "../support/world"

await startWorld()

/** Three octets that do not matter, then the next packet of a session: its timestamp is 0x01020304, its SSRC 0xa1a2a3a4. */
const NEXT: Buffer = hex`ffffff 80000119 01020304 a1a2a3a4`

describe("RTCP that ends a session (RFC 3550, 6.6)", () => {
    beforeEach(breathe)

    test("is a sender report, SDES with the address as CNAME, and BYE", () => {
        expectBytes(
            byeOf(NEXT, 3, 500, 160, addressOf(10, 77, 0, 51)),
            hex`80c80006 a1a2a3a4 0000000000000000 01020304 000001f4 00013880
                81ca0005 a1a2a3a4 010a31302e37372e302e3531 00000000
                81cb0001 a1a2a3a4`
        )
    })

    test("has one null octet or more behind each CNAME, and lengths that hold, whatever the length of the address", () => {
        // 7 to 15 characters
        for (const address of [
            addressOf(1, 2, 3, 4),
            addressOf(11, 2, 3, 4),
            addressOf(11, 22, 3, 4),
            addressOf(11, 22, 33, 4),
            addressOf(11, 22, 33, 44),
            addressOf(111, 22, 33, 44),
            addressOf(111, 222, 33, 44),
            addressOf(111, 222, 133, 44),
            addressOf(111, 222, 133, 144),
        ]) {
            const b = byeOf(NEXT, 3, 1, 160, address)
            const length = b[37]
            expect(b[38 + length]).toBe(0)
            let at = 0
            let packets = ""
            while (at < b.length) {
                packets += `${b[at + 1]} `
                at += 4 * (((b[at + 2] << 8) | b[at + 3]) + 1)
            }
            expect(at).toBe(b.length)
            expect(packets).toBe("200 202 203 ")
            expect(
                b
                    .slice(38, 38 + length)
                    .toString()
                    .split(".").length
            ).toBe(4)
        }
    })

    test("counts up to 32 bits of octets", () => {
        const b = byeOf(NEXT, 3, 20000000, 160, addressOf(1, 2, 3, 4))
        expectBytes(b.slice(20, 28), hex`01312d00 bebc2000`)
    })

    test("comes of a session that has sent something, and of no other (6.3.7)", async () => {
        const sd = await socket(AF_INET, SOCK_DGRAM)
        await bind(sd, { port: 5004 })
        await connect(sd, { address: HOST, port: 4000 })
        const session = new Session()
        session.open(Codec.PCMU, Play.Tone)
        session.begin(sd)
        expect(session.bye(BOARD)).toBe(undefined)
        sendFrame(session)
        sendFrame(session)
        const b = session.bye(BOARD)
        expect(get32(b, 20)).toBe(2)
        expect(get32(b, 24)).toBe(320)
        session.end()
        await tidy()
    })
})

await run()
