/** The prompt: completion, tables that fit, colours, history, and which port it takes. */
import assert from "node:assert/strict"
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { PassThrough } from "node:stream"
import { after, before, describe, it } from "node:test"
import type { CommandRunner } from "../../sim/console-client.js"
import { addressee, commandsOf } from "../../sim/script.js"
import { openError } from "../../sim/serial/board.js"
import { choosePort, type Port } from "../../sim/serial/ports.js"
import { complete, formsOf } from "../../sim/terminal/completion.js"
import { Gate } from "../../sim/terminal/gate.js"
import { History, HISTORY_MAX, historyFile } from "../../sim/terminal/history.js"
import { Painter } from "../../sim/terminal/paint.js"
import { COLOURED, PLAIN, styleFor, type Style } from "../../sim/terminal/style.js"
import { Vocabulary } from "../../sim/terminal/vocabulary.js"
import { wrapped } from "../../sim/terminal/wrap.js"

const HELP = `help
    this list
call ADDR:PORT|sip:URI [--codec pcmu|pcma] [--play tone|speech|echo] [--seconds N] [--quiet]
    place a call, or wait for its end
hangup N|all
    end a call, or all
answer [N] [--play tone|speech|echo]
    answer a call that rings
calls [-j]
    the calls that are up
ping ADDR [COUNT]
    send echo requests
lease [-j] | lease renew IFACE | lease release IFACE
    the leases
`
const IFCONFIG = `name  address     mac                gateway    source  expiresIn  sockets  rx  tx
tp0   10.77.0.50  02:d0:2f:e1:1f:e5  10.77.0.1  common       3597        0   0      1
tp1   10.77.0.51  02:d0:2f:e1:1f:e5  10.77.0.1  dhcp         3597        1  12  15334
tp2   -           02:d0:2f:e1:1f:e5  -          dhcp    -                1   0      1
`
const CALLS = `id  state    local                  remote                txFrames  rxFrames  lost  jitterMs
 1  ended    192.168.100.151:49152  192.168.100.200:4000       157       157     0      1.78
 2  up       192.168.100.152:49154  192.168.100.201:4000       157       157     0       2.3
 3  calling  -                      192.168.100.202:4000         0         0     0         0
`

/** What a painter writes of a text that comes in pieces. */
function painted(text: string, room: number, style: Style = PLAIN, piece = 76): string {
    let written = ""
    const painter = new Painter(
        part => (written += part),
        () => room,
        style
    )
    for (let at = 0; at < text.length; at += piece) painter.add(text.slice(at, at + piece))
    painter.end()
    return written
}

const words = (text: string) => text.split(/\s+/).filter(Boolean)

describe("completion", () => {
    const forms = formsOf(HELP)
    const seen = new Vocabulary()
    seen.learn("ifconfig", IFCONFIG)
    seen.learn("calls", CALLS)
    seen.learn("call 10.77.0.2:4000", "call 7 is up: 10.77.0.52:5004 to 10.77.0.2:4000, pcmu, playing tone\n")

    const cases: [line: string, candidates: string[], word?: string][] = [
        ["", ["help", "call", "hangup", "answer", "calls", "ping", "lease"]],
        ["ca", ["call", "calls"], "ca"],
        ["  pi", ["ping"], "pi"],
        ["x", [], "x"],
        ["nonsense ", []],
        ["call ", ["10.77.0.2:4000", "192.168.100.202:4000", "192.168.100.201:4000", "192.168.100.200:4000"]],
        ["call 10.", ["10.77.0.2:4000"], "10."],
        ["call 10.77.0.2:4000 ", ["--codec", "--play", "--seconds", "--quiet"]],
        ["call 10.77.0.2:4000 --p", ["--play"], "--p"],
        ["call --", ["--codec", "--play", "--seconds", "--quiet"], "--"],
        ["call 10.77.0.2:4000 --codec ", ["pcmu", "pcma"]],
        ["call 10.77.0.2:4000 --codec pcmu --", ["--play", "--seconds", "--quiet"], "--"],
        ["call --play tone 10", ["10.77.0.2:4000"], "10"],
        ["call 10.77.0.2:4000 --quiet --play s", ["speech"], "s"],
        // a number of seconds is no call
        ["call 10.77.0.2:4000 --seconds ", []],
        // call 1 has ended
        ["hangup ", ["all", "2", "3", "7"]],
        ["hangup all ", []],
        ["answer ", ["2", "3", "7"]],
        ["answer 3 --play e", ["echo"], "e"],
        ["calls ", ["-j"]],
        ["calls -j ", []],
        ["ping 10.77.0.5", ["10.77.0.52", "10.77.0.51", "10.77.0.50"], "10.77.0.5"],
        ["lease ", ["renew", "release"]],
        ["lease -", ["-j"], "-"],
        ["lease re", ["renew", "release"], "re"],
        ["lease renew ", ["tp0", "tp1", "tp2"]],
        ["lease steal ", []],
    ]
    for (const [line, candidates, word = ""] of cases)
        it(`of "${line}" offers ${candidates.length === 0 ? "nothing" : candidates.join(", ")}`, () =>
            assert.deepEqual(complete(forms, seen, line), [candidates, word]))

    it("completes the commands that help is asked about", () => {
        const more = [...forms, ...formsOf("help [COMMAND]\n")]
        assert.deepEqual(complete(more, seen, "help hang"), [["hangup"], "hang"])
    })

    it("forgets a call that an event says has ended", () => {
        const vocabulary = new Vocabulary()
        vocabulary.learn("calls", CALLS)
        assert.deepEqual([...vocabulary.calls], ["2", "3"])
        vocabulary.learn("", "call 3 has ended: the other side has nothing on that port")
        assert.deepEqual([...vocabulary.calls], ["2"])
    })

    it("knows a call that an event says rings", () => {
        const vocabulary = new Vocabulary()
        vocabulary.learn("", "call 4 from sip:bob@10.77.0.51 rings")
        assert.deepEqual([[...vocabulary.calls], vocabulary.addresses], [["4"], ["10.77.0.51"]])
    })

    it("offers the phones where there are several for a call", () => {
        assert.deepEqual(complete(forms, seen, "call sip", 2), [["sip:@1", "sip:@2"], "sip"])
        assert.deepEqual(complete(forms, seen, "@2 call sip", 2), [["sip:@1", "sip:@2"], "sip"])
        assert.deepEqual(complete(forms, seen, "call sip", 1), [[], "sip"])
    })

    it("offers the phones where there are several, and what the one that is named knows", () => {
        assert.deepEqual(complete(forms, seen, "@", 2), [["@1", "@2"], "@"])
        assert.deepEqual(complete(forms, seen, "@2 lease rel", 2), [["release"], "rel"])
        assert.deepEqual(complete(forms, seen, "@2 lease rel", 1), [[], "rel"])
    })

    it("learns from JSON, and forgets what is gone", () => {
        const vocabulary = new Vocabulary()
        vocabulary.learn("ifconfig -j", '[{"name":"tp0","address":"10.77.0.50"},{"name":"tp4","address":"10.77.0.54"}]\n')
        vocabulary.learn("calls -j", '[{"id":3,"state":"up","remote":"10.77.0.3:4000"}]\n')
        assert.deepEqual(
            [[...vocabulary.interfaces], [...vocabulary.calls], vocabulary.endpoints],
            [["tp0", "tp4"], ["3"], ["10.77.0.3:4000"]]
        )
        vocabulary.learn("ifconfig -j", '[{"name":"tp0","address":"10.77.0.50"}]\n')
        vocabulary.learn("hangup all", "1 call has ended\ncall 3 has ended\n")
        assert.deepEqual([[...vocabulary.interfaces], [...vocabulary.calls]], [["tp0"], []])
        vocabulary.learn("calls", CALLS)
        vocabulary.learn("hangup all", "2 calls have ended\n")
        assert.deepEqual([...vocabulary.calls], [])
        for (let i = 0; i < 1000; i++) vocabulary.learn("ping", `10.0.${i >> 8}.${i & 255}: no answer\n`)
        assert.equal(vocabulary.addresses[0], "10.0.3.231")
        assert.ok(vocabulary.addresses.length <= 40)
    })

    it("learns nothing from output that is broken", () => {
        for (const output of ["[{", "[1", "[1]", "name  address\n", "name  address\nx\n", "", "999.999.999.999.999"]) {
            const vocabulary = new Vocabulary()
            vocabulary.learn("", output)
            assert.deepEqual([vocabulary.interfaces.size, vocabulary.addresses], [0, []], output)
        }
    })
})

describe("a line of commands", () => {
    /** What the phones were asked, by their numbers. */
    const asked: string[] = []
    const phones: CommandRunner[] = ["10.77.0.50", "10.77.0.57", null].map((address, i) => ({
        failure: undefined,
        async execute(line, onText) {
            asked.push(`${i + 1} ${line}`)
            onText(
                JSON.stringify([
                    { source: "dhcp", address: "10.77.0.99" },
                    { source: "common", address },
                ])
            )
            return true
        },
    }))
    const commandOfPhone = async (line: string) => {
        const { phone, command } = await addressee(phones, line)
        return `${phones.indexOf(phone) + 1} ${command}`
    }

    const lines: [text: string, commands: string[]][] = [
        ["a; b c ;d", ["a", "b c", "d"]],
        [";; a;", ["a"]],
        ["a &; b", ["a &", "b"]],
        ["a & b & c &", ["a &", "b &", "c &"]],
        ["a  &  ; b", ["a &", "b"]],
        // no blank before it: it belongs to a word
        ["get x?a=1&b=2; c&; d && e", ["get x?a=1&b=2", "c&", "d && e"]],
        ['say "a; b"', ['say "a', 'b"']],
        ["", []],
        ["& a", ["& a"]],
    ]
    for (const [text, commands] of lines)
        it(`has in "${text}" ${commands.length} of them`, () =>
            assert.deepEqual(
                commandsOf(text).map(({ line, isBeside }) => (isBeside ? `${line} &` : line)),
                commands
            ))

    it("is for the first phone, or for the one that it begins with", async () => {
        assert.deepEqual([await commandOfPhone("calls -j"), await commandOfPhone("@2  calls")], ["1 calls -j", "2 calls"])
        for (const number of ["0", "4", "44"])
            await assert.rejects(commandOfPhone(`@${number} calls`), /^Error: there is no phone \d+; there are 3 \(--phones\)$/)
    })

    it("calls a phone at its common address", async () => {
        assert.equal(await commandOfPhone("call sip:@2 --seconds 1"), "1 call sip:phone2@10.77.0.57 --seconds 1")
        assert.equal(await commandOfPhone("@2 call --play tone sip:@1"), "2 call --play tone sip:phone1@10.77.0.50")
        assert.equal(await commandOfPhone("transfer 1 sip:@1 sip:@2"), "1 transfer 1 sip:phone1@10.77.0.50 sip:phone2@10.77.0.57")
    })

    it("leaves everything else as it is", async () => {
        asked.length = 0
        for (const word of ["sip:bob@2", "sip:bob@@2", "sip:@2:5070", "sips:@2", "xsip:@2", "@2", "sip:@", "sip:@x"])
            assert.equal(await commandOfPhone(`call ${word}`), `1 call ${word}`)
        assert.deepEqual(asked, [])
    })

    it("calls no phone that is not there, or has no address", async () => {
        await assert.rejects(commandOfPhone("call sip:@4"), /^Error: there is no phone 4; there are 3 \(--phones\)$/)
        await assert.rejects(
            commandOfPhone("call sip:@3"),
            /^Error: phone 3 has no address yet, at which it could be called; see @3 lease$/
        )
    })
})

describe("what is shown", () => {
    it("leaves a table as it is where it fits", () => {
        for (const [table, width] of [
            [IFCONFIG, 85],
            [CALLS, 92],
        ] as const) {
            assert.equal(Math.max(...table.split("\n").map(line => line.length)), width)
            for (const piece of [1, 7, 1000]) assert.equal(painted(table, width, PLAIN, piece), table)
        }
    })

    it("fits tables to the terminal, leaves nothing out, and splits no cell", () => {
        for (const [name, table] of Object.entries({ IFCONFIG, CALLS }))
            for (const room of [40, 60, 80, 120, ...Array.from({ length: 80 }, (_, i) => 40 + i)]) {
                const text = painted(table, room)
                for (const line of text.split("\n")) assert.ok(line.length <= room, `${name} at ${room}: ${line}`)
                const [titles, ...rows] = table.trim().split("\n").map(words)
                const shown = words(text)
                for (const cell of rows.flat()) {
                    const at = shown.indexOf(cell)
                    assert.ok(at >= 0, `${cell} of ${name} at ${room}:\n${text}`)
                    shown.splice(at, 1)
                }
                // what is left are the titles, once, or with each row
                const left = shown.join("").length
                assert.ok(
                    [1, rows.length].some(times => left === times * titles!.join("").length),
                    `${name} at ${room}:\n${text}`
                )
            }
    })

    it("shows the rows of a table that does not fit as records", () => {
        const head = IFCONFIG.split("\n").slice(0, 3).join("\n") + "\n"
        assert.equal(
            painted(head, 40),
            `name tp0  address 10.77.0.50
    mac 02:d0:2f:e1:1f:e5
    gateway 10.77.0.1  source common
    expiresIn 3597  sockets 0  rx 0
    tx 1
name tp1  address 10.77.0.51
    mac 02:d0:2f:e1:1f:e5
    gateway 10.77.0.1  source dhcp
    expiresIn 3597  sockets 1  rx 12
    tx 15334
`
        )
        const reason = "id  state  error\n 1  ended  the other side has nothing on that port, and says so\n"
        assert.equal(
            painted(reason, 30),
            `id 1  state ended
    error the other side has
        nothing on that port,
        and says so
`
        )
        assert.ok(painted(CALLS, 40, COLOURED).includes("\x1b[1mstate\x1b[22m \x1b[2mended\x1b[22m"))
        assert.equal(painted(CALLS.split("\n")[0]!, 40), "id  state  local  remote  txFrames\n    rxFrames  lost  jitterMs\n")
    })

    it("keeps a row on one line where titles can be broken instead", () => {
        assert.equal(
            painted(CALLS, 80),
            `id state   local                 remote               tx     rx     lost jitter
                                                      Frames Frames      Ms
 1 ended   192.168.100.151:49152 192.168.100.200:4000    157    157    0   1.78
 2 up      192.168.100.152:49154 192.168.100.201:4000    157    157    0    2.3
 3 calling -                     192.168.100.202:4000      0      0    0      0
`
        )
    })

    it("colours titles, states and errors, and nothing else", () => {
        const text = painted(`${CALLS}`, 100, COLOURED)
        assert.equal(text.replace(/\x1b\[\d+m/g, ""), CALLS)
        assert.ok(text.startsWith("\x1b[1mid\x1b[22m  \x1b[1mstate\x1b[22m"))
        const [, ended, up, calling] = text.split("\n")
        assert.ok(ended!.includes("\x1b[2mended\x1b[22m  "))
        assert.ok(up!.includes("\x1b[32mup\x1b[39m  "))
        assert.ok(calling!.includes("\x1b[33mcalling\x1b[39m  "))
        assert.equal(up!.match(/\x1b/g)!.length, 2)
        assert.equal(
            painted("10.77.0.2: no answer (1)\nerror: ECONNREFUSED: no\n", 80, COLOURED),
            "10.77.0.2: no answer (1)\n\x1b[31merror: ECONNREFUSED: no\x1b[39m\n"
        )
    })

    it("shows what follows a table, and lines that are no table", () => {
        const table = "sd  local\n 0  10.77.0.51:5004\n"
        assert.equal(painted(`${table}error: it broke off\n`, 80, COLOURED).split("\n")[2], "\x1b[31merror: it broke off\x1b[39m")
        const stats = "phyRx 12\nphyTx 3\n"
        for (const text of [stats, HELP.slice(0, 30), "sleeping  well\nno\n"])
            assert.equal(words(painted(text, 80)).join(), words(text).join())
        assert.equal(painted(stats, 80), stats)
        assert.equal(painted("no end", 80), "no end\n")
        assert.equal(painted("", 80), "")
    })

    it("breaks long lines between words, but no JSON", () => {
        assert.deepEqual(wrapped("call ADDR:PORT [--codec pcmu|pcma]", 24), ["call ADDR:PORT [--codec", "    pcmu|pcma]"])
        assert.deepEqual(wrapped("    place a call; wait", 18), ["    place a call;", "        wait"])
        assert.deepEqual(wrapped("short", 5), ["short"])
        assert.deepEqual(wrapped("unbreakable", 5), ["unbreakable"])
        const json = JSON.stringify([{ name: "tp0, the first", address: "10.77.0.50" }])
        assert.deepEqual(wrapped(json, 20), [json])
    })

    it("has colours at a terminal alone, and none if the user wants none", () => {
        assert.equal(styleFor({ isTTY: true }, { TERM: "xterm" }), COLOURED)
        assert.equal(styleFor({ isTTY: true }, { TERM: "xterm", NO_COLOR: "" }), COLOURED)
        assert.equal(styleFor({ isTTY: true }, { TERM: "xterm", NO_COLOR: "1" }), PLAIN)
        assert.equal(styleFor({ isTTY: true }, { TERM: "dumb" }), PLAIN)
        assert.equal(styleFor({ isTTY: false }, { TERM: "xterm" }), PLAIN)
    })
})

describe("the gate", () => {
    /** What came through, piece by piece. */
    function gate() {
        const keyboard = new PassThrough()
        const pieces: string[] = []
        let interrupts = 0
        const made = new Gate(keyboard, { interrupt: () => void interrupts++, suspend() {} })
        made.input.on("data", (piece: Buffer) => {
            pieces.push(piece.toString())
            if (/[\r\n]$/.test(pieces.at(-1)!)) made.close()
        })
        const type = async (keys: string) => {
            keyboard.write(keys)
            await new Promise(setImmediate)
            await new Promise(setImmediate)
        }
        const open = async () => {
            made.open()
            await type("")
        }
        return { made, pieces, type, open, interrupts: () => interrupts, end: () => keyboard.end() }
    }

    it("lets one line through at a time, whatever ends it", async () => {
        const { pieces, type, open } = gate()
        await type("a\rb\r\n")
        await type("c\nd")
        assert.deepEqual(pieces, [])
        for (const expected of [["a\r"], ["b\r\n"], ["c\n"], ["d"]]) {
            await open()
            assert.deepEqual(pieces.splice(0), expected)
        }
    })

    it("forgets what waits at Ctrl-C, and keeps what comes after it", async () => {
        const { pieces, type, open, interrupts } = gate()
        await type("never\rnev")
        await type("er\x03\x03then")
        assert.equal(interrupts(), 2)
        await open()
        assert.deepEqual(pieces, ["then"])
    })

    it("gives Tabs one by one, each after the completion before it", async () => {
        const { made, pieces, type, open } = gate()
        await open()
        await type("x\t")
        assert.deepEqual(pieces, ["x", "\t"])
        let complete = (_: string) => {}
        const completion = made.complete(new Promise<string>(resolve => (complete = resolve)), "nothing")
        await type("\ty")
        assert.deepEqual(pieces, ["x", "\t"])
        complete("done")
        assert.equal(await completion, "done")
        await type("")
        assert.deepEqual(pieces, ["x", "\t", "\t", "y"])
    })

    it("gives a completion up at Ctrl-C, which then ends the line", async () => {
        const { made, pieces, type, open, interrupts } = gate()
        await open()
        await type("x\t")
        const completion = made.complete(new Promise<string>(() => {}), "nothing")
        await type("y\x03")
        assert.equal(await completion, "nothing")
        await type("")
        assert.deepEqual([pieces, interrupts()], [["x", "\t", "\x03"], 0])
    })

    it("ends behind what waits", async () => {
        const { made, pieces, type, open, end } = gate()
        let ended = false
        made.input.on("end", () => (ended = true))
        await type("a\rb\r")
        end()
        await open()
        assert.equal(ended, false)
        await open()
        await open()
        assert.deepEqual([pieces, ended], [["a\r", "b\r"], true])
    })
})

describe("history", () => {
    let folder: string
    before(() => void (folder = mkdtempSync(join(tmpdir(), "tuplephone-history-"))))
    after(() => rmSync(folder, { recursive: true, force: true }))

    it("lies in the user's state folder", () => {
        assert.equal(historyFile({ XDG_STATE_HOME: "/state" }), "/state/tuplephone/history")
        for (const XDG_STATE_HOME of [undefined, "", "state"])
            assert.match(historyFile({ XDG_STATE_HOME }), /\/\.local\/state\/tuplephone\/history$/)
    })

    it("is there the next time, the latest first", () => {
        const file = join(folder, "deep/er/history")
        const history = new History(file)
        for (const line of ["help", "calls", "calls", "  ", "help"]) history.add(line)
        assert.deepEqual(new History(file).lines, ["help", "calls", "help"])
        assert.equal(statSync(file).mode & 0o777, 0o600)
    })

    it("keeps no more than the latest lines, in its file too", () => {
        const file = join(folder, "long")
        writeFileSync(file, Array.from({ length: HISTORY_MAX + 100 }, (_, i) => `ping ${i}\n`).join(""))
        const { lines } = new History(file)
        assert.deepEqual([lines.length, lines[0], lines.at(-1)], [HISTORY_MAX, `ping ${HISTORY_MAX + 99}`, "ping 100"])
        assert.equal(readFileSync(file, "utf8").split("\n").length, HISTORY_MAX + 1)
    })

    it("is none where it cannot be written", () => {
        writeFileSync(join(folder, "file"), "")
        const file = join(folder, "file/history")
        const history = new History(file)
        history.add("help")
        assert.deepEqual(history.lines, [])
        assert.ok(!existsSync(file))
    })
})

describe("serial port", () => {
    const own: Port = { path: "/dev/ttyS0" }
    const board: Port = { path: "/dev/ttyACM0", vendorId: "303a", productId: "1001", manufacturer: "Espressif" }
    const other: Port = { path: "/dev/tty.usbserial-1", vendorId: "10c4", productId: "ea60" }

    it("is the only one on USB, or the user says which", () => {
        assert.equal(choosePort([own, board]), board)
        assert.equal(choosePort([{ path: "/dev/ttyUSB0" }, own]).path, "/dev/ttyUSB0")
        assert.throws(
            () => choosePort([board, other]),
            /^Error: there are 2 ports: \/dev\/ttyACM0 \(Espressif 303a:1001\), \/dev\/tty\.usbserial-1 \(10c4:ea60\); say which with --serial$/
        )
        assert.throws(() => choosePort([]), /there is no serial port; plug the board in/)
        assert.throws(() => choosePort([own]), /none of the serial ports is on USB/)
    })

    it("says in one line why it does not open", () => {
        const errors: [driver: string, says: RegExp][] = [
            ["Error: No such file or directory, cannot open /dev/ttyUSB0", /^there is no \/dev\/ttyUSB0; /],
            ["Error: Permission denied, cannot open /dev/ttyUSB0", /^you may not open \/dev\/ttyUSB0; .*dialout/],
            ["Error Resource temporarily unavailable Cannot lock port", /^\/dev\/ttyUSB0 is in use; /],
            ["Error: Device or resource busy, cannot open /dev/ttyUSB0", /^\/dev\/ttyUSB0 is in use; /],
            ["Error: Inappropriate ioctl for device setting custom baud rate of 1500000", /^\/dev\/ttyUSB0 is no serial port; /],
            ["Opening COM3: Access denied", /^\/dev\/ttyUSB0 is in use, or you may not open it; /],
            ["Error: something new", /^\/dev\/ttyUSB0 does not open \(Error: something new\)$/],
        ]
        for (const [driver, says] of errors) assert.match(openError("/dev/ttyUSB0", driver).message, says)
    })
})
