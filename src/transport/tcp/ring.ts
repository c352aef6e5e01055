/** Octets in a ring of `TCP_BUFFER`: copied in and out, also round its end. */
import { TCP_BUFFER } from "../../base/config"

/** @param at offset in the ring, or more by one round @param b where they come from */
export function intoRing(ring: Buffer, at: number, b: Buffer, offset: number, n: number): void {
    at %= TCP_BUFFER
    const straight = Math.min(n, TCP_BUFFER - at)
    ring.blitAt(at, b, offset, straight)
    ring.blitAt(0, b, offset + straight, n - straight)
}

/** @param at as `intoRing` @param b where they go */
export function outOfRing(ring: Buffer, at: number, b: Buffer, offset: number, n: number): void {
    at %= TCP_BUFFER
    const straight = Math.min(n, TCP_BUFFER - at)
    b.blitAt(offset, ring, at, straight)
    b.blitAt(offset + straight, ring, 0, n - straight)
}
