import { addressAfter, formatAddress, maskOf, parseAddress, parseDecimal } from "../wire/address"
import { Interface, interfaceOf, interfaces } from "./interface"

/** The pool of reserved addresses (claims 14, 22, 30): `FIRST-LAST/PREFIX[ via GATEWAY]`. */
export class Pool {
    mask: number

    constructor(
        public first: number,
        public count: number,
        public prefix: number,
        public gateway: number
    ) {
        this.mask = maskOf(prefix)
    }

    /** An address that no interface has. @returns 0 if all are in use */
    take(): number {
        for (let i = 0; i < this.count; i++) {
            const address = addressAfter(this.first, i)
            if (!interfaceOf(address)) return address
        }
        return 0
    }

    /** Whether the addresses belong to the link of this interface. */
    isOn(ifc: Interface): boolean {
        return ifc.address !== 0 && ((ifc.address ^ this.first) & this.mask) === 0
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
    const via = text.split(" via ")
    const slash = via[0].split("/")
    const range = slash[0].split("-")
    const first = parseAddress(range[0])
    const last = parseAddress(range[range.length - 1])
    const prefix = slash.length === 2 ? parseDecimal(slash[1], 32) : undefined
    const gateway = via.length === 2 ? parseAddress(via[1]) : 0
    if (first !== undefined && last !== undefined && prefix !== undefined && gateway !== undefined)
        for (let n = 0; n < 256; n++) if (addressAfter(first, n) === last) return new Pool(first, n + 1, prefix, gateway)
    throw new RangeError("it must be FIRST-LAST/PREFIX[ via GATEWAY], at most 256 addresses")
}

/** The gateway of a pool that names none: the common interface's. */
export function gatewayOf(pool: Pool): number {
    return pool.gateway !== 0 ? pool.gateway : interfaces[0].gateway
}
