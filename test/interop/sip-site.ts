/** A LAN on which phones call by SIP, and what an observer finds there. */
import assert from "node:assert/strict"
import { Capture } from "./capture.js"
import { HOST, Lan } from "./lan.js"
import { Kamailio, type KamailioOptions } from "./phones/kamailio.js"
import { until } from "./process.js"
import { Dnsmasq } from "./servers/dnsmasq.js"
import type { Telephone } from "./telephone.js"

/** Seconds: none is renewed in so short a time. */
const TIMES = { lease: 3600, t1: 1800, t2: 3150 }
/** Milliseconds after which the leases are looked at again. */
const LOOK = 200
/** The domain's registrar is found by SRV and by its address. */
const ZONE = [
    "--port=53",
    "--local=/example.com/",
    `--host-record=example.com,sip.example.com,${HOST}`,
    "--srv-host=_sip._udp.example.com,sip.example.com,5060,10,1",
]

/** What the LAN has seen of a phone meanwhile: each place as ADDR:PORT, and once. */
export interface Overheard {
    /** Where its voice, and the reports about it, came from. */
    voice: string[]
    /** Where it asked for the other's voice, in SDP. */
    told: string[]
    /** The direction that each of its SDPs names, in their order; RFC 8866, 6.7: `sendrecv` if it names none. */
    directions: string[]
    /** Addresses that had a lease at some time. */
    leased: string[]
    /** @see Capture.faults */
    faults: string[]
}

export class SipSite {
    private constructor(
        readonly lan: Lan,
        readonly server: Dnsmasq
    ) {}

    /** Start a LAN with a DHCP server. */
    static async start(): Promise<SipSite> {
        const lan = await Lan.start()
        try {
            const server = new Dnsmasq(lan, TIMES, true, ZONE)
            await server.start()
            return new SipSite(lan, server)
        } catch (error) {
            await lan.stop()
            throw error
        }
    }

    /** Put the registrar and proxy of example.com on it. */
    async kamailio(options?: KamailioOptions): Promise<Kamailio> {
        return await Kamailio.start(this.lan, options)
    }

    async stop(): Promise<void> {
        await this.lan.stop()
    }

    /** All that crosses the LAN during a conversation. */
    private async captured(conversation: () => Promise<unknown>): Promise<Capture> {
        const capture = await Capture.start(this.lan)
        try {
            await conversation()
        } finally {
            await capture.stop()
        }
        return capture
    }

    /** Note what a phone sends during a conversation. */
    async overhear(phone: Telephone, conversation: () => Promise<unknown>): Promise<Overheard> {
        const leased = new Set<string>()
        const look = async () => {
            for (const { address } of await this.server.leases()) leased.add(address)
        }
        const capture = await this.captured(async () => {
            const timer = setInterval(() => void look(), LOOK)
            try {
                await conversation()
                await look()
            } finally {
                clearInterval(timer)
            }
        })
        const ours = `eth.src == ${phone.mac} && ip.dst == ${HOST}`
        // SIP, DNS and DHCP aside
        const voice = await capture.fields(
            `${ours} && udp && !icmp && !(udp.srcport == 5060 || udp.port in {53, 67, 68})`,
            "ip.src",
            "udp.srcport"
        )
        const told = await capture.fields(`${ours} && sdp`, "sdp.connection_info.address", "sdp.media.port", "sdp.media_attr")
        return {
            voice: unique(voice.map(([address, port]) => `${address}:${port}`)),
            told: unique(told.map(([address, port]) => `${address}:${port}`)),
            directions: told.map(([, , attributes]) => /sendrecv|sendonly|recvonly|inactive/.exec(attributes ?? "")?.[0] ?? "sendrecv"),
            leased: [...leased],
            faults: await capture.faults(),
        }
    }

    /** For each INVITE of a conversation that rang: whom it called, and the milliseconds until 180. */
    async setUpTimes(conversation: () => Promise<unknown>): Promise<{ called: string; milliseconds: number }[]> {
        const capture = await this.captured(conversation)
        const messages = (filter: string) => capture.fields(filter, "sip.Call-ID", "frame.time_epoch", "ip.dst")
        const rang = await messages("sip.Status-Code == 180")
        return (await messages('sip.Method == "INVITE"')).flatMap(([id, at, called]) => {
            const ringing = rang.find(([other]) => other === id)
            return ringing ? [{ called: called!, milliseconds: 1000 * (Number(ringing[1]) - Number(at)) }] : []
        })
    }

    /** The packets that a phone sends to HOST during a conversation in which a text stands, or which come from an address. */
    async shows(phone: Telephone, texts: string[], address: string, conversation: () => Promise<unknown>): Promise<string[]> {
        const capture = await this.captured(conversation)
        const sent = `eth.src == ${phone.mac} && ip.dst == ${HOST} && !dns && !dhcp`
        assert.ok((await capture.packets(`${sent} && sip`)).length > 0)
        return await capture.packets(`${sent} && (ip.src == ${address} || ${texts.map(text => `frame contains "${text}"`).join(" || ")})`)
    }

    /** Wait until an address was given back. */
    async released(address: string): Promise<void> {
        await until(`release of ${address}`, async () => (await this.server.leases()).every(lease => lease.address !== address))
    }

    /**
     * What holds for each conversation: all voice came from one place, which is that of the SDP, at an address that was leased
     * for this call, is not the common one, and has been given back.
     */
    async ownAddress(phone: Telephone, { voice, told, leased, faults }: Overheard): Promise<void> {
        assert.equal(told.length, 1, `SDP told ${told}`)
        const [address, port] = told[0]!.split(":")
        assert.ok(voice.includes(told[0]!), `voice from ${voice}, SDP told ${told}`)
        for (const place of voice)
            assert.ok(place === told[0] || place === `${address}:${Number(port) + 1}`, `voice from ${voice}, SDP told ${told}`)
        assert.notEqual(address, phone.address, "the common address")
        assert.ok(leased.includes(address!), `${address} is none of the leases ${leased}`)
        assert.deepEqual(faults, [])
        await this.released(address!)
    }
}

function unique(values: string[]): string[] {
    return [...new Set(values)]
}
