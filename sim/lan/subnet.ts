/** One IPv4 network: its prefix and the addresses derived from it. @see RFC 950, RFC 4632 */
import { addressToNumber, numberToAddress } from "./ipv4.js"

export class Subnet {
    readonly mask: string
    readonly broadcast: string
    private readonly network: number
    private readonly maskNumber: number

    /** @param network any address of the network; @param prefix bits of it that all share, 1 to 30 */
    constructor(
        network: string,
        readonly prefix: number
    ) {
        this.maskNumber = (0xffffffff << (32 - prefix)) >>> 0
        this.network = (addressToNumber(network) & this.maskNumber) >>> 0
        this.mask = numberToAddress(this.maskNumber)
        this.broadcast = numberToAddress((this.network | ~this.maskNumber) >>> 0)
    }

    contains(address: string): boolean {
        return (addressToNumber(address) & this.maskNumber) >>> 0 === this.network
    }

    /** The address with this host number. */
    host(number: number): string {
        return numberToAddress(this.network + number)
    }
}
