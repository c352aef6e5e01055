/** With DHCP servers that answer wrongly a call still gets the right address; without any address it fails and says why. @see RFC 2131 4.4 */
import assert from "node:assert/strict"
import { after, afterEach, before, describe, it } from "node:test"
import { DhcpOption, DhcpType, buildDhcp, dhcpType, parseDhcp, type DhcpMessage } from "../../sim/lan/dhcp-message.js"
import { addressToBytes } from "../../sim/lan/ipv4.js"
import { LAN } from "../../sim/lan/lan.js"
import { Rig, until, type Stats } from "../support/rig.js"

const ECHO1 = "10.77.0.2:4000"
/** What the wrong answers offer. */
const NOBODY = "10.77.0.240"
const FOREIGN_MAC = "02:00:5e:00:00:99"
/** In which a call must have its address or fail, with something for a machine that is busy. */
const ADDRESS_MS = 15_000

const END = 255

/** The payload of a message with an option set, or taken out. */
function withOption(message: DhcpMessage, code: number, value?: number[]): Buffer {
    const options = new Map(message.options)
    if (value) options.set(code, Buffer.from(value))
    else options.delete(code)
    return buildDhcp({ ...message, options })
}

function ofType(message: DhcpMessage, type: number): Buffer {
    return withOption(message, DhcpOption.MESSAGE_TYPE, [type])
}

interface WrongAnswer {
    what: string
    counted: Stats
    make(message: DhcpMessage, payload: Buffer): Buffer[]
}

describe("a call gets the right address although the server also sends", () => {
    let rig: Rig

    before(async () => {
        rig = await Rig.start()
    })
    after(() => rig?.stop())
    afterEach(async () => {
        delete rig.lan.dhcp.tamper
        rig.lan.dhcp.rapidCommit = true
        await rig.run("hangup all")
        await rig.idle()
    })

    const wrong: WrongAnswer[] = [
        { what: "an answer with another xid", counted: { dhcpForeign: 1 }, make: m => [buildDhcp({ ...m, xid: (m.xid ^ 1) >>> 0 })] },
        { what: "one for another hardware address", counted: { dhcpBad: 1 }, make: m => [buildDhcp({ ...m, chaddr: FOREIGN_MAC })] },
        { what: "one which is a request", counted: { dhcpBad: 1 }, make: m => [buildDhcp({ ...m, isReply: false })] },
        { what: "one without server identifier", counted: { dhcpBad: 1 }, make: m => [withOption(m, DhcpOption.SERVER_ID)] },
        { what: "one without message type", counted: { dhcpBad: 1 }, make: m => [withOption(m, DhcpOption.MESSAGE_TYPE)] },
        { what: "types that no server sends", counted: { dhcpForeign: 5 }, make: m => [1, 3, 4, 7, 99].map(type => ofType(m, type)) },
        { what: "one without lease time", counted: { dhcpBad: 1 }, make: m => [withOption(m, DhcpOption.LEASE_TIME)] },
        { what: "a lease of 0 seconds", counted: { dhcpBad: 1 }, make: m => [withOption(m, DhcpOption.LEASE_TIME, [0, 0, 0, 0])] },
        {
            what: "masks that are none",
            counted: { dhcpBad: 2 },
            make: m =>
                [
                    [255, 0, 255, 0],
                    [0, 0, 0, 0],
                ].map(mask => withOption(m, DhcpOption.SUBNET_MASK, mask)),
        },
        {
            what: "addresses that no host can have",
            counted: { dhcpBad: 4 },
            make: m => ["0.0.0.0", "127.0.0.1", "224.0.0.1", "255.255.255.255"].map(yiaddr => buildDhcp({ ...m, yiaddr })),
        },
        {
            what: "the address that the phone has already, as another server's",
            counted: { dhcpBad: 1 },
            make: m => [withOption({ ...m, yiaddr: rig.address }, DhcpOption.SERVER_ID, [...addressToBytes(NOBODY)])],
        },
        {
            what: "options that are needed, and run past the end",
            counted: { dhcpBad: 2, dhcpBadOption: 2 },
            make: (_, payload) => {
                // the type comes first
                const type = payload.subarray(0, 243)
                const seconds = [51, 4, 0, 0, 28, 32]
                return [
                    [...seconds, 54, 4, 10],
                    [...seconds, 54],
                ].map(options => Buffer.concat([type, Buffer.from(options)]))
            },
        },
        {
            what: "headers cut off",
            counted: { dhcpBad: 31 },
            make: (_, payload) => Array.from({ length: 31 }, (_, n) => payload.subarray(0, 8 * n)),
        },
        {
            what: "another magic cookie",
            counted: { dhcpBad: 1 },
            make: (_, payload) => {
                payload.writeUInt32BE(0x63825362, 236)
                return [payload]
            },
        },
        { what: "a refusal of what was not asked for", counted: { dhcpForeign: 1 }, make: m => [ofType(m, DhcpType.NAK)] },
        { what: "a rapid commit that does not say so", counted: { dhcpForeign: 1 }, make: m => [withOption(m, DhcpOption.RAPID_COMMIT)] },
    ]
    for (const { what, counted, make } of wrong)
        it(what, async () => {
            const before = await rig.stats()
            // the wrong ones come first
            rig.lan.dhcp.tamper = reply => {
                const message = { ...parseDhcp(reply)!, yiaddr: NOBODY }
                return [...make(message, buildDhcp(message)), reply]
            }
            const call = await rig.call(ECHO1)
            assert.ok(rig.leased().includes(call.local!.split(":")[0]), call.local!)
            assert.deepEqual(await rig.drops(before), counted)
        })

    it("every answer twice", async () => {
        const before = await rig.stats()
        rig.lan.dhcp.rapidCommit = false
        rig.lan.dhcp.tamper = reply => [reply, reply]
        await rig.call(ECHO1)
        assert.deepEqual(await rig.drops(before), { dhcpForeign: 2 })
    })

    it("a refusal of its own offer", async () => {
        const before = await rig.stats()
        let refused = false
        rig.lan.dhcp.rapidCommit = false
        rig.lan.dhcp.tamper = reply => {
            const message = parseDhcp(reply)!
            if (refused || dhcpType(message) !== DhcpType.ACK) return [reply]
            refused = true
            return [ofType({ ...message, yiaddr: "0.0.0.0" }, DhcpType.NAK)]
        }
        await rig.call(ECHO1)
        assert.ok(refused)
        assert.deepEqual(await rig.drops(before), { dhcpNak: 1 })
    })

    it("a refusal from another server", async () => {
        const before = await rig.stats()
        rig.lan.dhcp.rapidCommit = false
        rig.lan.dhcp.tamper = reply => {
            const message = parseDhcp(reply)!
            const refusal = { ...message, options: new Map(message.options).set(DhcpOption.SERVER_ID, addressToBytes(NOBODY)) }
            return dhcpType(message) === DhcpType.ACK ? [ofType(refusal, DhcpType.NAK), reply] : [reply]
        }
        await rig.call(ECHO1)
        assert.deepEqual(await rig.drops(before), { dhcpForeign: 1 })
    })

    it("nothing to the first message, which is sent again", async () => {
        const before = await rig.stats()
        let lost = 0
        rig.lan.dhcp.tamper = reply => (lost++ === 0 ? [] : [reply])
        await rig.call(ECHO1)
        assert.equal(lost, 2)
        assert.deepEqual(await rig.drops(before), {})
    })
})

/** Bytes of a message that a client need not take (RFC 2131, 2), and of the longest one that fits an Ethernet frame. */
const LONGEST = 1472

describe("a call has its address, and is heard, although in the only answer", () => {
    let rig: Rig

    before(async () => {
        rig = await Rig.start()
    })
    after(() => rig?.stop())
    afterEach(async () => {
        delete rig.lan.dhcp.tamper
        await rig.run("hangup all")
        await rig.idle()
    })

    /** What the message says, with more behind it. @param behind an END, if it shall have one, is part of that */
    const appended = (payload: Buffer, behind: number[]) => [
        Buffer.concat([payload.subarray(0, payload.lastIndexOf(END)), Buffer.from(behind)]),
    ]
    /** The options with these values, in place of what the server says. */
    const replaced = (m: DhcpMessage, options: [code: number, value: number[]][]) => [
        buildDhcp({ ...m, options: new Map([...m.options, ...options.map(([code, value]) => [code, Buffer.from(value)] as const)]) }),
    ]
    const { ROUTER, DNS_SERVER, DOMAIN_NAME, RENEWAL_TIME, REBINDING_TIME } = DhcpOption
    const [BROADCAST, NTP, TFTP_SERVER, BOOT_FILE, CLASSLESS_ROUTES, PRIVATE] = [28, 42, 66, 67, 121, 224]
    const none: [number, number[]][] = [BROADCAST, NTP, TFTP_SERVER, BOOT_FILE, DNS_SERVER, DOMAIN_NAME, RENEWAL_TIME, REBINDING_TIME].map(
        code => [code, []]
    )
    const ODD = [10, 77, 0, 1, 9]

    interface Flawed {
        what: string
        flaws: number
        /** Whether no default router is known then. */
        withoutRouter?: boolean
        make: WrongAnswer["make"]
    }
    const flawed: Flawed[] = [
        { what: "no option is flawed", flaws: 0, make: (_, payload) => [payload] },
        { what: "eight options of no use have a length of 0", flaws: 8, make: m => replaced(m, none) },
        { what: "the routers have a length of 0", flaws: 1, withoutRouter: true, make: m => replaced(m, [[ROUTER, []]]) },
        { what: "the routers have an odd length", flaws: 1, withoutRouter: true, make: m => replaced(m, [[ROUTER, ODD]]) },
        {
            what: "addresses have an odd length, and times two octets or five",
            flaws: 5,
            make: m =>
                replaced(m, [
                    [DNS_SERVER, [...ODD, 9]],
                    [NTP, ODD],
                    [BROADCAST, ODD],
                    [RENEWAL_TIME, [0, 60]],
                    [REBINDING_TIME, [0, 0, 0, 0, 60]],
                ]),
        },
        ...[[], [0], [0, 10, 77], [24, 192, 0, 2, 10, 77, 0], [33, 192, 0, 2, 1, 5, 10, 77, 0, 1]].map(routes => ({
            what: `the classless routes are cut off, or none: ${routes.join(" ")}`,
            flaws: 1,
            make: (m: DhcpMessage) => replaced(m, [[CLASSLESS_ROUTES, routes]]),
        })),
        { what: "the last option runs past the end", flaws: 1, make: (_, payload) => appended(payload, [12, 200, 65]) },
        { what: "the last option has no length", flaws: 1, make: (_, payload) => appended(payload, [12]) },
        { what: "there is no end", flaws: 0, make: (_, payload) => appended(payload, []) },
        { what: "there is padding between", flaws: 0, make: (_, payload) => appended(payload, [0, 0, 0, 12, 1, 65, 0, 0, END, 12]) },
        {
            what: "a hundred options follow",
            flaws: 0,
            make: (_, payload) => appended(payload, [...Array.from({ length: 100 }, () => [PRIVATE, 1, 0]).flat(), END]),
        },
        {
            what: `more follows, to ${LONGEST} bytes in all`,
            flaws: 1,
            make: (_, payload) => {
                const [whole] = appended(payload, Array.from({ length: 6 }, () => [PRIVATE, 250, ...new Array(250).fill(65)]).flat())
                return [whole!.subarray(0, LONGEST)]
            },
        },
    ]
    for (const { what, flaws, withoutRouter, make } of flawed)
        it(what, async () => {
            const before = await rig.stats()
            let answers = 0
            rig.lan.dhcp.tamper = reply => {
                answers++
                return make(parseDhcp(reply)!, reply)
            }
            const call = await rig.call(ECHO1, "--play speech")
            const address = call.local!.split(":")[0]!
            assert.ok(rig.leased().includes(address), address)
            const { gateway, prefix } = (await rig.interfaces()).find(i => i.address === address)!
            assert.deepEqual([gateway, prefix], [withoutRouter ? null : LAN.router.address, LAN.prefix])
            await until("it is heard", async () => (await rig.callOf(call.id)).rxFrames >= 5)
            assert.equal((await rig.callOf(call.id)).lost, 0)
            assert.equal(answers, 1)
            assert.deepEqual(await rig.drops(before), flaws > 0 ? { dhcpBadOption: flaws } : {})
        })
})

describe("without an address for it", () => {
    /** Runs a test on a rig of its own. */
    async function on(options: Parameters<typeof Rig.start>[0], test: (rig: Rig) => Promise<void>): Promise<void> {
        const rig = await Rig.start(options)
        try {
            await test(rig)
        } finally {
            await rig.stop()
        }
    }

    async function failsInTime(rig: Rig): Promise<void> {
        const start = performance.now()
        await rig.fails(`call ${ECHO1}`, /^error: EADDRNOTAVAIL: no DHCP server gave an address .*; see that /)
        const took = performance.now() - start
        assert.ok(took < ADDRESS_MS, `it took ${took} ms`)
    }

    it("a call fails in time and says why, when the pool is empty", () =>
        on({ poolStart: 50, poolEnd: 51 }, async rig => {
            const call = await rig.call(ECHO1)
            await failsInTime(rig)
            assert.ok(rig.lan.dhcp.counters.poolEmpty > 0)
            const { state, lost } = await rig.callOf(call.id)
            assert.deepEqual([state, lost], ["up", 0], "the call that is up goes on")
            await rig.run("hangup all")
            await rig.idle()
            await rig.works()
        }))

    it("a call fails in time and says why, when the server does not answer any more", () =>
        on({}, async rig => {
            rig.lan.dhcp.enabled = false
            await failsInTime(rig)
            await rig.idle()
            rig.lan.dhcp.enabled = true
            await rig.works()
        }))

    it("commands say so when there was no server at boot, and the phone finds it when it comes", () =>
        on({ withoutServer: true }, async rig => {
            const lines = ["ping 10.77.0.2", `call ${ECHO1} --tuple common`, `call ${ECHO1} --tuple static`, `call ${ECHO1}`]
            await Promise.all(lines.map(line => rig.fails(line, /^error: .*(no address|no DHCP server|not on this LAN).*; s/)))
            await rig.fails("lease release tp0", /^error: tp0 has no address yet; see lease/)
            rig.lan.dhcp.enabled = true
            await rig.hasAddress(20_000)
            await rig.works()
        }))
})
