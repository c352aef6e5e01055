/** Where the fast path leaves fragments: nowhere, unless `reassembly.ts` is in the image. It registers from above, as protocols do. */

/** Takes a fragment whose header is sound: `header` bytes of header, and `total` with its data. */
export type FragmentInput = (b: Buffer, ip: number, header: number, total: number) => void

export let fragmentInput: FragmentInput

export function registerReassembly(input: FragmentInput): void {
    fragmentInput = input
}
