/** A fresh clone is installed without a warning: what package.json says of the packages of package-lock.json. */
import assert from "node:assert/strict"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { test } from "node:test"
import { PROJECT } from "../../sim/firmware.js"

interface Locked {
    hasInstallScript?: boolean
    resolved?: string
    link?: boolean
}

const read = (name: string) => JSON.parse(readFileSync(join(PROJECT, name), "utf8"))
const packages: Record<string, Locked> = read("package-lock.json").packages

test("npm 11 and later are told of every package with an install script, and of no other", () => {
    // "" is this project, whose own scripts always run
    const scripted = Object.keys(packages).filter(path => path !== "" && packages[path]!.hasInstallScript)
    const allowed: Record<string, boolean> = read("package.json").allowScripts
    // By name alone: npm takes a version here only from the address of a package, which our lock file leaves out. The
    // version is pinned all the same, by the lock file's hash.
    assert.deepEqual(Object.keys(allowed).sort(), scripted.map(path => path.replace(/^.*node_modules\//, "")).sort())
    assert.ok(Object.values(allowed).every(value => value === true))
})

test("the lock file names no registry", () => {
    // a link leads to a folder of this project
    assert.deepEqual(
        Object.keys(packages).filter(path => packages[path]!.resolved && !packages[path]!.link),
        []
    )
})
