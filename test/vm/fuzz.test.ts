/**
 * A short run of `npm run fuzz`, always the same one: what it finds must not depend on the day. Longer ones, and other
 * seeds, are for whoever changes what a frame comes through.
 */
import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { Difference, HEAP_MARGIN, fuzz } from "../../fuzz/run.js"

const FRAMES = 4000
const SEED = 1
/** Each is counted at least so often, or the run shows nothing of it. */
const LEAST = 3
const SHOWN = [
    "arpBad arpConflict arpRx dhcpBad dhcpBadOption dhcpForeign ethBadSource ethForeign ethShort ethUnknown",
    "icmpBad icmpErrorsLimited icmpTx icmpUnbelieved ipBadChecksum ipBadHeader ipBadLength ipBadSource ipForeign ipFragment",
    "ipUnknownProtocol rtpBad rtpForeign udpBadChecksum udpBadLength udpForeignPeer udpNoPort udpRx",
]

describe(`frames that are nearly right, with four calls up (seed ${SEED})`, () => {
    it(`${FRAMES} of them are counted and answered as the RFCs have it, and nothing stays in the heap`, async t => {
        try {
            const { counters, endings, heap, time } = await fuzz({ frames: FRAMES, seed: SEED, progress: () => {} })
            t.diagnostic(`${JSON.stringify({ ...endings, heap })}, ${Math.round(time / 1000)} s of the phone`)
            for (const name of SHOWN.flatMap(names => names.split(" "))) assert.ok(counters[name] >= LEAST, `${name}: ${counters[name]}`)
            assert.equal(counters["internalErrors"], undefined)
            assert.ok(heap.after <= heap.before + HEAP_MARGIN)
        } catch (error) {
            if (!(error instanceof Difference)) throw error
            assert.fail(`frames ${error.first} to ${error.last} differ; npm run fuzz -- --seed ${SEED} --frames ${FRAMES} says more`)
        }
    })
})
