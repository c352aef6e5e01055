/** The counters of `src/base/counters.ts` stand there twice, as numbers and as names: one order for both. */
import assert from "node:assert/strict"
import { readFileSync } from "node:fs"
import { describe, it } from "node:test"

const text = readFileSync(new URL("../../src/base/counters.ts", import.meta.url), "utf8")

describe("counters", () => {
    it("have their names in the order of their numbers", () => {
        const body = /export enum Counter \{([\s\S]*?)\n\}/.exec(text)![1]
        const members = [...body.matchAll(/^ {4}(\w+),/gm)].map(([, name]) => name[0].toLowerCase() + name.slice(1))
        assert.equal(members.pop(), "total")
        assert.ok(members.length > 40)
        const names = [.../export const COUNTERS =([^=]*)/.exec(text)![1].matchAll(/"([^"]*)"/g)].map(([, part]) => part).join("")
        assert.deepEqual(names.trimEnd().split(" "), members)
    })
})
