/** Has the phone as it is to be tested: with its common address, calls, one lease that is renewed, and one that is sought. */
import { isDeepStrictEqual } from "node:util"
import { Phone, onStream, type Told } from "./phone.js"
import type { Random } from "./random.js"
import { LEASE_SECONDS, ROUTER, Site, peer } from "./site.js"
import { LeaseState } from "./world.js"

const PCMU = 0
const PCMA = 8
const TONE = 0
const SPEECH = 1
const ECHO = 2
const COMMON = 0
const STATIC = 1
const DHCP = 2
/** The calls: last octet of the peer, payload type, what is played, where the address is from. */
const CALLS = [
    [2, PCMU, SPEECH, DHCP],
    [3, PCMA, ECHO, STATIC],
    [4, PCMU, TONE, COMMON],
    [5, PCMU, ECHO, DHCP],
] as const
/** Calls at once, and the last octet of a peer that is not there. */
const SLOTS = 8
const NOBODY = 9
/** The interface whose lease is never got: its server says nothing but what is made up. */
export const SEEKING = 8
const MASK = 0xffffff00
/** RFC 2131, 4.4.5: T1 is half of the lease, T2 seven eighths. */
const TIMES = [LEASE_SECONDS, 500 * LEASE_SECONDS, 875 * LEASE_SECONDS]
/** Milliseconds of a step, and of one while much time passes. */
const STEP = 20
const LONG_STEP = 100
const LONG = 1000
/** Milliseconds: until announcements are over, until conflicts are forgotten. */
const ANNOUNCED = 2500
const FORGOTTEN = 10_100
const PATIENCE = 100_000
const PATIENT = 10_000
/** Milliseconds until calls have ended, and until a neighbour that does not answer is forgotten. */
const ENDED = 5000
const NEIGHBOURS_GONE = 70_000

export class Setup {
    constructor(
        private readonly phone: Phone,
        private readonly site: Site,
        private readonly random: Random
    ) {}

    /** Lets time go on, with a LAN that answers. @param mute slots whose DHCP messages are not answered */
    async pass(ms: number, mute = [SEEKING]): Promise<void> {
        const step = ms < LONG ? STEP : LONG_STEP
        for (let passed = 0; passed < ms; passed += step) {
            const chunks: Buffer[] = []
            for (const frame of this.phone.takeSent()) {
                const answer = this.site.answerArp(frame) ?? this.site.answerDhcp(frame, mute)
                if (answer) chunks.push(onStream(answer))
            }
            await this.phone.step(step, chunks)
        }
    }

    /**
     * Has each slot of a call fail once, for it keeps the error that it has caught last, in its fiber: so the heap before and after
     * can be compared.
     */
    async failOnce(): Promise<void> {
        while ((await this.phone.state()).interfaces[0].address === 0) await this.pass(STEP)
        for (let i = 0; i < SLOTS; i++) await this.phone.call(NOBODY, PCMU, TONE, COMMON)
        await this.pass(ENDED)
    }

    /** Until all calls are up. @param conflict whether another host was seen with an address of ours */
    async setUp(conflict: boolean): Promise<Told> {
        await this.whole()
        await this.seek()
        await this.pass(conflict ? FORGOTTEN : ANNOUNCED)
        const { leases, calls } = await this.phone.state()
        const slots = [0, ...calls.map(c => c.interface)].filter(slot => leases[slot].state === LeaseState.Bound)
        const slot = this.random.one(slots)
        await this.phone.renew(slot)
        // the router is asked for first, perhaps
        await this.pass(5 * STEP, [SEEKING, slot])
        this.phone.takeSent()
        return await this.phone.state()
    }

    /** Everything but what is left unanswered on purpose. */
    private async whole(): Promise<void> {
        for (let passed = 0; passed < PATIENCE; passed += 5 * STEP) {
            const told = await this.phone.state()
            if (!(await this.mend(told, passed % PATIENT === 0))) return
            await this.pass(5 * STEP)
        }
        throw new Error(`the phone is not whole again: ${JSON.stringify(await this.phone.state())}`)
    }

    /**
     * @param again whether leases that are being renewed are renewed anew: one whose server is none asks all after a few seconds,
     *   and one that has time asks again after hours
     * @returns whether something was, or still is, to be mended
     */
    private async mend(told: Told, again: boolean): Promise<boolean> {
        const [common] = told.interfaces
        if (common.address === 0) return true
        for (const { slot, state } of told.leases) {
            if (slot === SEEKING || state === LeaseState.Idle) continue
            const { mask, router } = told.interfaces[slot]
            // one that was granted by a made up message has other times
            const usual = isDeepStrictEqual(told.times[slot], TIMES)
            if (state === LeaseState.Bound && mask === MASK && router === ROUTER && usual) continue
            if (state === LeaseState.Bound || (again && state > LeaseState.Bound)) await this.phone.renew(slot)
            return true
        }
        if (told.plainState !== "open") {
            await this.phone.close()
            await this.phone.open()
            return true
        }
        if (told.live > told.up) return true
        const missing = CALLS.find(([octet]) => !told.calls.some(c => c.remote === peer(octet)))
        if (missing) await this.phone.call(missing[0], missing[1], missing[2], missing[3])
        return missing !== undefined
    }

    private async seek(): Promise<void> {
        const told = await this.phone.state()
        const { state } = told.leases[SEEKING]
        if (state === LeaseState.Selecting || state === LeaseState.Requesting) return
        if (state !== LeaseState.Idle) {
            await this.phone.giveUp(SEEKING)
            await this.pass(100)
        }
        // from here on no lease takes a MAC address of its own
        if (this.random.chance(0.5)) await this.phone.commonMac()
        await this.phone.seek(SEEKING)
    }

    /**
     * Ends what was set up, and waits until neighbours that do not answer are forgotten. A call that failed keeps its error until
     * another one takes its slot: four more calls are placed, for the slots that those which end now do not have.
     */
    async tearDown(): Promise<Told> {
        await this.end()
        await this.whole()
        await this.end()
        await this.pass(NEIGHBOURS_GONE)
        return await this.phone.state()
    }

    private async end(): Promise<void> {
        await this.phone.hangUp()
        await this.phone.close()
        await this.phone.giveUp(SEEKING)
        await this.phone.commonMac()
        await this.pass(ENDED)
    }
}
