/** A phone with a W5500 whose cable, supply and bus have faults: a call goes on or says why it ended, and the next one works. */
import assert from "node:assert/strict"
import { after, afterEach, before, describe, it } from "node:test"
import { Rig, sleep, until, type Call, type Stats } from "../support/rig.js"

const ECHO1 = "10.77.0.2:4000"
const SOCKET0 = 1
const RX_BUFFER0 = 3
/** Socket registers. @see W5500 datasheet 4.2 */
const SN_SR = 0x03
const SN_TX_RD = 0x22
const SN_TX_WR = 0x24
const SN_RX_RD = 0x28
const SN_RX_WR = 0x2a
/** What an SPI line reads that nothing drives, or that is shorted to ground. */
const FLOATING = 0xff
const SHORTED = 0x00

describe("a W5500", () => {
    let rig: Rig
    let call: Call

    before(async () => {
        rig = await Rig.start({ phy: "w5500" })
    })
    after(() => rig?.stop())
    afterEach(async () => {
        // of a test that failed, so that the next one can tell something of its own
        if ((await rig.calls()).some(c => c.state === "up")) await rig.run("hangup all")
    })

    const chip = () => rig.phone.controller!.chip

    const heard = async () => {
        const now = await rig.callOf(call.id)
        assert.equal(now.state, "up", now.error ?? "")
        return now.rxFrames
    }

    /** Breaks something while a call is up: the call goes on, and a new one works. @returns which counters have grown */
    async function survives(fault: () => Promise<void> | void): Promise<Stats> {
        call = await rig.call(ECHO1, "--play speech")
        await until("the call is heard", async () => (await heard()) >= 10)
        const before = await rig.stats()
        await fault()
        const frames = await heard()
        await until("the call goes on", async () => (await heard()) >= frames + 25)
        const drops = await rig.drops(before)
        await rig.run(`hangup ${call.id}`)
        await rig.idle()
        await rig.works()
        return drops
    }

    it("carries calls without anything that the chip refuses", async () => {
        chip().counts.reset()
        assert.deepEqual(await survives(() => {}), {})
        assert.deepEqual(chip().refused, {})
        const { framesIn, framesOut } = chip().counts
        assert.ok(framesIn > 45 && framesOut > 45, `${framesIn} in, ${framesOut} out`)
    })

    it("without its cable for a second says so; the call goes on when it is back", async () => {
        rig.log.length = 0
        const drops = await survives(async () => {
            chip().unplug()
            await until("the firmware notices", () => rig.log.some(line => line.includes("phy: down")))
            await sleep(1000)
            chip().plug()
            await until("the firmware notices", () => rig.log.some(line => line.includes("phy: up")))
        })
        assert.ok(drops.phyTxDown! > 0)
    })

    it("that resets itself in the middle of a call is set up again", async () => {
        const drops = await survives(async () => {
            chip().reset()
            await until("the set-up", async () => (await rig.stats()).phyReconnects! > 0)
        })
        assert.equal(drops.phyReconnects, 1)
    })

    for (const [name, register] of Object.entries({ SN_TX_RD, SN_TX_WR, SN_RX_WR }))
        it(`whose pointer ${name} is corrupted is set up again`, async () => {
            const before = (await rig.stats()).phyReconnects!
            await survives(async () => {
                chip().poke(SOCKET0, register, Buffer.from([0x5a, 0xa5]))
                await until("the set-up", async () => (await rig.stats()).phyReconnects! > before)
            })
        })

    it("whose pointer SN_RX_RD is corrupted goes on: it is written anew with each frame", async () => {
        await survives(async () => {
            for (let i = 0; i < 10; i++) {
                chip().poke(SOCKET0, SN_RX_RD, Buffer.from([0x5a, 0xa5]))
                await sleep(50)
            }
        })
    })

    it("whose socket has closed is set up again", async () => {
        const before = (await rig.stats()).phyReconnects!
        await survives(async () => {
            chip().poke(SOCKET0, SN_SR, Buffer.from([0]))
            await until("the set-up", async () => (await rig.stats()).phyReconnects! > before)
        })
    })

    it("whose receive buffer holds an impossible length is set up again", async () => {
        const before = await rig.stats()
        await survives(async () => {
            // all of it: whatever is read next begins with this length
            chip().poke(RX_BUFFER0, 0, Buffer.alloc(16384, 0xee))
            const spoil = chip().receive
            chip().receive = (frame: Buffer) => {
                spoil.call(chip(), frame)
                chip().poke(RX_BUFFER0, 0, Buffer.alloc(16384, 0xee))
            }
            await until("the length is noticed", async () => (await rig.stats()).phyBadLength! > before.phyBadLength!)
            chip().receive = spoil
        })
    })

    for (const answer of [FLOATING, SHORTED])
        it(`that answers nothing but 0x${answer.toString(16)} is waited for`, async () => {
            rig.log.length = 0
            await survives(async () => {
                chip().answer(answer)
                const said = `VERSIONR is ${answer} instead of 4`
                await until("the firmware says why", () => rig.log.some(line => line.includes(said)))
                assert.match(rig.log.find(line => line.includes(said))!, /see its supply and its wires/)
                chip().answer(undefined)
                await until("it is up again", () => rig.log.some(line => line.includes("phy: up")))
            })
        })

    it("that stays dead ends a call when its lease ends, and the next call says that there is no link", async () => {
        rig.lan.dhcp.leaseSeconds = 6
        call = await rig.call(ECHO1, "--play speech")
        chip().answer(FLOATING)
        const ended = await until(
            "the end of the call",
            async () => {
                const now = await rig.callOf(call.id)
                return now.state === "ended" ? now : undefined
            },
            10_000
        )
        assert.match(ended.error ?? "", /lease/)
        await rig.fails(`call ${ECHO1}`, /no link/)
        chip().answer(undefined)
        rig.lan.dhcp.leaseSeconds = 3600
        await until("the lease is given back or has run out", () => rig.leased().length === 1, 15_000)
        await rig.works()
    })
})
