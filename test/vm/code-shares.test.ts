/**
 * The code of the phone's image stays within what the runtime takes, and each part of the phone within its share: what one takes
 * more is missing for another that is still to come.
 */
import assert from "node:assert/strict"
import { it } from "node:test"
import { buildShares } from "../../bench/suites/image.js"
import { CODE_MOST } from "../../scripts/image-format.js"

it("no part of the phone takes more code than its share", { timeout: 300_000 }, async t => {
    const { codeEnd, shares } = await buildShares()
    t.diagnostic(`${codeEnd} bytes of ${CODE_MOST}`)
    for (const { name, bytes, most } of shares) t.diagnostic(`${name}: ${bytes} of ${most}`)
    assert.ok(codeEnd <= CODE_MOST)
    assert.deepEqual(
        shares.filter(({ bytes, most }) => bytes > most),
        []
    )
    // a file that is moved must not slip out of its share
    for (const { name, bytes } of shares) assert.ok(bytes > 0, `nothing is found of ${name}`)
})
