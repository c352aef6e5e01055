/**
 * Transport protocols beside UDP, which IP's fast path serves itself, and ICMP. Each registers from above: what `main.ts` does
 * not start is not in the image, and nothing here knows its name.
 */
import type { Interface } from "../link/interface"

/**
 * Takes a packet to an address of ours: `at` is the offset of the protocol's header, `length` counts from there. Its source may be
 * an address that no other host can have: see `isSource` of `link/interface.ts`.
 */
export type ProtocolInput = (ifc: Interface, b: Buffer, ip: number, at: number, length: number) => void

const numbers: number[] = []
const inputs: ProtocolInput[] = []

/** @param protocol its number (IANA, Protocol Numbers) */
export function registerProtocol(protocol: number, input: ProtocolInput): void {
    numbers.push(protocol)
    inputs.push(input)
}

/** `undefined` if no part of the image has registered the protocol. */
export function inputOf(protocol: number): ProtocolInput {
    return inputs[numbers.indexOf(protocol)]
}
