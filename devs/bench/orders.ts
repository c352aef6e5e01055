/** How the measuring program gives its orders: datagrams to a port of the common address, as `bench/frames.ts` makes them. */
import { interfaces, setAddress } from "../../src/link/interface"
import type { Endpoint } from "../../src/transport/endpoint"
import { addressOf, maskOf } from "../../src/wire/address"
import { PEER } from "./calls"

const PORT = 9
const UDP_HEADER = 8

/** An endpoint that hears datagrams, and nothing else. */
export function endpointOn(port: number, onPacket: (b: Buffer, udp: number, length: number, ip: number) => void): Endpoint {
    const unheard = () => {}
    return {
        port,
        next: undefined,
        onPacket,
        onError: unheard,
        onUnreachable: unheard,
        onNeighbour: unheard,
        onWay: unheard,
        hears: () => false,
    }
}

/** Have a common address, and orders taken there. */
export function takeOrders(take: (order: Buffer) => void): void {
    setAddress(interfaces[0], addressOf(10, 77, 0, 50), maskOf(24), PEER)
    interfaces[0].add(endpointOn(PORT, (b, udp, length) => take(b.slice(udp + UDP_HEADER, udp + length))))
}
