/** docs/api.md is what the comments in src/ say. */
import assert from "node:assert/strict"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { test } from "node:test"
import { API_PAGE, ENTRIES, makePage } from "../../scripts/docs.js"
import { PROJECT } from "../../sim/firmware.js"

test("docs/api.md is made from the comments in src/ as they are, all of which are there", async () => {
    assert.equal(readFileSync(API_PAGE, "utf8"), await makePage(), "docs/api.md is out of date: npm run docs")
})

test("docs/api.md tells of everything that a program can import", () => {
    const page = readFileSync(API_PAGE, "utf8").replaceAll("\\", "")
    const barrels = ENTRIES.map(name => readFileSync(join(PROJECT, `src/${name}.ts`), "utf8")).join("")
    const names = [...barrels.matchAll(/^export (?:type )?\{([^}]*)\}/gm)]
        .flatMap(([, list]) => list!.split(",").map(name => name.replace("type ", "").trim()))
        .filter(Boolean)
    assert.ok(names.length > 30, `${names}`)
    for (const name of names) assert.match(page, new RegExp(`^### ${name}(\\(\\))?$`, "m"))
})
