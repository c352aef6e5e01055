/** The pool of reserved addresses, from which `assign.ts` takes what it need not ask a server for. */
import * as ds from "@devicescript/core"
import { POOL } from "../base/config"
import { split } from "../base/text"
import { addressAfter, addressesBetween, formatAddress, isHostPart, isUnicast, maskOf, parseAddress, parseDecimal } from "../wire/address"
import { isProbed } from "../link/acd"
import { Interface, interfaceOf, interfaces } from "../link/interface"

/** Milliseconds for which an address that another host uses is left alone. */
const AVOID = 600000

/** The pool of reserved addresses (claims 14, 22, 30): `FIRST-LAST/PREFIX[ via GATEWAY]`. */
export class Pool {
    mask: number
    /** `ds.millis()` until which each address is left alone. */
    private avoided: Buffer

    constructor(
        public first: number,
        public count: number,
        public prefix: number,
        public gateway: number
    ) {
        this.mask = maskOf(prefix)
        this.avoided = Buffer.alloc(count * 8)
    }

    /** An address that no interface has or probes, and no other host was seen with lately. @returns 0 if there is none */
    take(): number {
        const now = ds.millis()
        for (let i = 0; i < this.count; i++) {
            const address = addressAfter(this.first, i)
            // first what costs least: a forger can have all of them avoided
            if (this.avoided.getAt(8 * i, "f64") > now) continue
            if (interfaceOf(address)) continue
            if (!isProbed(address)) return address
        }
        return 0
    }

    /** Another host uses this address. */
    avoid(address: number): void {
        const i = addressesBetween(this.first, address)
        if (i >= 0) if (i < this.count) this.avoided.setAt(8 * i, "f64", ds.millis() + AVOID)
    }

    /** Whether another host was seen with one of the addresses lately. */
    isShared(): boolean {
        for (let i = 0; i < this.count; i++) if (this.avoided.getAt(8 * i, "f64") > ds.millis()) return true
        return false
    }

    /** Whether the addresses belong to the link of this interface. */
    isOn(ifc: Interface): boolean {
        return ((ifc.address ^ this.first) & this.mask) === 0
    }

    describe(): string {
        return `${formatAddress(this.first)}-${formatAddress(addressAfter(this.first, this.count - 1))}/${this.prefix}`
    }
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
    const gateway = via.length === 2 ? parseAddress(via[1]) : 0
    const more = addressesBetween(first, last)
    const sound = [
        prefix > 0,
        slash.length === 2,
        gateway !== undefined,
        more >= 0,
        more < POOL,
        isHost(first, prefix),
        isHost(last, prefix),
    ]
    if (sound.indexOf(false) < 0) if (((first ^ last) & maskOf(prefix)) === 0) return new Pool(first, more + 1, prefix, gateway)
    throw new RangeError(`it must be FIRST-LAST/PREFIX[ via GATEWAY]: at most ${POOL} addresses of hosts on one network`)
}

/** Whether a host may have this address, if it is one. */
function isHost(address: number, prefix: number): boolean {
    return isUnicast(address) ? isHostPart(address, maskOf(prefix)) : false
}

/** The gateway of a pool that names none: the common interface's. */
export function gatewayOf(pool: Pool): number {
    return pool.gateway !== 0 ? pool.gateway : interfaces[0].gateway
}
