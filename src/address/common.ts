/** The common address: who needs it waits for it, and it outlives a restart. */
import * as ds from "@devicescript/core"
import { startLease } from "../dhcp/client"
import { leases } from "../dhcp/lease"
import { interfaces } from "../link/interface"
import { isUnicast } from "../wire/address"
import { ADDRESS_TIMEOUT } from "../base/config"
import { boundBefore, need } from "./wait"

/** The process group that owns the common interface: whoever is no call. */
const COMMON_PROCESS = 0
/** Milliseconds between two writes of the common address to flash. */
const MEMORY_INTERVAL = 3600000

/** What outlives a restart: the common address, so that it is asked for again (RFC 2131, 3.2). */
export interface Memory {
    /** `undefined` if none is remembered. */
    address: number
    /** Remember another one. */
    keep(address: number): Promise<void>
}
let memory: Memory
/** `ds.millis()` before which nothing is written. */
let notBefore: number

/** Ask for the common address. @param remembers where it outlives a restart; without it, it does not */
export function startCommon(remembers: Memory): void {
    memory = remembers
    interfaces[0].process = COMMON_PROCESS
    // what is remembered may be nonsense; whether it is an address of this network is for the server to say
    let remembered = 0
    if (memory) if (isUnicast(memory.address)) remembered = memory.address
    startLease(interfaces[0], remembered)
}

/**
 * Remember the common address, if it is another one. Flash wears: not each one of many is written.
 * @returns `ds.millis()` when there is something to write, `Infinity` if there is not
 */
export async function remember(): Promise<number> {
    const address = interfaces[0].address
    if (!memory) return Infinity
    if (address === 0) return Infinity
    if (address === memory.address) return Infinity
    const now = ds.millis()
    if (now < notBefore) return notBefore
    notBefore = now + MEMORY_INTERVAL
    memory.address = address
    await memory.keep(address)
    // much may have changed meanwhile
    return now
}

/**
 * Wait until the common interface has an address.
 * @param timeout milliseconds
 * @returns whether it has one
 */
export async function commonReady(timeout: number): Promise<boolean> {
    return await boundBefore(leases[0], ds.millis() + timeout)
}

/** Wait for the common address as for any other. @throws SocketError `EADDRNOTAVAIL` */
export async function needCommon(): Promise<void> {
    await need(leases[0], ds.millis() + ADDRESS_TIMEOUT)
}
