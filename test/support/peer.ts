/**
 * The other side of calls, whose manners a test sets: a host on the embedded LAN, or a router of it with all the world behind. It
 * does nothing by itself but answer ARP, and send each datagram back to where it came from.
 */
import { ARP_REQUEST, arpReply } from "../../sim/lan/arp.js"
import { ETHERTYPE_IPV4, buildEthernet } from "../../sim/lan/ethernet.js"
import { buildUnreachable } from "../../sim/lan/icmp.js"
import { PROTOCOL_ICMP, PROTOCOL_UDP, buildIpv4 } from "../../sim/lan/ipv4.js"
import { buildUdp } from "../../sim/lan/udp.js"
import { arpOf, udpOf, type ReceivedUdp } from "./ethernet-client.js"
import type { Call, Rig } from "./rig.js"

const PEER_MAC = "02:00:5e:00:00:04"
const ETHERTYPE_VLAN = 0x8100
/** Where a tag of IEEE 802.1Q has its place: behind both addresses. */
const TAG_AT = 12

const RTP_VERSION_2 = 0x80
const RTP_HEADER = 12

/** A packet of RTP (RFC 3550, 5.1), without options. */
export interface Rtp {
    type: number
    sequence: number
    timestamp: number
    ssrc: number
    voice: Buffer
}

export function buildRtp({ type, sequence, timestamp, ssrc, voice }: Rtp): Buffer {
    const header = Buffer.alloc(RTP_HEADER)
    header[0] = RTP_VERSION_2
    header[1] = type
    header.writeUInt16BE(sequence & 0xffff, 2)
    header.writeUInt32BE(timestamp >>> 0, 4)
    header.writeUInt32BE(ssrc, 8)
    return Buffer.concat([header, voice])
}

/** The voice in a packet of a phone, which has no options. */
export const voiceOf = (rtp: Buffer): Buffer => rtp.subarray(RTP_HEADER)

/** A frame with a tag of IEEE 802.1Q. @param tci priority and VLAN */
export function tagged(frame: Buffer, tci: number): Buffer {
    const tag = Buffer.alloc(4)
    tag.writeUInt16BE(ETHERTYPE_VLAN, 0)
    tag.writeUInt16BE(tci, 2)
    return Buffer.concat([frame.subarray(0, TAG_AT), tag, frame.subarray(TAG_AT)])
}

export class Peer {
    answersArp = true
    echoes = true
    /** Priority and VLAN with which all that it sends is tagged. */
    tci: number | undefined
    /** The datagrams that came to its MAC address, and when. */
    readonly heard: (ReceivedUdp & { at: number })[] = []
    /** For each time that it was asked for by ARP, whether everybody was asked. */
    readonly asked: { at: number; broadcast: boolean }[] = []
    private readonly listener = (frame: Buffer, port: string) => port !== "inject" && this.receive(Buffer.from(frame))

    /** @param address its own on the LAN */
    constructor(
        private readonly rig: Rig,
        readonly address: string,
        readonly mac = PEER_MAC
    ) {
        rig.lan.on("frame", this.listener)
    }

    stop(): void {
        this.rig.lan.off("frame", this.listener)
    }

    send(frame: Buffer): void {
        this.rig.lan.inject(this.tci === undefined ? frame : tagged(frame, this.tci))
    }

    /** Send to a call, as from its other side. */
    say({ local, remote }: Pick<Call, "local" | "remote">, payload: Buffer): void {
        const [address, port] = local!.split(":")
        const [source, sourcePort] = remote.split(":")
        this.sendIpv4(source!, address!, PROTOCOL_UDP, buildUdp(source!, Number(sourcePort), address!, Number(port), payload))
    }

    /** Say by ICMP that a datagram was not delivered. @param source who says so, by default the host that it was for */
    refuse({ ip }: ReceivedUdp, code: number, source = ip.destination): void {
        this.sendIpv4(source, ip.source, PROTOCOL_ICMP, buildUnreachable(code, ip))
    }

    private sendIpv4(source: string, destination: string, protocol: number, payload: Buffer): void {
        const packet = buildIpv4({ source, destination, protocol, payload })
        this.send(buildEthernet({ destination: this.rig.mac, source: this.mac, etherType: ETHERTYPE_IPV4, payload: packet }))
    }

    private receive(frame: Buffer): void {
        const at = performance.now()
        const arp = arpOf(frame)
        if (arp?.operation === ARP_REQUEST && arp.targetAddress === this.address) {
            this.asked.push({ at, broadcast: (frame[0]! & 1) !== 0 })
            if (this.answersArp) this.send(arpReply(this.mac, arp))
        }
        const udp = udpOf(frame)
        if (udp?.ethernet.destination !== this.mac) return
        this.heard.push({ ...udp, at })
        if (!this.echoes) return
        const { ip, sourcePort, destinationPort, payload } = udp
        const back = buildUdp(ip.destination, destinationPort, ip.source, sourcePort, payload)
        this.sendIpv4(ip.destination, ip.source, PROTOCOL_UDP, back)
    }
}
