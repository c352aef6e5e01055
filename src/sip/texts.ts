/**
 * What dialogs keep of messages, all in one buffer that is made at boot: pieces that last, each of another size, would cut the heap so small
 * that no packet fits into it any more. The texts of one dialog lie together; those behind them move when they go.
 */
import { SIP_TEXTS } from "../base/config"

export const texts = Buffer.alloc(SIP_TEXTS)
let used = 0

/** Whose texts they are: where they begin, and how long they are. */
export interface Owner {
    offset: number
    length: number
}

/** All that have any: boot makes them. */
export const owners: Owner[] = []

/**
 * Keep the first octets of an owner's texts, and another piece behind them instead of the rest.
 * @returns whether there is room for it; if not, nothing changes
 */
export function keepText(o: Owner, kept: number, b: Buffer, from: number, to: number): boolean {
    const { offset: at, length } = o
    const added = to - from
    const end = used + kept
    if (end + added > SIP_TEXTS) return false
    // a copy behind all others, and then the place of the old one is free
    texts.blitAt(used, texts, at, kept)
    texts.blitAt(end, b, from, added)
    texts.blitAt(at, texts, at + length, end + added - at - length)
    for (let i = 0; i < owners.length; i++) if (owners[i].offset > at) owners[i].offset = owners[i].offset - length
    o.offset = used - length
    o.length = kept + added
    used = o.offset + o.length
    return true
}
