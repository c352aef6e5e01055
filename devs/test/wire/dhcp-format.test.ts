import { beforeEach, describe, expect, test } from "@devicescript/test"
import { ROUTERS } from "../../../src/base/config"
import { Counter, countOf } from "../../../src/base/counters"
import { formatAddress } from "../../../src/wire/address"
import { DHCPACK, DHCPNAK, DHCPOFFER, DhcpReply, readDhcp, replyRouters } from "../../../src/wire/dhcp"
import { BOARD, BOARD_MAC, HOST } from "../support/lan"
import { breathe, copyOf, run } from "../support/support"

// Options of messages of 300 bytes of dnsmasq 2.90 to 02:54:50:00:00:01, captured on a TAP device.
const OFFER: Buffer = hex`63825363 350102 36040a4d0001 330400001c20 3a0400000e10 3b040000189c 0104ffffff00 1c040a4d00ff 06040a4d0001 03040a4d0001 ff0000000000000000`
const ACK: Buffer = hex`63825363 350105 36040a4d0001 330400001c20 3a0400000e10 3b040000189c 0104ffffff00 1c040a4d00ff 06040a4d0001 03040a4d0001 ff0000000000000000`
const RAPID: Buffer = hex`63825363 350105 36040a4d0001 330400001c20 5000 3a0400000e10 3b040000189c 0104ffffff00 1c040a4d00ff 06040a4d0001 03040a4d0001 ff000000000000`
const NAK: Buffer = hex`63825363 350106 36040a4d0001 380d77726f6e672061646472657373 ff`

const HIGH = BOARD_MAC.getAt(0, "i32")
const LOW = BOARD_MAC.getAt(4, "u16")
/** Octets before the message in the buffer, so that it does not lie at 0. */
const AT = 5

/** A server's message: the fixed part as dnsmasq wrote it, then these options, then nothing. */
function message(xid: Buffer, yiaddr: number, tail: Buffer, length: number): Buffer {
    const b = Buffer.alloc(AT + length)
    b.blitAt(AT, hex`02010600`, 0, 4)
    b.blitAt(AT + 4, xid, 0, 4)
    b[AT + 10] = 0x80
    b.setAt(AT + 16, "i32", yiaddr)
    b.setAt(AT + 20, "i32", HOST)
    b.blitAt(AT + 28, BOARD_MAC, 0, 6)
    b.blitAt(AT + 236, tail, 0, tail.length)
    return b
}

const XID: Buffer = hex`11223344`

function read(b: Buffer): DhcpReply {
    return readDhcp(b, AT, b.length - AT, HIGH, LOW, HIGH)
}

/** A message with these options alone. */
function options(o: Buffer): DhcpReply {
    const tail = Buffer.concat(hex`63825363`, o)
    return read(message(XID, BOARD, tail, 236 + tail.length))
}

describe("reading DHCP (RFC 2131, 2; RFC 2132)", () => {
    beforeEach(breathe)

    test("an offer of dnsmasq", () => {
        const r = read(message(XID, BOARD, OFFER, 300))
        expect(r.type).toBe(DHCPOFFER)
        expect(r.xid).toBe(0x44332211)
        expect(formatAddress(r.address)).toBe("10.77.0.57")
        expect(formatAddress(r.server)).toBe("10.77.0.1")
        expect(formatAddress(r.mask)).toBe("255.255.255.0")
        expect(r.routers).toBe(1)
        expect(formatAddress(replyRouters.getAt(0, "i32"))).toBe("10.77.0.1")
        expect(r.leaseTime).toBe(7200)
        expect(r.t1).toBe(3600)
        expect(r.t2).toBe(6300)
        expect(r.rapidCommit).toBe(undefined)
    })

    test("an ACK, a rapid one, and a NAK of dnsmasq", () => {
        const ack = read(message(XID, BOARD, ACK, 300))
        expect(ack.type).toBe(DHCPACK)
        expect(ack.rapidCommit).toBe(undefined)
        const rapid = read(message(XID, BOARD, RAPID, 300))
        expect(rapid.type).toBe(DHCPACK)
        expect(rapid.rapidCommit).toBe(true)
        expect(rapid.leaseTime).toBe(7200)
        const nak = read(message(XID, 0, NAK, 300))
        expect(nak.type).toBe(DHCPNAK)
        expect(nak.address).toBe(0)
        expect(nak.server).toBe(HOST)
        expect(nak.leaseTime).toBe(undefined)
    })

    test("cut at any length, it says what is there, and no more", async () => {
        const whole = message(XID, BOARD, OFFER, 300)
        for (let length = 0; length < 300; length++) {
            const r = readDhcp(copyOf(whole, 0, AT + length), AT, length, HIGH, LOW, HIGH)
            const at = length - 240
            if ((r !== undefined) !== at >= 3) throw new Error(`length ${length}: ${r === undefined ? "refused" : "taken"}`)
            if (r && (r.server === undefined) !== at < 9) throw new Error(`length ${length}: server ${r.server}`)
            if (r && (r.leaseTime === undefined) !== at < 15) throw new Error(`length ${length}: time ${r.leaseTime}`)
            if ((length & 15) === 0) await breathe()
        }
    })

    test("an option that runs past the end is as if it were not there", () => {
        for (const o of [hex`350102 36`, hex`350102 3604`, hex`350102 36040a4d00`, hex`350102 33ff00001c20`]) {
            const before = countOf(Counter.DhcpBadOption)
            const r = options(o)
            if (r.type !== DHCPOFFER || r.server !== undefined || r.leaseTime !== undefined) throw new Error(o.toString("hex"))
            expect(countOf(Counter.DhcpBadOption)).toBe(before + 1)
        }
        expect(options(hex`3502`)).toBe(undefined)
        // behind the end option nothing is read
        expect(options(hex`350102 ff 36ff`).type).toBe(DHCPOFFER)
        expect(options(hex`350102 ff 36040a4d0001`).server).toBe(undefined)
    })

    test("padding between options is skipped, and the end option may be missing", () => {
        const r = options(hex`00 00 350105 00 36040a4d0001 000000`)
        expect(r.type).toBe(DHCPACK)
        expect(r.server).toBe(HOST)
    })

    test("an option of a wrong length is as if it were not there (RFC 1122, 1.2.2)", () => {
        for (const o of [hex`35020202 ff`, hex`3500 ff`]) expect(options(o)).toBe(undefined)
        const wrong = [
            hex`350102 36030a4d00`,
            hex`350102 3302 1c20`,
            hex`350102 0100`,
            hex`350102 03010a`,
            hex`350102 0306 0a4d00010a4d`,
            hex`350102 0600`,
            hex`350102 0f00`,
            hex`350102 1c03ffffff`,
            hex`350102 2a0500000000 00`,
            hex`350102 500100`,
            hex`350102 3a0500000e1000`,
            hex`350102 3b00`,
            hex`350102 3d01ff`,
            hex`350102 4200`,
            hex`350102 4300`,
            hex`350102 34020100`,
            hex`350102 7900`,
        ]
        for (const o of wrong) {
            const before = countOf(Counter.DhcpBadOption)
            const r = options(o)
            const said = [r.server, r.mask, r.leaseTime, r.t1, r.t2, r.routers, r.rapidCommit, r.iaid === -1 ? undefined : r.iaid]
            if (r.type !== DHCPOFFER || said.filter(v => v !== undefined).length > 0) throw new Error(o.toString("hex"))
            expect(countOf(Counter.DhcpBadOption)).toBe(before + 1)
        }
        // those that say nothing to us have what length they like
        expect(options(hex`350102 0c00 0200 2b0101 f900 fe03010203 ff`).type).toBe(DHCPOFFER)
    })

    test("of an option of a fixed length that comes twice the first counts", () => {
        const o = hex`350102 36040a4d0001 330400001c20 0104ffffff00`
        for (const more of [hex`350102`, hex`350105`, hex`36040a4d0001`, hex`36040a4d0002`, hex`330400001c20`, hex`0104ffff0000`]) {
            const r = options(Buffer.concat(o, more))
            if (r.type !== DHCPOFFER || r.server !== HOST || r.leaseTime !== 7200 || r.mask !== 0xffffff)
                throw new Error(more.toString("hex"))
        }
        expect(options(Buffer.concat(o, hex`5000 5000`)).rapidCommit).toBe(true)
    })

    test("several routers are read, as many as are kept", () => {
        const r = options(hex`350102 03080a4d00010a4d0002 ff`)
        expect(r.routers).toBe(2)
        expect(replyRouters.getAt(0, "i32")).toBe(HOST)
        expect(formatAddress(replyRouters.getAt(4, "i32"))).toBe("10.77.0.2")
        expect(options(hex`350102 03140a4d00010a4d00020a4d00030a4d00040a4d0005 ff`).routers).toBe(ROUTERS)
    })

    test("what is behind the end option does not matter, however long it is", () => {
        for (const length of [549, 576, 590, 1472]) expect(read(message(XID, BOARD, OFFER, length)).leaseTime).toBe(7200)
    })

    test("times of 32 bits are not negative", () => {
        const r = options(hex`350105 3304ffffffff 3a0480000000 3b04fffffffe ff`)
        expect(r.leaseTime).toBe(4294967295)
        expect(r.t1).toBe(2147483648)
        expect(r.t2).toBe(4294967294)
    })

    test("no message type: no DHCP", () => {
        expect(options(hex`36040a4d0001 ff`)).toBe(undefined)
        expect(options(hex`ff`)).toBe(undefined)
        expect(options(Buffer.alloc(0))).toBe(undefined)
    })

    test("another op, hardware, length of address, cookie or client", () => {
        const wrong = [0, 1, 2, 28, 29, 30, 31, 32, 33, 236, 237, 238, 239]
        for (const at of wrong) {
            const b = message(XID, BOARD, OFFER, 300)
            b[AT + at] ^= 3
            if (read(b) !== undefined) throw new Error(`octet ${at}`)
        }
    })
})

await run()
