/** The board definitions are right, and `npm run build:boards` says what is wrong with one that is not. */
import assert from "node:assert/strict"
import { spawn } from "node:child_process"
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { after, before, beforeEach, describe, test } from "node:test"
import { PROJECT } from "../../sim/firmware.js"
import { type Definition, findBoard, hasW5500, readBoards } from "../../scripts/boards.js"
import { CHIPS, lists } from "../../scripts/chips.js"
import { leftovers } from "../support/leftovers.js"

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
        test(`${id} has no errors, no log that keeps calls waiting, and Wi-Fi only where it is the way to the LAN`, () => {
            assert.deepEqual(errors, [])
            assert.equal("log" in definition, false)
            assert.equal(definition.devNetwork, hasW5500(definition) ? true : undefined)
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
        const cells = (line: string) =>
            line
                .split("|")
                .map(cell => cell.trim())
                .slice(1, -1)
        const gpios = lines.slice(head + 2, head + 8).map(cells)
        for (const [i, kit] of cells(lines[head]!).entries()) {
            if (i === 0) continue
            const board = boards.find(b => b.definition.devName.endsWith(kit))
            assert.ok(board, kit)
            const { archId, pins, led } = board.definition as Definition & { led: { pin: string } }
            const [sck, mosi, miso, cs, rst, int] = gpios.map(row => {
                const gpio = Number(row[i])
                const label = Object.keys(pins).find(l => pins[l] === gpio)
                assert.ok(label && !lists(strapping[archId]!, gpio) && label !== led.pin, `${kit}: GPIO${gpio}`)
                return label
            })
            assert.equal(new Set([sck, mosi, miso, cs, rst, int]).size, 6, kit)
            const setting = `PHY=w5500 sck=${sck} mosi=${mosi} miso=${miso} cs=${cs} rst=${rst} int=${int}`
            assert.ok(lines.includes(setting), setting)
        }
    })

    test("docs/boards.md says where the runtime for each chip is, how many calls a board carries, and that none has run it", () => {
        const text = readFileSync(join(PROJECT, "docs/boards.md"), "utf8")
        for (const archId of Object.keys(CHIPS))
            assert.ok(text.includes(`/releases/latest/download/devicescript-${archId}-${archId}_bare-0x0.bin>`), archId)
        assert.match(text, /\*\*No board has run this yet\.\*\*/)
        assert.match(
            text,
            /## How many calls\n\n\*\*A reckoning; no board has run it\.\*\*[^]+\| W5500 \| three \|\n\| stream, over Wi-Fi \| five \|/
        )
        for (const word of ["DTIM 1", "quickack 1", "nodelay", '"devNetwork": true']) assert.ok(text.includes(word), word)
    })

    test("docs/boards.md and docs/vscode.md name scripts and boards that are there, and places that are in them", () => {
        const { scripts } = JSON.parse(readFileSync(join(PROJECT, "package.json"), "utf8"))
        const texts = Object.fromEntries(["boards.md", "vscode.md"].map(name => [name, readFileSync(join(PROJECT, "docs", name), "utf8")]))
        // as GitHub makes them from a title
        const anchors = (text: string) =>
            [...text.matchAll(/^#+ (.+)$/gm)].map(([, title]) =>
                title!
                    .toLowerCase()
                    .replace(/[^\w -]/g, "")
                    .replace(/ /g, "-")
            )
        for (const [name, text] of Object.entries(texts)) {
            for (const [, script] of text.matchAll(/npm run ([\w:]+)/g)) assert.ok(script! in scripts, `${name}: npm run ${script}`)
            for (const [, id] of text.matchAll(/--board (?!ID)([\w]+)/g))
                assert.ok(
                    boards.some(b => b.id === id),
                    `${name}: ${id}`
                )
            for (const [, file = "", anchor] of text.matchAll(/\]\((\w+\.md)?#([\w-]+)\)/g))
                assert.ok(anchors(texts[file || name]!).includes(anchor!), `${name}: ${file}#${anchor}`)
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

describe("the check of a board", () => {
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
        [
            "the W5500 lacks its clock",
            d => delete d.pins.ETH_SCK,
            [/^pins\.ETH_SCK is missing beside ETH_MISO, ETH_MOSI, ETH_CS, ETH_RST, ETH_INT: add it$/],
        ],
        [
            "the W5500 has only an interrupt",
            d => (delete d.devNetwork, ["SCK", "MISO", "MOSI", "CS", "RST"].forEach(p => delete d.pins[`ETH_${p}`])),
            [/ETH_SCK is missing/, /ETH_MISO is missing/, /ETH_MOSI is missing/, /ETH_CS is missing/],
        ],
        [
            "a W5500 pin is called otherwise",
            d => ((d.pins.ETH_CLK = 47), delete d.pins.P47),
            [/^pins\.ETH_CLK is no pin of a W5500: it is one of ETH_SCK, ETH_MISO,/],
        ],
        ["two labels on one pin", d => (d.pins.P15 = 14), [/^pins\.ETH_CS and pins\.P15 are both GPIO14: remove or change one of them$/]],
        [
            "I2C on a pin of the W5500",
            d => (d.i2c = { pinSDA: "ETH_INT" }),
            [/^pins\.ETH_INT and i2c\.pinSDA are both GPIO10: remove or change one of them$/],
        ],
        [
            "LED and I2C on one pin",
            d => ((d.i2c = { pinSDA: "P43" }), (d.led.pin = "P43")),
            [/^led\.pin and i2c\.pinSDA are both GPIO43: remove or change one of them$/],
        ],
        [
            "a service and the LED on one pin",
            d => (d.$services = [{ service: "button", name: "b", pin: "LED" }]),
            [/^led\.pin and \$services\[0\]\.pin are both GPIO21: /],
        ],
        [
            "a log",
            d => (d.log = { pinTX: "P43" }),
            [/^log keeps the phone waiting for up to 10 ms for each 64 bytes of it: remove it, the log is on USB as well$/],
        ],
        [
            "a W5500, and the runtime's Wi-Fi as well",
            d => delete d.devNetwork,
            [/^devNetwork is missing beside ETH_CS, .+: add "devNetwork": true$/],
        ],
        [
            "a W5500, and Wi-Fi that is off by something else than true",
            d => (d.devNetwork = "false"),
            [/^devNetwork is missing beside ETH_CS/],
        ],
        [
            "neither Wi-Fi nor a W5500",
            d =>
                Object.keys(d.pins)
                    .filter(p => p.startsWith("ETH_"))
                    .forEach(p => delete d.pins[p]),
            [/^devNetwork is true, which turns Wi-Fi off, and there is no ETH_CS: remove it$/],
        ],
        ["a number where a label stands for it", d => (d.led.pin = 21), [/^led\.pin is GPIO21, and so is pins\.LED: write "LED" there$/]],
        ["a label that is not there", d => (d.led.pin = "P99"), [/^led\.pin is P99: there is no such label in pins/]],
        [
            "a pin that the chip does not have",
            d => (d.pins.P49 = 49),
            [/^pins\.P49: GPIO49 does not exist on an esp32s3: use one of 0-18, 21, 38-48, or leave it out$/],
        ],
        ["a pin between those that the chip has", d => (d.pins.P22 = 22), [/^pins\.P22: GPIO22 does not exist/]],
        ["a pin of the flash", d => (d.pins.P27 = 27), [/^pins\.P27: GPIO27 must not be used, the flash is on it: use one of/]],
        ["a pin of the octal PSRAM", d => (d.pins.P35 = 35), [/^pins\.P35: GPIO35 must not be used, octal flash or PSRAM is on it/]],
        ["a pin of USB, for the LED", d => (d.led.pin = 19), [/^led\.pin: GPIO19 must not be used, it is USB/]],
        [
            "a pin of another chip",
            d => ((d.archId = "esp32c3"), (d.pins = { P43: 43, LED: 7 }), delete d.led, delete d.devNetwork),
            [/^pins\.P43: GPIO43 does not exist on an esp32c3: use one of 0-10, 20-21/],
        ],
        ["an unknown chip", d => (d.archId = "esp32s9"), [/^archId is esp32s9: it must be one of esp32c3, esp32s3$/]],
        ["a pin that is no number", d => (d.pins.P15 = "15"), [/^pins\.P15 is "15": it must be the number of a GPIO$/]],
        [
            "a label too long for the runtime",
            d => ((d.pins.LONG_LABEL1 = 15), delete d.pins.P15),
            [/^pins\.LONG_LABEL1: a label .* at most 10 letters/],
        ],
        ["no product id", d => delete d.productId, [/^productId is undefined: it must be 0x3/]],
        ["a product id of something else", d => (d.productId = "0x4dd0e23e"), [/^productId is 0x4dd0e23e: it must be 0x3/]],
        [
            "the product id of another board",
            d => (d.productId = readBoards(BOARDS, "boards").find(b => b.id === "lolin_c3_mini")!.definition.productId),
            [/^its productId 0x\w+ is that of lolin_c3_mini too/],
        ],
        [
            "nothing said about it",
            d => (delete d.url, delete d.$description),
            [/^url is missing: add it$/, /^\$description is missing: add it$/],
        ],
    ]
    for (const [name, change, expected] of cases)
        test(`refuses ${name}`, () => {
            const errors = errorsAfter(change)
            assert.equal(errors.length, expected.length, errors.join("\n"))
            expected.forEach((pattern, i) => assert.match(errors[i]!, pattern))
        })

    test("takes a comment among the pins for none of them", () => {
        assert.deepEqual(
            errorsAfter(d => (d.pins["#P35"] = 35)),
            []
        )
    })

    test("refuses a name that the compiler does not take", () => {
        assert.match(errorsAfter(() => {}, "my-board").join(), /^a board's name has letters, digits and _ only: rename the file$/)
    })

    test("refuses a file that is no JSON", () => {
        errorsAfter(() => {})
        writeFileSync(join(folder, "broken.board.json"), "{")
        assert.match(findBoard(readBoards(folder, "boards"), "broken", "boards").errors.join(), /^it is no JSON \(.+\): correct it there$/)
    })

    test("refuses a folder without boards, and says what to add", () => {
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
        assert.deepEqual(
            rows.map(row => row.board),
            readBoards(BOARDS, "boards").map(board => board.id)
        )
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
        assert.match(
            stdout,
            /^board +arch +PHY +program +pins\nwaveshare_esp32_s3_eth +esp32s3 +w5500 +\d+ B\n +SCK 13 +MISO 12 +MOSI 11 +CS 14 +RST 9 +INT 10\n$/
        )
    })

    /** A file that begins like the runtime for a chip. */
    function runtimeFor(imageId: number): string {
        const runtime = Buffer.alloc(0x20000, 0xff)
        runtime[0] = 0xe9
        runtime.writeUInt16LE(imageId, 12)
        const path = join(mkdtempSync(join(tmpdir(), "tuplephone-runtime-")), "runtime.bin")
        writeFileSync(path, runtime)
        return path
    }

    test("with the runtime, leaves what is flashed: the runtime, and the board's pins in it", async () => {
        const runtime = runtimeFor(9)
        const out = join(runtime, "../built")
        const id = "waveshare_esp32_s3_eth"
        try {
            const { code, stdout, stderr } = await buildBoards([id, "--runtime", runtime, "--out", out], temporary)
            assert.equal(code, 0, stderr)
            const file = join(out, `devicescript-esp32s3-${id}-0x0.bin`)
            const [, shown] = /\n\nnpx devs flash --board waveshare_esp32_s3_eth --file (.+)\n$/.exec(stdout) ?? []
            assert.equal(resolve(PROJECT, shown!), file)
            const [before, after] = [readFileSync(runtime), readFileSync(file)]
            // the configuration has two pages at 0x9000
            for (const [from, to] of [
                [0, 0x9000],
                [0xb000, before.length],
            ])
                assert.ok(after.subarray(from, to).equals(before.subarray(from, to)))
            for (const key of ["pins.ETH_CS", "devNetwork"]) assert.ok(after.subarray(0x9000, 0xb000).includes(`${key}\0`), key)
        } finally {
            rmSync(join(runtime, ".."), { recursive: true })
        }
    })

    test("says where the runtime is to be had, if it gets another file", async () => {
        const runtime = runtimeFor(5)
        const advice =
            "download https://github.com/microsoft/devicescript-esp32/releases/latest/download/devicescript-esp32s3-esp32s3_bare-0x0.bin"
        try {
            for (const [file, wrong] of [
                [runtime, "is no runtime for an esp32s3"],
                [join(PROJECT, "README.md"), "is no runtime for an esp32s3"],
            ]) {
                const { code, stderr } = await buildBoards(["lilygo_t_eth_elite", "--runtime", file!], temporary)
                assert.equal(code, 1)
                assert.ok(stderr.endsWith(`error: ${file} ${wrong}: ${advice}\n`), stderr)
            }
            const gone = await buildBoards(["lilygo_t_eth_elite", "--runtime", "gone.bin"], temporary)
            assert.ok(gone.code === 1 && gone.stderr.endsWith(`error: there is no file gone.bin: ${advice}\n`), gone.stderr)
            const all = await buildBoards(["--runtime", runtime], temporary)
            assert.ok(all.code === 1 && all.stderr.startsWith("error: --runtime is for one board: say which"), all.stderr)
        } finally {
            rmSync(join(runtime, ".."), { recursive: true })
        }
    })

    test("says which boards there are", async () => {
        const { code, stderr } = await buildBoards(["nonsense"], temporary)
        assert.equal(code, 1)
        assert.match(
            stderr,
            /^error: there is no board nonsense: it is one of espressif_esp32_s3_devkitc_1, .+; or add boards\/nonsense\.board\.json\n$/
        )
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
