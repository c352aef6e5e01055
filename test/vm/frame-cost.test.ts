/**
 * A change must not make a frame of voice dearer, out or in, over either PHY, nor a segment of a stream, nor a message of SIP. What is compared are instructions that the VM
 * executed and bytes that it allocated (`bench/vm/instructions.ts`), which do not depend on the machine.
 *
 * How to bring RECORDED up to date: this test prints what it has counted. If a frame has become cheaper, write the new figure
 * down, so that it stays so. If one has become dearer for a reason that is worth it, write the new figure down in the commit
 * that makes it so, and the reason in the message and in docs/performance.md.
 */
import assert from "node:assert/strict"
import { describe, it, type TestContext } from "node:test"
import { FULL, SHORT, streamCost, w5500Cost } from "../../bench/vm/instructions.js"
import { segmentCost } from "../../bench/vm/segments.js"
import { costsOf } from "../../bench/vm/costs.js"

const RECORDED = {
    stream: { out: 25_500, outChecked: 174_000, in: 139_200, inChecked: 266_200, bytesOut: 58, bytesIn: 756 },
    w5500: { out: 131_000, in: 158_800, outAlone: 206_000, inAlone: 207_800 },
    segment: { bothIn: 1_590_300, out: 669_000, bothOut: 1_188_300, ackIn: 356_500 },
    sip: {
        ...{ parse: 1_224_900, branch: 132_600, tag: 147_700, readSdp: 837_400, writeRinging: 521_000, answer: 1_428_200 },
        ...{ writeInvite: 264_300, md5: 7_095_600, sha256: 2_063_200 },
    },
    media: { hear: 51_300, read: 50_500, conceal: 1_519_000, tone: 42_600, report: 130_900, hearReport: 64_800, mos: 42_800 },
}
/** The counts repeat to half a percent. */
const MARGIN = 0.02
const TIMEOUT = 300_000

function compare(t: TestContext, counted: Record<string, number>, recorded: Record<string, number>): void {
    const figures = Object.keys(recorded).map(name => ({ name, now: Math.round(counted[name]!), before: recorded[name]! }))
    t.diagnostic(figures.map(({ name, now }) => `${name}: ${now}`).join(", "))
    const dearer = figures.filter(({ now, before }) => !(now <= before * (1 + MARGIN)))
    assert.deepEqual(
        dearer.map(({ name, now, before }) => `${name} ${now} instead of ${before}`),
        [],
        "it has become dearer; make it cheaper again, or see the head of this file"
    )
    for (const { name, now, before } of figures)
        if (now < before * (1 - MARGIN)) t.diagnostic(`${name} is cheaper than the ${before} that are recorded: write ${now} down`)
}

describe("a frame of voice is not dearer than recorded", () => {
    it("over the stream", { timeout: TIMEOUT }, async t => compare(t, { ...(await streamCost(FULL)) }, RECORDED.stream))
    it("over the W5500", { timeout: TIMEOUT }, async t => compare(t, { ...(await w5500Cost(FULL)) }, RECORDED.w5500))
})

describe("a full segment of a stream is not dearer than recorded", () => {
    it("over the stream of the PHY", { timeout: TIMEOUT }, async t => compare(t, { ...(await segmentCost(SHORT)) }, RECORDED.segment))
})

describe("a message of SIP is not dearer than recorded", () => {
    it("read and written", { timeout: TIMEOUT }, async t => compare(t, await costsOf("sip"), RECORDED.sip))
})

describe("the handset's 20 ms and a report are not dearer than recorded", () => {
    it("heard, read, made, sent", { timeout: TIMEOUT }, async t => compare(t, await costsOf("media"), RECORDED.media))
})
