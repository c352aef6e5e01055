/** The benchmark of addresses measures all that it names, against the real server and clients. How long it takes, no test may depend on. */
import assert from "node:assert/strict"
import { test } from "node:test"
import { suite } from "../../bench/suites/address.js"

test("each row is measured, and the budget judged", async t => {
    const rows = await suite.run({ runs: 1, progress: () => {} })
    for (const { name, unit, value, runs, ratio } of rows) {
        assert.ok(runs === 1 && value > 0, `${name}: ${value} in ${runs} runs`)
        t.diagnostic(`${name}: ${value.toFixed(1)} ${unit}${ratio === undefined ? "" : `, ${ratio.toFixed(2)} times`}`)
    }
    const names = rows.map(row => row.name)
    for (const name of ["cold, one round trip (rapid commit)", "cold, two round trips", "macvlan + udhcpc"])
        assert.ok(names.includes(name), name)
    const base = rows.find(row => row.name === "macvlan + udhcpc")!
    for (const row of rows.filter(r => r.against)) assert.equal(row.ratio, row.value / base.value)
    assert.deepEqual(
        rows.filter(row => row.budget).map(row => row.name.slice(0, 4)),
        ["cold", "warm"]
    )
})
