/**
 * The oracle: what a frame must do to the phone, from the RFCs and from what the firmware says that it does. It shares no code with the
 * firmware. This file is where a frame comes in: Ethernet, and the tag of IEEE 802.1Q.
 */
import { Verdict, interfaceAt, isOurMac, type World } from "../world.js"
import { judgeArp } from "./arp.js"
import { judgeIpv4 } from "./ipv4.js"

const HEADER = 14
const TAG = 4
/** An Ethernet header and an IPv4 header: nothing shorter is for anybody here. */
const LEAST = 34
const IPV4 = 0x0800
const ARP = 0x0806
const VLAN = 0x8100

/** What becomes of a frame; the world stays as it is until the verdict's effects are carried out. */
export function judge(world: World, frame: Buffer): Verdict {
    const verdict = new Verdict()
    verdict.count("phyRx")
    judgeFrame(world, frame, verdict)
    return verdict
}

function judgeFrame(world: World, frame: Buffer, verdict: Verdict): void {
    if (frame.length < LEAST) return verdict.count("ethShort")
    // IEEE 802.3, 3.2.5: a source is an individual address
    if (frame[6] & 1) return verdict.count("ethBadSource")
    const individual = (frame[0] & 1) === 0
    if (individual && !isForUs(world, frame)) return verdict.count("ethForeign")
    const type = frame.readUInt16BE(12)
    const sender = frame.toString("hex", 6, 12)
    if (type === IPV4) judgeIpv4(world, frame.subarray(HEADER), { individual, sender }, verdict)
    else if (type === ARP) judgeArp(world, frame.subarray(HEADER), verdict)
    else if (type === VLAN && isPriorityTag(frame))
        judgeFrame(world, Buffer.concat([frame.subarray(0, 12), frame.subarray(12 + TAG)]), verdict)
    else verdict.count("ethUnknown")
}

/** Whether a tag says a priority alone (IEEE 802.1Q, 6.9.1): its VLAN is 0. What it is before is something that the phone knows, and no tag. */
function isPriorityTag(frame: Buffer): boolean {
    const inner = frame.readUInt16BE(12 + TAG)
    return (frame.readUInt16BE(HEADER) & 0xfff) === 0 && (inner === IPV4 || inner === ARP)
}

/** Each MAC address is a host of its own: it takes no packet for the address of another one of ours. */
function isForUs(world: World, frame: Buffer): boolean {
    const mac = frame.toString("hex", 0, 6)
    if (mac === world.mac) return true
    if (!isOurMac(world, mac)) return false
    if (frame.readUInt16BE(12) !== IPV4) return true
    const owner = interfaceAt(world, frame.readUInt32BE(30))
    return !owner || owner.mac === mac
}
