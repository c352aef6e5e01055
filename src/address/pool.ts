/** The pool of reserved addresses, from which `assign.ts` takes what it need not ask a server for. */
import * as ds from "@devicescript/core"
import { POOL } from "../base/config"
import { split } from "../base/text"
import { addressAfter, addressesBetween, formatAddress, isHostPart, isUnicast, maskOf, parseAddress, parseDecimal } from "../wire/address"
import { isProbed } from "../link/acd"
import { Interface, interfaceOf } from "../link/interface"

/** Milliseconds for which an address that another host uses is left alone. */
export const AVOID = 600000

/** The pool of reserved addresses (claims 14, 22, 30): `FIRST-LAST/PREFIX[ via GATEWAY]`. */
export interface Pool {
    first: number
    count: number
    prefix: number
    mask: number
    /** 0 if it names none: then it is the common interface's. */
    gateway: number
    /** `ds.millis()` until which each address is left alone. */
    avoided: Buffer
}

/** An address that no interface has or probes, and no other host was seen with lately. @returns 0 if there is none */
export function takeFrom(pool: Pool): number {
    const now = ds.millis()
    for (let i = 0; i < pool.count; i++) {
        const address = addressAfter(pool.first, i)
        // first what costs least: a forger can have all of them avoided
        if (pool.avoided.getAt(8 * i, "f64") <= now) if (!interfaceOf(address)) if (!isProbed(address)) return address
    }
    return 0
}

/** Whether another host was seen with one of the addresses lately. */
export function isShared(pool: Pool): boolean {
    for (let i = 0; i < pool.count; i++) if (pool.avoided.getAt(8 * i, "f64") > ds.millis()) return true
    return false
}

/** Whether the addresses belong to the link of this interface. */
export function isOn(pool: Pool, ifc: Interface): boolean {
    return ((ifc.address ^ pool.first) & pool.mask) === 0
}

export function describePool(pool: Pool): string {
    return `${formatAddress(pool.first)}-${formatAddress(addressAfter(pool.first, pool.count - 1))}/${pool.prefix}`
}

/**
 * Read a pool from a setting.
 * @throws RangeError that says what is wrong
 */
export function parsePool(text: string): Pool {
    const via = split(text, " via ")
    const slash = split(via[0], "/")
    const range = split(slash[0], "-")
    const first = parseAddress(range[0])
    const last = parseAddress(range[range.length - 1])
    const prefix = parseDecimal(slash[1], 32)
    const mask = maskOf(prefix)
    let gateway = 0
    if (via.length === 2) gateway = parseAddress(via[1])
    const count = addressesBetween(first, last) + 1
    let sound = false
    if (prefix > 0) if (slash.length === 2) if (gateway !== undefined) if (count > 0) sound = count <= POOL
    if (sound)
        if (isHost(first, mask))
            if (isHost(last, mask))
                if (((first ^ last) & mask) === 0) return { first, count, prefix, mask, gateway, avoided: Buffer.alloc(8 * count) }
    throw new RangeError(`it must be FIRST-LAST/PREFIX[ via GATEWAY]: at most ${POOL} addresses of hosts on one network`)
}

/** Whether a host may have this address, if it is one. */
function isHost(address: number, mask: number): boolean {
    if (!isUnicast(address)) return false
    return isHostPart(address, mask)
}
