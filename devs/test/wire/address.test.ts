import { beforeEach, describe, expect, test } from "@devicescript/test"
import { interfaces } from "../../../src/link/interface"
import { describePool, isOn, parsePool, takeFrom } from "../../../src/address/pool"
import {
    addressAfter,
    addressOf,
    formatAddress,
    formatMac,
    isUnicast,
    maskOf,
    parseAddress,
    parseDecimal,
    prefixOf,
} from "../../../src/wire/address"
import { give, station } from "../support/lan"
import { breathe, run } from "../support/support"

describe("addresses as text", () => {
    beforeEach(breathe)

    test("are read as a packet has them", () => {
        const wire: Buffer = hex`0a 4d 00 39 ff ff ff ff 80 01 02 fe`
        expect(parseAddress("10.77.0.57")).toBe(wire.getAt(0, "i32"))
        expect(parseAddress("255.255.255.255")).toBe(wire.getAt(4, "i32"))
        expect(parseAddress("128.1.2.254")).toBe(wire.getAt(8, "i32"))
        expect(parseAddress("0.0.0.0")).toBe(0)
        expect(addressOf(10, 77, 0, 57)).toBe(wire.getAt(0, "i32"))
    })

    test("come out as they went in", () => {
        for (const text of ["0.0.0.0", "10.77.0.57", "128.0.0.128", "1.2.3.4", "223.255.255.254", "255.255.255.255"])
            expect(formatAddress(parseAddress(text))).toBe(text)
    })

    test("anything else is refused", () => {
        for (const text of [
            "",
            ".",
            "...",
            "1.2.3",
            "1.2.3.4.5",
            "1.2.3.",
            ".1.2.3",
            "1..2.3",
            "256.1.1.1",
            "1.1.1.256",
            "1.2.3.-4",
            "+1.2.3.4",
            "a.b.c.d",
            " 1.2.3.4",
            "1.2.3.4 ",
            "1.2.3.4/24",
            "0x1.2.3.4",
            "1,2,3,4",
            "1.2.3.99999999999",
            "1.2.3.4294967296",
        ])
            if (parseAddress(text) !== undefined) throw new Error(`${text} was taken for an address`)
    })

    test("decimal numbers", () => {
        expect(parseDecimal("0", 0)).toBe(0)
        expect(parseDecimal("65535", 65535)).toBe(65535)
        expect(parseDecimal("65536", 65535)).toBe(undefined)
        expect(parseDecimal("9999999999", 65535)).toBe(undefined)
        for (const text of ["", "-1", "1.5", "1e3", " 1", "1 ", "12345678901"]) expect(parseDecimal(text, 65535)).toBe(undefined)
    })

    test("hardware addresses", () => {
        const mac: Buffer = hex`02 54 50 00 f0 9e`
        expect(formatMac(mac.getAt(0, "i32"), mac.getAt(4, "u16"))).toBe("02:54:50:00:f0:9e")
        expect(formatMac(-1, 0xffff)).toBe("ff:ff:ff:ff:ff:ff")
    })
})

describe("prefixes", () => {
    beforeEach(breathe)

    test("netmasks", () => {
        expect(maskOf(0)).toBe(0)
        expect(formatAddress(maskOf(1))).toBe("128.0.0.0")
        expect(formatAddress(maskOf(8))).toBe("255.0.0.0")
        expect(formatAddress(maskOf(12))).toBe("255.240.0.0")
        expect(formatAddress(maskOf(23))).toBe("255.255.254.0")
        expect(formatAddress(maskOf(24))).toBe("255.255.255.0")
        expect(formatAddress(maskOf(31))).toBe("255.255.255.254")
        expect(maskOf(32)).toBe(-1)
    })

    test("every netmask gives its prefix back, and no other mask does", async () => {
        for (let prefix = 0; prefix <= 32; prefix++) {
            expect(prefixOf(maskOf(prefix))).toBe(prefix)
            await breathe()
        }
        for (const text of ["255.0.255.0", "0.255.255.255", "255.255.255.1", "254.255.0.0", "0.0.0.1"]) {
            expect(prefixOf(parseAddress(text))).toBe(-1)
            await breathe()
        }
    })

    test("the n-th address after one, over the borders of octets", () => {
        const after = (text: string, n: number) => formatAddress(addressAfter(parseAddress(text), n))
        expect(after("10.77.0.50", 0)).toBe("10.77.0.50")
        expect(after("10.77.0.50", 5)).toBe("10.77.0.55")
        expect(after("10.77.0.255", 1)).toBe("10.77.1.0")
        expect(after("10.77.255.255", 1)).toBe("10.78.0.0")
        expect(after("10.255.255.255", 1)).toBe("11.0.0.0")
        expect(after("127.255.255.250", 300)).toBe("128.0.1.38")
        expect(after("192.168.200.200", 255)).toBe("192.168.201.199")
        expect(after("255.255.255.255", 1)).toBe("0.0.0.0")
    })

    test("what a host may have (RFC 1122, 3.2.1.3)", () => {
        for (const text of ["1.0.0.1", "10.0.0.0", "126.255.255.255", "128.0.0.1", "223.255.255.254"])
            expect(isUnicast(parseAddress(text))).toBe(true)
        for (const text of ["0.0.0.0", "0.1.2.3", "127.0.0.1", "224.0.0.1", "239.1.2.3", "240.0.0.1", "255.255.255.255"])
            expect(isUnicast(parseAddress(text))).toBe(false)
    })
})

describe("the pool of reserved addresses (claim 14)", () => {
    beforeEach(breathe)

    test("is read from its setting", () => {
        const pool = parsePool("10.77.0.200-10.77.0.207/24")
        expect(formatAddress(pool.first)).toBe("10.77.0.200")
        expect(pool.count).toBe(8)
        expect(pool.prefix).toBe(24)
        expect(formatAddress(pool.mask)).toBe("255.255.255.0")
        expect(pool.gateway).toBe(0)
        expect(describePool(pool)).toBe("10.77.0.200-10.77.0.207/24")
    })

    test("one address, a gateway, and a range over an octet's border", () => {
        expect(parsePool("10.77.0.9/16").count).toBe(1)
        expect(formatAddress(parsePool("10.77.0.200/24 via 10.77.0.254").gateway)).toBe("10.77.0.254")
        expect(parsePool("10.0.0.250-10.0.1.5/23").count).toBe(12)
        expect(parsePool("10.0.0.193-10.0.1.0/16").count).toBe(64)
        expect(parsePool("10.0.0.0-10.0.0.1/31").count).toBe(2)
    })

    test("nonsense is refused", async () => {
        for (const text of [
            "",
            "10.77.0.200",
            "10.77.0.200-/24",
            "10.77.0.200-10.77.0.207/33",
            "10.77.0.200-10.77.0.207/",
            "10.77.0.207-10.77.0.200/24",
            "10.0.0.193-10.0.1.1/16",
            "10.77.0.250-10.77.1.5/24",
            "10.77.0.250-10.77.0.255/24",
            "10.77.0.0-10.77.0.5/24",
            "10.77.0.200/0",
            "127.0.0.1/8",
            "224.0.0.1/8",
            "10.77.0.200/24 via",
            "10.77.0.200/24 via nowhere",
            "10.77.0.200/24/24",
            "a-b/24",
        ]) {
            await breathe()
            let refused = false
            try {
                parsePool(text)
            } catch (e) {
                refused = (e as Error).message.indexOf("FIRST-LAST") > 0
            }
            if (!refused) throw new Error(`"${text}" was taken for a pool`)
        }
    })

    test("gives each address to one interface, in order, and none when all are in use", () => {
        const pool = parsePool("10.77.0.254-10.77.1.0/16")
        station(0)
        expect(isOn(pool, interfaces[0])).toBe(false)
        give(interfaces[0], addressOf(10, 77, 0, 57), 16, addressOf(10, 77, 0, 1))
        expect(isOn(pool, interfaces[0])).toBe(true)
        for (let slot = 1; slot <= 3; slot++) {
            station(slot)
            const address = takeFrom(pool)
            expect(address).toBe(addressAfter(pool.first, slot - 1))
            give(interfaces[slot], address, 16, 0)
        }
        expect(takeFrom(pool)).toBe(0)
        give(interfaces[2], 0, 0, 0)
        expect(formatAddress(takeFrom(pool))).toBe("10.77.0.255")
        give(interfaces[0], addressOf(192, 168, 0, 1), 24, 0)
        expect(isOn(pool, interfaces[0])).toBe(false)
    })
})

await run()
