/**
 * The one thing that can be done about the runtime's heap: choose when it is collected. Read first: docs/performance.md, "Heap
 * and image".
 */

/** Bytes whose allocation makes the runtime collect: a quarter of its heap of 64 KB. */
const COLLECTION_THRESHOLD = 16384

/**
 * Have the collector run at the next allocation. An object that grows field by field leaves a hole for each size that it had,
 * and later objects fill the holes only after a collection. So boot collects between any two entries of a table that lasts,
 * and the entries lie close together. Call it at boot alone: it needs 16 KB in one piece.
 */
export function collect(): void {
    Buffer.alloc(COLLECTION_THRESHOLD)
}
