/**
 * README as its reader has it: the commands are typed into a terminal as they stand, in the order of the page, in a fresh copy
 * of the project; what is shown of their output must be what comes. What needs root and Debian's packages is in
 * `test/interop/readme.test.ts`.
 */
import assert from "node:assert/strict"
import { rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { after, before, describe, it } from "node:test"
import { Bash } from "../support/bash.js"
import { blocksOf, missing, missingOfSeveral } from "../support/documentation.js"
import { copyProject } from "../support/project-copy.js"

/** The phone's, and where the cursor is put then. */
const PROMPT = /tuplephone> (\x1b\[\d+G)?$/
const LEAVING = /^tuplephone> (exit|quit)$/m

describe("README", () => {
    let folder: string
    let bash: Bash
    const blocks = blocksOf("README.md").filter(({ language, note }) => language !== "" && note !== "debian")

    before(async () => {
        folder = copyProject()
        // the packages are those that this checkout has, so that nothing is fetched again
        bash = new Bash(folder, { env: { npm_config_prefer_offline: "true", XDG_STATE_HOME: join(folder, "state") } })
        await bash.ready()
    })
    after(() => {
        bash?.kill()
        rmSync(folder, { recursive: true, force: true })
    })

    /** What the latest commands have printed. */
    let printed = ""
    for (const [i, { language, note, text }] of blocks.entries()) {
        const title = text.split("\n")[0]
        if (language === "sh")
            it(`runs: ${title}`, async () => {
                const next = blocks[i + 1]
                // a command that ends at the phone's own prompt
                printed = await bash.run(
                    text,
                    next && ["text", "console"].includes(next.language) && next.text.includes("tuplephone> ") ? PROMPT : undefined
                )
            })
        else if (language === "text") it(`shows what comes: ${title}`, () => assert.equal(missing(text, printed), undefined, printed))
        else if (language === "console")
            it(`is answered as it says: ${title}`, async () => {
                const answers = text.split("\n").filter(line => !line.startsWith("tuplephone> "))
                printed = await bash.converse(text)
                if (LEAVING.test(text)) {
                    const end = await bash.ready()
                    assert.equal(end.status, 0)
                    printed += end.printed
                }
                assert.equal((note === "several" ? missingOfSeveral : missing)(answers.join("\n"), printed), undefined, printed)
            })
        else if (language === "ts") it(`has a program: ${note}`, () => writeFileSync(join(folder, note), `${text}\n`))
        else it(`knows what a block of ${language} is`, () => assert.fail(`${language} is none of sh, text, console, ts`))
    }

    it("has blocks of each kind", () => {
        for (const kind of ["sh", "text", "console", "ts"])
            assert.ok(
                blocks.some(block => block.language === kind),
                kind
            )
    })
})
