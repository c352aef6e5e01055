/**
 * What the compiler writes is made smaller (compiler/compact.cjs), and does the same: programs made up at random tell what they
 * evaluate, in which order, once as the compiler writes them and once made smaller.
 */
import assert from "node:assert/strict"
import { spawnSync } from "node:child_process"
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, it } from "node:test"
import { Random } from "../../fuzz/random.js"
import { CLI, PROJECT } from "../../sim/firmware.js"
import { readImage } from "../../scripts/image-format.js"

const SEED = Number(process.env.SEED ?? 2131)
const PROGRAMS = Number(process.env.PROGRAMS ?? 2)
const FUNCTIONS = 12
/** How deep functions are parts of others. */
const LEVELS = 2
/** Statements without closures and `try`. */
const PLAIN = [0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13, 14, 14, 14, 15, 16]
const COLOURS = /\x1b\[[0-9;]*m/g

/** One function of two numbers, all of whose loops end. */
class Body {
    private variables = ["a", "b"]
    private made = 0
    private loops = 0
    /** @param parts functions that have been made @param level 0 for one that is none of another */
    constructor(
        private random: Random,
        private parts: string[],
        private level = 0
    ) {}

    text(): string {
        const body = this.block(3 - this.level, 6)
        return `{${body}\nreturn ${this.variables[0]}\n}`
    }

    private expression(depth: number): string {
        const { random } = this
        const e = () => this.expression(depth - 1)
        if (depth === 0)
            return random.one([
                ...this.variables,
                "0",
                "1",
                "-3",
                "112",
                "300",
                "-70000",
                "1234567",
                "2147483647",
                "0.5",
                "undefined as any",
                "null as any",
                "false as any",
            ])
        switch (random.below(12)) {
            case 0:
                return `(${e()} && ${e()})`
            case 1:
                return `(${e()} || ${e()})`
            case 2:
                return `(${e()} ?? ${e()})`
            case 3:
                return `(!${e()} as any)`
            case 4:
                return `(${this.condition(depth - 1)} ? ${e()} : ${e()})`
            case 5:
                return `(${e()} ${random.one(["+", "-", "*", "&", "|", "^", ">>", "<<"])} ${e()})`
            case 6:
                return `box(${e()})${random.one(["?.v", "?.w?.v", ".v"])}`
            case 7:
                return `list[${e()} & 3]`
            default:
                return `note(${e()})`
        }
    }

    private condition(depth: number): string {
        const { random } = this
        const e = () => this.expression(depth)
        const c = () => this.condition(depth - 1)
        if (depth <= 0) return e()
        return random.one([
            () => `${e()} ${random.one(["===", "!==", "<", "<=", ">", ">="])} ${e()}`,
            () => `!(${c()})`,
            () => `(${c()}) && (${c()})`,
            () => `(${c()}) || (${c()})`,
            e,
        ])()
    }

    private block(depth: number, length: number): string {
        const before = this.variables.length
        let text = ""
        for (let i = this.random.below(length) + 1; i > 0; i--) text += `\n${this.statement(depth)}`
        this.variables.length = before
        return text
    }

    /** A function that is called here alone, with as many arguments as it pleases. */
    private part(): string {
        const name = `p${this.parts.length}`
        this.parts.push("")
        this.parts[+name.slice(1)] =
            `async function ${name}(a: any, b: any): Promise<any> ${new Body(this.random, this.parts, this.level + 1).text()}`
        const passed = [this.expression(1), this.expression(1)].slice(this.random.below(3))
        return `await ${name}(${passed.join(", ")})`
    }

    private name(): string {
        return `v${this.made++}`
    }

    private statement(depth: number): string {
        const { random } = this
        if (depth === 0) return `note(${this.expression(2)})`
        const inner = () => `{${this.block(depth - 1, 4)}\n}`
        const loop = () => {
            this.loops++
            const text = inner()
            this.loops--
            return text
        }
        // no part of another one are those with closures, and with `try`
        switch (this.level > 0 ? random.one(PLAIN) : random.below(18)) {
            case 0:
            case 1: {
                const value = this.expression(3)
                const name = this.name()
                this.variables.push(name)
                return `let ${name}: any = ${value}`
            }
            case 2:
            case 3:
                return `${random.one(this.variables)} = ${this.expression(3)}`
            case 4:
            case 5:
                return `if (${this.condition(3)}) ${inner()}`
            case 6:
                return `if (${this.condition(2)}) ${inner()} else ${inner()}`
            case 7: {
                const i = this.name()
                return `for (let ${i} = 0; ${i} < 3; ${i}++) ${loop()}`
            }
            case 8: {
                const x = this.name()
                return `for (const ${x} of list) ${loop()}`
            }
            case 9:
                return random.one([
                    () => `try ${inner()} catch (e) ${inner()}`,
                    () => `try ${inner()} catch (e) ${inner()} finally {\nnote(${this.expression(1)})\n}`,
                    // a way out with a value that `finally` must not change
                    () =>
                        `try {\nif (${this.condition(1)}) return note(${this.expression(1)})${this.block(depth - 1, 3)}\n} finally {\nnote(${this.expression(1)})\n}`,
                ])()
            case 10:
                return `if (${this.condition(2)}) throw new Error("made up")`
            case 11: {
                if (this.loops === 0) return `if (${this.condition(2)}) return ${this.expression(2)}`
                return `if (${this.condition(2)}) ${random.one(["break", "continue", "return undefined", "return note(7)"])}`
            }
            case 12:
                return `switch (${this.expression(1)}) {\ncase 0: ${inner()}\nbreak\ncase 1:\ncase note(2): ${inner()}\ndefault: ${inner()}\n}`
            case 13:
                // ends that are the same, with ways into their middle
                return `if (${this.condition(1)}) {\nnote(a)\nif (${random.one(["a", "b"])}) note(b)\n${this.loops > 0 ? random.one(["continue", "return"]) : "return"}\n}`
            case 14: {
                // undefined again in each turn of a loop
                const name = this.name()
                const text = `let ${name}: any\nif (seen & 1) ${name} = ${this.expression(1)}\nnote(${name})`
                this.variables.push(name)
                return text
            }
            case 15:
            case 16:
                if (this.level > LEVELS) return `note(${this.expression(1)})`
                return random.one([
                    () => this.part(),
                    () => `note(${this.part()})`,
                    () => `note((${this.part()})?.v)`,
                    () => `${random.one(this.variables)} = ${this.part()}`,
                    () => `if (${this.part()}) ${inner()}`,
                    () => (this.loops > 0 ? `if (!${this.part()}) ${random.one(["break", "continue"])}` : `return ${this.part()}`),
                ])()
            default: {
                const f = this.name()
                // closures may know no variable of a loop
                const [set, get] = [random.one(["a", "b"]), random.one(["a", "b"])]
                return `const ${f} = (x: any) => { const y = ${get}; ${set} = x; return y }\nnote(${f}(${this.expression(2)}))`
            }
        }
    }
}

function program(random: Random): string {
    let functions = ""
    const calls: string[] = []
    const parts: string[] = []
    for (let i = 0; i < FUNCTIONS; i++) {
        functions += `async function f${i}(a: any, b: any): Promise<any> ${new Body(random, parts).text()}\n`
        calls.push(`await run(f${i}, "f${i}")`)
    }
    return `// @ts-nocheck\nimport * as ds from "@devicescript/core"
let seen = 0
let left = 0
const list: any[] = [0, 1, 260, 3]
function note(x: any): any {
    if (--left < 0) throw new Error("too long")
    seen = (seen * 31 + (typeof x === "number" ? x : x ? 5 : x === undefined ? 11 : x === null ? 13 : 17)) | 0
    return x
}
function box(x: any): any {
    note(x)
    return x ? { v: x, w: x < 0 ? undefined : { v: 9 } } : x
}
${parts.join("\n")}
${functions}
async function run(f: (a: any, b: any) => Promise<any>, name: string): Promise<void> {
    for (const pair of [[0, 1], [5, 0], [-300, 70000]]) {
        const [a, b] = pair
        seen = 0
        left = 300
        let end: any
        try { end = await f(a, b) } catch (e) { end = e.message }
        console.log(name, a, b, seen, end)
        await ds.sleep(0)
    }
}
${calls.join("\n")}
// the CLI ends then
ds.restart()
`
}

interface Outcome {
    lines: string[]
    /** Bytes. */
    code: number
}

function run(folder: string, isCompact: boolean): Outcome {
    const { stdout, stderr } = spawnSync(
        process.execPath,
        [CLI, "run", "--ignore-missing-config", "--test", "--test-timeout", "120000", "src/main.ts"],
        { cwd: folder, encoding: "utf8", timeout: 300_000, env: { ...process.env, TUPLEPHONE_COMPACT: isCompact ? "1" : "0" } }
    )
    const output = (stdout + stderr).replace(COLOURS, "").replace(/^WASM> /gm, "")
    const lines = output.split("\n").filter(line => /^f\d+ /.test(line))
    assert.equal(lines.length, 3 * FUNCTIONS, output)
    return { lines, code: readImage(readFileSync(join(folder, ".devicescript/bin/bytecode.devs"))).codeEnd }
}

describe("a program that is made smaller", () => {
    for (let i = 0; i < PROGRAMS; i++) {
        const seed = SEED + i
        it(`does the same (SEED=${seed})`, t => {
            const folder = mkdtempSync(join(PROJECT, ".devicescript/compact-"))
            try {
                mkdirSync(join(folder, "src"))
                writeFileSync(join(folder, "src/main.ts"), program(new Random(seed)))
                const [written, smaller] = [run(folder, false), run(folder, true)]
                assert.deepEqual(smaller.lines, written.lines)
                assert.ok(
                    smaller.code < 0.95 * written.code,
                    `${smaller.code} bytes of code, and ${written.code} as the compiler writes it`
                )
                t.diagnostic(`${smaller.code} of ${written.code} bytes`)
            } finally {
                rmSync(folder, { recursive: true, force: true })
            }
        })
    }
})
