/** The meter counts each instruction that is executed, and changes nothing else: on a module small enough to count by hand. */
import assert from "node:assert/strict"
import { it } from "node:test"
import { COUNTER, metered } from "../../bench/vm/meter.cjs"

/** `(func (export "f") (param i32) (result i32) ...)`, one mutable global, one page of memory. */
function moduleWith(body: string): Buffer {
    const code = Buffer.from(`00${body}0b`.replace(/\s/g, ""), "hex")
    const sections = ["01 06 01 60 01 7f 01 7f", "03 02 01 00", "05 03 01 00 01", "06 06 01 7f 01 41 00 0b", "07 05 01 01 66 00 00"]
    const head = Buffer.from(`0061736d01000000${sections.join("")}`.replace(/\s/g, ""), "hex")
    return Buffer.concat([head, Buffer.from([10, code.length + 2, 1, code.length]), code])
}

/** What `f` gives, and what it costs. */
async function run(body: string, argument: number): Promise<[result: number, instructions: number]> {
    const instance = new WebAssembly.Instance(new WebAssembly.Module(new Uint8Array(metered(moduleWith(body)))))
    const exports = instance.exports as any
    return [exports.f(argument), exports[COUNTER].value]
}

it("a loop costs its body as often as it runs", async () => {
    // loop; local.get 0; i32.const 1; i32.sub; local.tee 0; br_if 0; end; local.get 0
    const body = "03 40 20 00 41 01 6b 22 00 0d 00 0b 20 00"
    assert.deepEqual(await run(body, 1), [0, 5 + 1])
    assert.deepEqual(await run(body, 1000), [0, 5000 + 1])
})

it("of a branch only the side that is taken costs", async () => {
    // local.get 0; if i32; i32.const 7; else; i32.const 8; i32.const 1; i32.add; end
    const body = "20 00 04 7f 41 07 05 41 08 41 01 6a 0b"
    assert.deepEqual(await run(body, 1), [7, 2 + 2])
    assert.deepEqual(await run(body, 0), [9, 2 + 3])
})

it("a table of branches, constants and prefixed instructions are passed over whole", async () => {
    // block; block; local.get 0; br_table [0] 1; end; f64.const (bytes that look like opcodes); drop; i32.const 0; i32.const 0; i32.const 1; memory.fill 0; end; i32.const 3
    const body = "02 40 02 40 20 00 0e 01 00 01 0b 44 0b0b0b0b0b0b0b0b 1a 41 00 41 00 41 01 fc 0b 00 0b 41 03"
    assert.deepEqual(await run(body, 0), [3, 2 + 6 + 1])
    assert.deepEqual(await run(body, 5), [3, 2 + 1])
})

it("an instruction that it does not know is an error that names it", () => {
    assert.throws(() => metered(moduleWith("fd 00")), /does not know the WebAssembly instruction 0xfd; add it/)
})
