/** The project as a clone would have it, and what is not committed yet. */
import { execFileSync } from "node:child_process"
import { cpSync, mkdirSync, mkdtempSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { PROJECT } from "../../sim/firmware.js"

function listed(...which: string[]): string[] {
    const names = execFileSync("git", ["ls-files", "-z", ...which], { cwd: PROJECT, encoding: "utf8" })
    return names.split("\0").filter(name => name !== "")
}

/** @returns the folder, a new one without the packages, which the caller removes */
export function copyProject(): string {
    const folder = mkdtempSync(join(tmpdir(), "tuplephone-copy-"))
    const deleted = new Set(listed("--deleted"))
    for (const file of listed("--cached", "--others", "--exclude-standard").filter(name => !deleted.has(name))) {
        mkdirSync(join(folder, dirname(file)), { recursive: true })
        cpSync(join(PROJECT, file), join(folder, file))
    }
    return folder
}
