/** Bytes whose allocation makes the runtime collect: a quarter of its heap of 64 KB. */
const COLLECTION_THRESHOLD = 16384

/**
 * Have the collector run at the next allocation. An object that grows field by field leaves a hole for each size that
 * it had; what is allocated next fills them only once they are collected. So the tables of all that lasts are made
 * with a collection between any two entries, and lie close together. At boot alone: it needs 16 KB in one piece.
 */
export function collect(): void {
    Buffer.alloc(COLLECTION_THRESHOLD)
}
