/**
 * The names that the firmware uses most, before all others: the first 248 names of an image take one octet where they are used, the others
 * three, and those of 600 functions come first else. It is no code that does anything, and saves a hundred octets.
 * Read first: docs/performance.md, "Heap and image".
 */
const o: any = {}
export const names =
    o.status +
    o.tag +
    o.first +
    o.cancelled +
    o.referTo +
    o.cseq +
    o.waiter +
    o.unprepare +
    o.peerCseq +
    o.parties +
    o.endpointOn +
    o.isLive +
    o.settle +
    o.registrar
