/** What the exported counter is called. */
export const COUNTER: string
/** The module with a counter in each basic block. */
export function metered(module: Uint8Array): Buffer
