/** `npm run docs`: writes docs/api.md from the comments at what src/index.ts and src/streams.ts list; see typedoc.json, test/host/api-docs.test.ts. */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { PROJECT } from "../sim/firmware.js"

export const API_PAGE = join(PROJECT, "docs/api.md")
const TYPEDOC = join(PROJECT, "node_modules/typedoc/bin/typedoc")

/** What a program imports as `tuplephone` and `tuplephone/NAME`: files of src/, each of which typedoc makes a page of. */
export const ENTRIES = ["index", "streams"]

/** One page of those: the first has the title, and each of the others is a chapter at its end, with the category of its own name. */
function joinPages(pages: string[]): string {
    const elsewhere = new RegExp(`\\]\\((?:${ENTRIES.join("|")})\\.md#`, "g")
    const [first, ...chapters] = pages.map(page => page.replaceAll(elsewhere, "](#"))
    const joined = [first!.replace(/^# index$/m, "# The socket API")]
    // its introduction goes below the title of the category
    for (const chapter of chapters) joined.push(chapter.replace(/^# .*\n([^]*?)\n(## .*\n)/, "$2$1"))
    return joined.map(text => text.trim()).join("\n\n")
}

/** @returns the page @throws if a comment is missing or makes no sense, with what is wrong */
export async function makePage(): Promise<string> {
    const folder = mkdtempSync(join(tmpdir(), "tuplephone-docs-"))
    try {
        const child = spawn(process.execPath, [TYPEDOC, "--out", folder], {
            cwd: PROJECT,
            env: { ...process.env, NO_COLOR: "1" },
            stdio: ["ignore", "pipe", "pipe"],
        })
        let output = ""
        for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text: string) => (output += text))
        const [code] = await once(child, "close")
        if (code !== 0) throw new Error(`docs/api.md cannot be made; correct the comments that typedoc names:\n${output.trim()}`)
        const pages = ENTRIES.map(name => readFileSync(join(folder, `${name}.md`), "utf8"))
        return `${joinPages(pages).replace(/ +$/gm, "")}\n`
    } finally {
        rmSync(folder, { recursive: true, force: true })
    }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href)
    try {
        writeFileSync(API_PAGE, await makePage())
    } catch (error) {
        console.error(`error: ${(error as Error).message}`)
        process.exitCode = 1
    }
