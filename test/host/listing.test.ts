/** Listings as tables: what the console's client makes of the phone's JSON. */
import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { listingOf } from "../../sim/listing.js"

const shown = (line: string, answer: unknown) => listingOf(line)!.show(JSON.stringify(answer))

describe("listings", () => {
    it("are asked for as JSON", () => {
        for (const name of ["ifconfig", "netstat", "arp", "lease", "calls", "sip", "stats"])
            assert.equal(listingOf(` ${name} `)?.line, `${name} -j`)
    })

    it("are left as they are when the line says more, or is something else", () => {
        for (const line of ["ifconfig -j", "lease renew tp1", "lease ready 2", "call 10.77.0.2:4000", "calls 1", "help", "", "toString"])
            assert.equal(listingOf(line), undefined, line)
    })

    it("have their columns in order, numbers flush right, and a dash for what is not there", () => {
        const rows = [
            { sd: 0, type: "dgram", local: "10.77.0.51:5004", remote: null, iface: "tp1", process: 1, rx: 5, tx: 12345, drops: 0 },
            { sd: 10, type: "dgram", local: null, remote: null, iface: null, process: 2, rx: 0, tx: 0, drops: 0 },
        ]
        assert.equal(
            shown("netstat", rows),
            `sd  local            remote  iface  process  rx  tx     drops
 0  10.77.0.51:5004  -       tp1          1   5  12345      0
10  -                -       -            2   0      0      0
`
        )
        assert.equal(shown("netstat", []), "sd  local  remote  iface  process  rx  tx  drops\n")
    })

    it("say why a call has ended only if one has ended by itself", () => {
        const call = {
            id: 1,
            state: "up",
            local: "a",
            remote: "b",
            txFrames: 1,
            rxFrames: 1,
            lost: 0,
            jitterMs: 0.5,
            error: null as string | null,
        }
        assert.doesNotMatch(shown("calls", [call]), /error/)
        const [titles, first, second] = shown("calls", [
            call,
            { ...call, id: 2, state: "ended", error: "nobody listens on that port" },
        ]).split("\n")
        assert.match(titles!, / {2}error$/)
        assert.match(first!, / {2}-$/)
        assert.match(second!, / {2}nobody listens on that port$/)
    })

    it("say who calls whom if some call is signalled", () => {
        const call = { id: 1, state: "up", local: "a", remote: "b", txFrames: 1, rxFrames: 1, lost: 0, jitterMs: 0.5, error: null }
        const out = { ...call, direction: "out", peer: null }
        // as firmware without signalling answers, too
        for (const rows of [[call], [out]]) assert.doesNotMatch(shown("calls", rows), /direction|peer/)
        const [titles, first, second] = shown("calls", [out, { ...out, id: 2, direction: "in", peer: "sip:bob@10.77.0.9" }]).split("\n")
        assert.match(titles!, / {2}jitterMs {2}direction {2}peer$/)
        assert.match(first!, / {2}out {8}-$/)
        assert.match(second!, / {2}in {9}sip:bob@10\.77\.0\.9$/)
    })

    it("leave counters out that are zero", () => {
        assert.equal(shown("stats", { phyRx: 3, phyTx: 0, ipBadHeader: 1 }), "phyRx 3\nipBadHeader 1\n")
        assert.equal(shown("stats", { phyRx: 0 }), "nothing has happened yet\n")
    })
})
