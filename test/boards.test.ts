/** The board definitions are right, and `npm run build:boards` says what is wrong with one that is not. */
import assert from "node:assert/strict"
import { spawn } from "node:child_process"
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { after, before, beforeEach, describe, test } from "node:test"
import { PROJECT } from "../sim/firmware.js"
import { type Definition, findBoard, hasW5500, readBoards } from "../scripts/boards.js"
import { CHIPS, lists } from "../scripts/chips.js"
import { leftovers } from "./support/leftovers.js"

const BOARDS = join(PROJECT, "boards")
const TIMEOUT = 180_000

interface Run {
    code: number | null
    stdout: string
    stderr: string
}

/** Runs the command with a temporary folder of its own, so that what it leaves there can be seen. */
function buildBoards(args: string[], temporary: string, onStderr?: (text: string, kill: () => void) => void): Promise<Run> {
    const child = spawn(process.execPath, [join(PROJECT, "node_modules/tsx/dist/cli.mjs"), "scripts/build-boards.ts", ...args], {
        cwd: PROJECT,
        env: { ...process.env, TMPDIR: temporary },
        stdio: ["ignore", "pipe", "pipe"],
    })
    const run: Run = { code: null, stdout: "", stderr: "" }
    child.stdout.setEncoding("utf8").on("data", (text: string) => (run.stdout += text))
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
        run.stderr += text
        onStderr?.(run.stderr, () => child.kill("SIGINT"))
    })
    return new Promise((resolve, reject) => {
        child.on("error", reject)
        child.on("close", code => resolve({ ...run, code }))
    })
}

describe("the boards of this project", () => {
    const boards = readBoards(BOARDS, "boards")

    for (const { id, definition, errors } of boards)
        test(`${id} has no errors, and its log is on the chip's UART`, () => {
            assert.deepEqual(errors, [])
            const log = definition.log as { pinTX: string }
            assert.equal(definition.pins[log.pinTX], definition.archId === "esp32c3" ? 21 : 43)
        })

    test("there are boards with a W5500 and boards without, on both chips", () => {
        assert.ok(boards.filter(board => hasW5500(board.definition)).length >= 2)
        assert.ok(boards.filter(board => !hasW5500(board.definition)).length >= 2)
        assert.deepEqual(new Set(boards.map(board => board.definition.archId)), new Set(["esp32c3", "esp32s3"]))
    })

    test("docs/boards.md has each board and each pin of its W5500", () => {
        const text = readFileSync(join(PROJECT, "docs/boards.md"), "utf8")
        for (const { id, definition } of boards) {
            const row = text.split("\n").find(line => line.startsWith(`| \`${id}\``))
            assert.ok(row, `${id} is in the table of boards`)
            if (!hasW5500(definition)) continue
            for (const [label, gpio] of Object.entries(definition.pins))
                if (label.startsWith("ETH_")) assert.match(row, new RegExp(`\\b${label.slice(4)} ${gpio}\\b`), `${id}: ${label}`)
        }
    })

    test("the wiring in docs/boards.md uses pins that the kits have free, and its settings are the same", () => {
        const strapping: Record<string, string> = { esp32c3: "2, 8-9", esp32s3: "0, 3, 45-46" }
        const lines = readFileSync(join(PROJECT, "docs/boards.md"), "utf8").split("\n")
        const head = lines.findIndex(line => line.startsWith("| W5500 module |"))
        const cells = (line: string) => line.split("|").map(cell => cell.trim()).slice(1, -1)
        const gpios = lines.slice(head + 2, head + 8).map(cells)
        for (const [i, kit] of cells(lines[head]!).entries()) {
            if (i === 0) continue
            const board = boards.find(b => b.definition.devName.endsWith(kit))
            assert.ok(board, kit)
            const { archId, pins, log, led } = board.definition as Definition & { log: { pinTX: string }; led: { pin: string } }
            const [sck, mosi, miso, cs, rst, int] = gpios.map(row => {
                const gpio = Number(row[i])
                const label = Object.keys(pins).find(l => pins[l] === gpio)
                assert.ok(label && !lists(strapping[archId]!, gpio) && label !== log.pinTX && label !== led.pin, `${kit}: GPIO${gpio}`)
                return label
            })
            assert.equal(new Set([sck, mosi, miso, cs, rst, int]).size, 6, kit)
            const setting = `PHY=w5500 sck=${sck} mosi=${mosi} miso=${miso} cs=${cs} rst=${rst} int=${int}`
            assert.ok(lines.includes(setting), setting)
        }
    })

    test("no GPIO of a chip is both usable and reserved", () => {
        for (const [archId, { usable, reserved }] of Object.entries(CHIPS))
            for (let gpio = 0; gpio < 64; gpio++) {
                const times = [usable, ...reserved.map(r => r.pins)].filter(ranges => lists(ranges, gpio)).length
                assert.ok(times <= 1, `${archId} GPIO${gpio}`)
            }
    })
})

describe("a broken board", () => {
    const folder = mkdtempSync(join(tmpdir(), "tuplephone-broken-"))
    after(() => rmSync(folder, { recursive: true, force: true }))

    /** @returns the errors of a copy of the Waveshare board that has been changed */
    function errorsAfter(change: (definition: any) => void, id = "broken"): string[] {
        const definition = JSON.parse(readFileSync(join(BOARDS, "waveshare_esp32_s3_eth.board.json"), "utf8")) as Definition
        change(definition)
        rmSync(folder, { recursive: true })
        cpSync(BOARDS, folder, { recursive: true })
        rmSync(join(folder, "waveshare_esp32_s3_eth.board.json"))
        writeFileSync(join(folder, `${id}.board.json`), JSON.stringify(definition))
        return findBoard(readBoards(folder, "boards"), id, "boards").errors
    }

    const cases: [string, (definition: any) => void, RegExp[]][] = [
        ["the W5500 lacks its clock", d => delete d.pins.ETH_SCK, [/^pins\.ETH_SCK is missing beside ETH_MISO, ETH_MOSI, ETH_CS, ETH_RST, ETH_INT: add it$/]],
        ["the W5500 has only an interrupt", d => ["SCK", "MISO", "MOSI", "CS", "RST"].forEach(p => delete d.pins[`ETH_${p}`]), [/ETH_SCK is missing/, /ETH_MISO is missing/, /ETH_MOSI is missing/, /ETH_CS is missing/]],
        ["a W5500 pin is called otherwise", d => (d.pins.ETH_CLK = 47, delete d.pins.P47), [/^pins\.ETH_CLK is no pin of a W5500: it is one of ETH_SCK, ETH_MISO,/]],
        ["two labels on one pin", d => (d.pins.P15 = 14), [/^pins\.ETH_CS and pins\.P15 are both GPIO14: remove or change one of them$/]],
        ["the log on a pin of the W5500", d => (d.log.pinTX = "ETH_INT"), [/^pins\.ETH_INT and log\.pinTX are both GPIO10: remove or change one of them$/]],
        ["log and LED on one pin", d => (d.led.pin = "P43"), [/^log\.pinTX and led\.pin are both GPIO43: remove or change one of them$/]],
        ["a service and the LED on one pin", d => (d.$services = [{ service: "button", name: "b", pin: "LED" }]), [/^led\.pin and \$services\[0\]\.pin are both GPIO21: /]],
        ["a number where a label stands for it", d => (d.led.pin = 21), [/^led\.pin is GPIO21, and so is pins\.LED: write "LED" there$/]],
        ["a label that is not there", d => (d.led.pin = "P99"), [/^led\.pin is P99: there is no such label in pins/]],
        ["a pin that the chip does not have", d => (d.pins.P49 = 49), [/^pins\.P49: GPIO49 does not exist on an esp32s3: use one of 0-18, 21, 38-48, or leave it out$/]],
        ["a pin between those that the chip has", d => (d.pins.P22 = 22), [/^pins\.P22: GPIO22 does not exist/]],
        ["a pin of the flash", d => (d.pins.P27 = 27), [/^pins\.P27: GPIO27 must not be used, the flash is on it: use one of/]],
        ["a pin of the octal PSRAM", d => (d.pins.P35 = 35), [/^pins\.P35: GPIO35 must not be used, octal flash or PSRAM is on it/]],
        ["a pin of USB, for the LED", d => (d.led.pin = 19), [/^led\.pin: GPIO19 must not be used, it is USB/]],
        ["a pin of another chip", d => (d.archId = "esp32c3", d.pins = { P43: 43, LED: 7 }, delete d.led), [/^pins\.P43: GPIO43 does not exist on an esp32c3: use one of 0-10, 20-21/]],
        ["an unknown chip", d => (d.archId = "esp32s9"), [/^archId is esp32s9: it must be one of esp32c3, esp32s3$/]],
        ["a pin that is no number", d => (d.pins.P15 = "15"), [/^pins\.P15 is "15": it must be the number of a GPIO$/]],
        ["a label too long for the runtime", d => (d.pins.LONG_LABEL1 = 15, delete d.pins.P15), [/^pins\.LONG_LABEL1: a label .* at most 10 letters/]],
        ["no product id", d => delete d.productId, [/^productId is undefined: it must be 0x3/]],
        ["a product id of something else", d => (d.productId = "0x4dd0e23e"), [/^productId is 0x4dd0e23e: it must be 0x3/]],
        ["the product id of another board", d => (d.productId = readBoards(BOARDS, "boards").find(b => b.id === "lolin_c3_mini")!.definition.productId), [/^its productId 0x\w+ is that of lolin_c3_mini too/]],
        ["nothing said about it", d => (delete d.url, delete d.$description), [/^url is missing: add it$/, /^\$description is missing: add it$/]],
    ]
    for (const [name, change, expected] of cases)
        test(name, () => {
            const errors = errorsAfter(change)
            assert.equal(errors.length, expected.length, errors.join("\n"))
            expected.forEach((pattern, i) => assert.match(errors[i]!, pattern))
        })

    test("a comment among the pins is none of them", () => {
        assert.deepEqual(errorsAfter(d => (d.pins["#P35"] = 35)), [])
    })

    test("a name that the compiler does not take", () => {
        assert.match(errorsAfter(() => {}, "my-board").join(), /^a board's name has letters, digits and _ only: rename the file$/)
    })

    test("no JSON", () => {
        errorsAfter(() => {})
        writeFileSync(join(folder, "broken.board.json"), "{")
        assert.match(findBoard(readBoards(folder, "boards"), "broken", "boards").errors.join(), /^it is no JSON \(.+\): correct it there$/)
    })

    test("a folder without boards", () => {
        assert.throws(() => readBoards(join(folder, "none"), "boards"), /there are no boards in boards: add boards\/NAME\.board\.json/)
    })
})

describe("npm run build:boards", { timeout: TIMEOUT * 3 }, () => {
    let temporary: string
    before(() => (temporary = mkdtempSync(join(tmpdir(), "tuplephone-boards-test-"))))
    after(() => rmSync(temporary, { recursive: true, force: true }))
    beforeEach(() => assert.deepEqual(leftovers(temporary), []))

    test("builds every board, and leaves nothing behind", async () => {
        const compiled = join(PROJECT, ".devicescript/bin/bytecode.devs")
        const stamp = () => (existsSync(compiled) ? statSync(compiled).mtimeMs : undefined)
        const stampBefore = stamp()
        const { code, stdout, stderr } = await buildBoards(["--json"], temporary)
        assert.equal(code, 0, stderr)
        const rows = JSON.parse(stdout) as { board: string; arch: string; phy: string; pins: Record<string, number>; imageBytes: number }[]
        assert.deepEqual(rows.map(row => row.board), readBoards(BOARDS, "boards").map(board => board.id))
        for (const { board, phy, pins, imageBytes } of rows) {
            assert.equal(phy, "ETH_CS" in pins ? "w5500" : "stream", board)
            assert.ok(imageBytes > 10_000, board)
        }
        assert.equal(stamp(), stampBefore, "the image that others build from is untouched")
        assert.deepEqual(leftovers(temporary), [])
    })

    test("builds one board, as a table", async () => {
        const { code, stdout, stderr } = await buildBoards(["waveshare_esp32_s3_eth"], temporary)
        assert.equal(code, 0, stderr)
        assert.match(stdout, /^board +arch +PHY +program +pins\nwaveshare_esp32_s3_eth +esp32s3 +w5500 +\d+ B\n +SCK 13 +MISO 12 +MOSI 11 +CS 14 +RST 9 +INT 10\n$/)
    })

    test("says which boards there are", async () => {
        const { code, stderr } = await buildBoards(["nonsense"], temporary)
        assert.equal(code, 1)
        assert.match(stderr, /^error: there is no board nonsense: it is one of espressif_esp32_s3_devkitc_1, .+; or add boards\/nonsense\.board\.json\n$/)
    })

    test("stops at a broken board, and names its file", async () => {
        const folder = mkdtempSync(join(tmpdir(), "tuplephone-broken-"))
        try {
            const text = readFileSync(join(BOARDS, "waveshare_esp32_s3_eth.board.json"), "utf8")
            writeFileSync(join(folder, "mine.board.json"), text.replace(/"ETH_SCK": 13,/, ""))
            const { code, stdout, stderr } = await buildBoards(["--boards", folder], temporary)
            assert.equal(code, 1)
            assert.equal(stdout, "")
            assert.match(stderr, /^error: .*mine\.board\.json: pins\.ETH_SCK is missing beside .+: add it\n$/)
        } finally {
            rmSync(folder, { recursive: true })
        }
    })

    test("hands on what the compiler finds", async () => {
        const folder = mkdtempSync(join(tmpdir(), "tuplephone-broken-"))
        try {
            // a name that DeviceScript has for a board of its own, of which only the compiler knows
            cpSync(join(BOARDS, "waveshare_esp32_s3_eth.board.json"), join(folder, "esp32s3_bare.board.json"))
            const { code, stderr } = await buildBoards(["--boards", folder], temporary)
            assert.equal(code, 1)
            assert.match(stderr, /^error: "devs build .*esp32s3_bare already defined/ms)
            assert.deepEqual(leftovers(temporary), [])
        } finally {
            rmSync(folder, { recursive: true })
        }
    })

    test("leaves nothing behind when it is interrupted", async () => {
        let killed = false
        const { code } = await buildBoards([], temporary, (text, kill) => {
            if (killed || !text.includes("building the firmware")) return
            killed = true
            assert.ok(leftovers(temporary).length > 0)
            setTimeout(kill, 500)
        })
        assert.equal(code, 130)
        assert.deepEqual(leftovers(temporary), [])
    })
})
