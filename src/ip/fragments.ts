/** Where the fast path leaves fragments: nowhere, unless `reassembly.ts` is in the image. It registers from above, as protocols do. */
import { count, Counter } from "../base/counters"

/** Takes a fragment whose header is sound: `header` bytes of header, and `total` with its data. */
export type FragmentInput = (b: Buffer, ip: number, header: number, total: number) => void

export let fragmentInput: FragmentInput = dropFragment

function dropFragment(): void {
    count(Counter.IpFragment)
}

export function registerReassembly(input: FragmentInput): void {
    fragmentInput = input
}
