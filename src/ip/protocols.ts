/**
 * Transport protocols beside UDP, which IP's fast path serves itself, and ICMP. Each registers from above: what `main.ts` does
 * not start is not in the image, and nothing here knows its name.
 */
import { count, Counter } from "../base/counters"
import type { Interface } from "../link/interface"
import { UNREACHABLE_PROTOCOL } from "../wire/icmp"
import { sendUnreachable } from "./icmp"

/** Takes a packet to an address of ours: `at` is the offset of the protocol's header, `length` counts from there. */
export type ProtocolInput = (ifc: Interface, b: Buffer, ip: number, at: number, length: number) => void

const numbers: number[] = []
const inputs: ProtocolInput[] = []

/** @param protocol its number (IANA, Protocol Numbers) */
export function registerProtocol(protocol: number, input: ProtocolInput): void {
    numbers.push(protocol)
    inputs.push(input)
}

/** Hand a packet to its protocol. */
export function protocolInput(protocol: number, ifc: Interface, b: Buffer, ip: number, at: number, length: number): void {
    const input = inputs[numbers.indexOf(protocol)]
    if (input) return input(ifc, b, ip, at, length)
    count(Counter.IpUnknownProtocol)
    sendUnreachable(ifc, b, ip, at - ip, UNREACHABLE_PROTOCOL)
}
