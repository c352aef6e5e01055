/** The other end of connections to a device of the embedded LAN, which says what a test wants: segment by segment, and at once. */
import assert from "node:assert/strict"
import { ARP_REPLY, ARP_REQUEST, arpReply, arpRequest } from "../../sim/lan/arp.js"
import { ETHERTYPE_IPV4, buildEthernet } from "../../sim/lan/ethernet.js"
import { PROTOCOL_TCP, buildIpv4 } from "../../sim/lan/ipv4.js"
import type { EthernetSwitch, SwitchPort } from "../../sim/lan/switch.js"
import { ACK, FIN, SYN, buildTcp, parseTcp, type ReceivedTcp, type TcpSegment } from "../../sim/lan/tcp.js"
import { arpOf, ipv4Of } from "./ethernet-client.js"

const MAC = "02:00:5e:00:00:0a"
const ADDRESS = "10.77.0.10"

export class TcpPeer {
    /** What is sent next, and what is expected next; `say` and `hear` keep them. */
    sequence = 0xffffff00
    expected = 0
    window = 0xffff
    sourcePort = 50000
    /** Is given each segment to a port that is not `sourcePort` now. */
    onOther: (segment: ReceivedTcp) => void = () => {}
    readonly plug: SwitchPort
    private heard: ReceivedTcp[] = []
    private deviceMac = ""

    constructor(
        private readonly lanSwitch: EthernetSwitch,
        readonly device: string,
        public destinationPort: number
    ) {
        this.plug = lanSwitch.plug("peer", frame => this.receive(frame))
        lanSwitch.receive(arpRequest(MAC, ADDRESS, device), this.plug)
    }

    /** Sends a segment as it is. @returns what was answered at once */
    send(fields: Partial<TcpSegment>, { destination = this.device, damage = false, mac = this.deviceMac } = {}): ReceivedTcp[] {
        const { sequence, expected: acknowledgment, window, sourcePort, destinationPort } = this
        const segment = { sourcePort, destinationPort, sequence, acknowledgment, window, flags: ACK, payload: Buffer.alloc(0), ...fields }
        const data = buildTcp(ADDRESS, destination, segment)
        if (damage) data[data.length - 1] ^= 1
        const packet = buildIpv4({ source: ADDRESS, destination, protocol: PROTOCOL_TCP, payload: data })
        this.lanSwitch.receive(buildEthernet({ destination: mac, source: MAC, etherType: ETHERTYPE_IPV4, payload: packet }), this.plug)
        return this.take()
    }

    /** Opens a connection. @returns the segment with which the device accepts it */
    open(mss?: number): ReceivedTcp {
        const answers = this.send({ flags: SYN, mss, acknowledgment: 0 })
        assert.equal(answers.length, 1)
        this.sequence = (this.sequence + 1) >>> 0
        this.expected = (answers[0]!.sequence + 1) >>> 0
        assert.deepEqual(this.send({}), [])
        return answers[0]!
    }

    /** Sends the next data, or the FIN. @returns what was answered at once */
    say(text: string | Buffer, flags = ACK): ReceivedTcp[] {
        const payload = Buffer.from(text)
        const { sequence } = this
        this.sequence = (sequence + payload.length + (flags & FIN ? 1 : 0)) >>> 0
        return this.send({ sequence, payload, flags })
    }

    /** Takes the data of segments that must be the next ones. @returns them */
    hear(segments: ReceivedTcp[]): Buffer {
        for (const { sequence, payload, flags } of segments) {
            assert.equal(sequence, this.expected, "not the next one")
            this.expected = (sequence + payload.length + (flags & FIN ? 1 : 0)) >>> 0
        }
        return Buffer.concat(segments.map(segment => segment.payload))
    }

    /** What has come since the last look. */
    take(): ReceivedTcp[] {
        const { heard } = this
        this.heard = []
        return heard
    }

    private receive(frame: Buffer): void {
        const arp = arpOf(frame)
        if (arp?.operation === ARP_REPLY) this.deviceMac = arp.senderMac
        if (arp?.operation === ARP_REQUEST && arp.targetAddress === ADDRESS) this.lanSwitch.receive(arpReply(MAC, arp), this.plug)
        const ip = ipv4Of(frame)
        if (ip?.protocol !== PROTOCOL_TCP || ip.destination !== ADDRESS) return
        const segment = parseTcp(ip)
        assert.ok(segment?.checksumOk && ip.headerChecksumOk)
        if (segment.destinationPort !== this.sourcePort) return this.onOther(segment)
        assert.equal(segment.sourcePort, this.destinationPort)
        this.heard.push({ ...segment, payload: Buffer.from(segment.payload) })
    }
}
