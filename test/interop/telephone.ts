/** The firmware on a real LAN as somebody has it before him: its console, and what it tells by itself. */
import { randomBytes } from "node:crypto"
import { buildFirmware } from "../../sim/firmware.js"
import type { Handset } from "../../sim/handset.js"
import { Phone } from "../../sim/phone.js"
import type { Call, Interface, Stats } from "../support/rig.js"
import { STREAM_PORT } from "./lan.js"
import type { Baresip } from "./phones/baresip.js"
import { PATIENCE, until } from "./process.js"

/** A call by SIP, as `calls -j` lists it. */
export interface SipCall extends Call {
    direction: "in" | "out"
    hold: "none" | "local" | "remote" | "both"
    /** The other side's URI. */
    peer: string | null
}

/** What `call` and `answer` say of a call that is up. */
export interface Up {
    id: number
    /** ADDR:PORT of its voice. */
    local: string
}

export class Telephone {
    /** What it told by itself, and what it wrote: for errors. */
    readonly log: string[] = []
    private readonly events: string[] = []
    /** The common address. */
    address = ""
    mac = ""

    private constructor(private readonly phone: Phone) {
        phone.on("log", line => this.log.push(line))
    }

    /** Boot one on the LAN; resolves when it has its common address. Whoever starts it stops it. */
    static async start(settings: Record<string, string> = {}): Promise<Telephone> {
        const image = await buildFirmware(() => {})
        const deviceId = randomBytes(8).toString("hex")
        let telephone: Telephone | undefined
        const phone = await Phone.boot({ image, deviceId, lan: `127.0.0.1:${STREAM_PORT}`, settings }, phone => {
            const made = (telephone = new Telephone(phone))
            phone.on("event", text => {
                made.events.push(...text.trimEnd().split("\n"))
                made.log.push(text)
            })
        })
        try {
            await telephone!.begin()
            return telephone!
        } catch (error) {
            await phone.stop()
            throw error
        }
    }

    private async begin(): Promise<void> {
        // whoever looks for the lease of a call finds no other
        await this.run("lease ready 0")
        const common = await until("the common address", async () =>
            (await this.phone.query<Interface[]>("ifconfig -j")).find(({ source, address }) => source === "common" && address !== null)
        )
        this.address = common.address!
        this.mac = common.mac
    }

    /** At which anybody can call it who is on its LAN, whatever its account is. */
    get uri(): string {
        return `sip:anybody@${this.address}`
    }

    /** @param sound what its microphone hears, as mu-law */
    connectHandset(sound: Uint8Array): Handset {
        return this.phone.connectHandset(sound)
    }

    async stop(): Promise<void> {
        await this.phone.stop()
    }

    /** Run a command that must succeed. @returns what it answers */
    async run(line: string): Promise<string> {
        const { ok, text } = await this.phone.answer(line)
        if (!ok) throw this.error(`${line}: ${text.trim()}`)
        return text
    }

    /** Run a command that must fail. @returns what it answers */
    async fails(line: string): Promise<string> {
        const { ok, text } = await this.phone.answer(line)
        if (ok) throw this.error(`${line} does not fail: ${text.trim()}`)
        return text
    }

    /** Take the address of a call away: its lease is given back to the server. @param local its place, as `up` gives it */
    async loseAddress(local: string): Promise<void> {
        const [address] = local.split(":")
        const { name } = (await this.phone.query<Interface[]>("ifconfig -j")).find(i => i.address === address)!
        await this.run(`lease release ${name}`)
    }

    /** Has baresip call it, which answers by itself. @returns the number of the call, which is up */
    async calledBy(baresip: Baresip): Promise<number> {
        await baresip.call(this.uri)
        await baresip.waitFor("CALL_ESTABLISHED")
        return await this.callThat("is up")
    }

    /** Run `call ...` or `answer ...`, until the call is up. */
    async up(line: string): Promise<Up> {
        const text = await this.run(line)
        const [, id, local] = /^call (\d+) is up: ([\d.]+:\d+)/m.exec(text) ?? []
        if (id === undefined) throw this.error(`${line}: ${text.trim()}`)
        return { id: Number(id), local: local! }
    }

    /**
     * The next thing that it tells by itself and that was not waited for yet.
     * @param what may have groups
     */
    async event(what: RegExp, patience = PATIENCE): Promise<RegExpExecArray> {
        try {
            return await until(
                `event ${what}`,
                () => {
                    const index = this.events.findIndex(text => what.test(text))
                    return index >= 0 && what.exec(this.events.splice(0, index + 1).at(-1)!)!
                },
                patience
            )
        } catch (error) {
            throw this.error((error as Error).message)
        }
    }

    /** The number of the call that the next event of that kind is about: `rings`, `is up`, `has ended`. */
    async callThat(does: "rings" | "is up" | "has ended", patience = PATIENCE): Promise<number> {
        return Number((await this.event(new RegExp(`^call (\\d+) .*${does}`), patience))[1])
    }

    async calls(): Promise<SipCall[]> {
        return await this.phone.query("calls -j")
    }

    /** A call that is listed. */
    async call(id: number): Promise<SipCall> {
        const call = (await this.calls()).find(listed => listed.id === id)
        if (!call) throw this.error(`there is no call ${id}`)
        return call
    }

    /** Wait until a call is in a state, or is held by somebody. */
    async reaches(id: number, wanted: Partial<SipCall>, patience = PATIENCE): Promise<SipCall> {
        let call: SipCall | undefined
        try {
            return await until(
                `call ${id}: ${JSON.stringify(wanted)}`,
                async () => {
                    call = await this.call(id)
                    return Object.entries(wanted).every(([key, value]) => call![key as keyof SipCall] === value) && call
                },
                patience
            )
        } catch (error) {
            throw this.error(`${(error as Error).message}: ${JSON.stringify(call)}`)
        }
    }

    async stats(): Promise<Stats> {
        return await this.phone.query("stats -j")
    }

    private error(what: string): Error {
        return new Error(`the phone: ${what}\n${this.log.slice(-20).join("\n")}`)
    }
}
