/** The console's commands: what they answer, and how they fail. */
import assert from "node:assert/strict"
import { readFileSync } from "node:fs"
import { after, before, describe, it } from "node:test"
import { BALLAST, Rig, until } from "../support/rig.js"

const ECHO1 = "10.77.0.2:4000"
/** Nobody has this address. */
const DEAD = "10.77.0.240"
const CONFIG = readFileSync(new URL("../../src/base/config.ts", import.meta.url), "utf8")
/** A constant of the firmware. */
const constant = (name: string) => Number(new RegExp(` ${name} = (\\d+)`).exec(CONFIG)![1])
const CALLS = constant("CALLS")
const COMMANDS_AT_ONCE = constant("COMMANDS_AT_ONCE")
const COMMANDS = [
    "help",
    "ifconfig",
    "netstat",
    "arp",
    "ping",
    "resolve",
    "lease",
    "call",
    "hangup",
    "calls",
    "stats",
    "sleep",
    "uptime",
    "ballast",
]

describe("console", () => {
    let rig: Rig

    before(async () => {
        rig = await Rig.start()
    })
    after(() => rig?.stop())

    const mistakes: [line: string, says: RegExp][] = [
        ["dial", /there is no command dial; help lists them/],
        ["CALL 10.77.0.2:4000", /there is no command CALL/],
        ["call", /ADDR:PORT is missing; usage: call /],
        ["call 10.77.0.2", /ADDR:PORT/],
        ["call 10.77.0.2:", /ADDR:PORT/],
        ["call 10.77.0.2:0", /ADDR:PORT/],
        ["call 10.77.0.2:65536", /ADDR:PORT/],
        ["call 10.77.0.2:4000x", /ADDR:PORT/],
        ["call 10.77.0.2:-1", /ADDR:PORT/],
        ["call 10.77.0.256:4000", /10\.77\.0\.256 is not an address; write it as/],
        ["call 10.77.2:4000", /10\.77\.2 is not an address; write it as/],
        ["call 10.77.0.0.2:4000", /10\.77\.0\.0\.2 is not an address; write it as/],
        ["call 0.0.0.0:4000", /0\.0\.0\.0 is no single host; name another; usage: call /],
        ["call 127.0.0.1:4000", /127\.0\.0\.1 is this phone itself; name another; usage: call /],
        ["call 224.0.0.1:4000", /224\.0\.0\.1 is no single host; name another/],
        ["call 10.77.0.255:4000", /10\.77\.0\.255 is no single host; name another/],
        ["call 10.77.0.50:4000", /10\.77\.0\.50 is this phone itself; name another/],
        ["call 10.77.0.0:4000", /10\.77\.0\.0 is no single host; name another/],
        ["call host:4000", /^error: EAI_NONAME: there is no host\.lan, or it has no such records$/m],
        ["call host.:4000", /^error: EAI_NONAME: there is no host, /],
        ["call nobody@lan:4000", /^error: EAI_NONAME: /],
        ["call 255.255.255.255:4000", /is no single host; name another/],
        ["call :4000", /ADDR:PORT/],
        [`call ${ECHO1} --codec g729`, /g729 is neither pcmu nor pcma; usage: call /],
        [`call ${ECHO1} --codec`, /--codec needs a value/],
        [`call ${ECHO1} --play music`, /music is none of tone, speech, echo/],
        [`call ${ECHO1} --play constructor`, /constructor is none of/],
        [`call ${ECHO1} --tuple none`, /none is none of dhcp, static, common/],
        [`call ${ECHO1} --tuple toString`, /toString is none of/],
        [`call ${ECHO1} --codec toString`, /toString is neither/],
        [`call ${ECHO1} --seconds 0`, /0 is not a number of seconds/],
        [`call ${ECHO1} --seconds -1`, /-1 is not a number of seconds/],
        [`call ${ECHO1} --seconds 1.5`, /1\.5 is not a number of seconds/],
        [`call ${ECHO1} --seconds ten`, /ten is not a number of seconds/],
        [`call ${ECHO1} --seconds 99999999999`, /99999999999 is not a number of seconds/],
        [`call ${ECHO1} --second 1`, /what is --second\?/],
        [`call ${ECHO1} ${ECHO1}`, /what is 10\.77\.0\.2:4000\?/],
        ["hangup", /usage: hangup /],
        ["hangup 1", /there is no call 1; see calls/],
        ["hangup none", /there is no call none; see calls/],
        ["hangup all now", /what is now\?/],
        ["ping", /ADDR is missing; usage: ping /],
        ["ping host", /^error: EAI_NONAME: there is no host\.lan/],
        ["ping 10.77.0.2.", /^error: EAI_NONAME: there is no 10\.77\.0\.2, /],
        ["ping 1.2.3.4.5", /1\.2\.3\.4\.5 is not an address; write it as 10\.77\.0\.2; usage: ping /],
        ["resolve", /NAME is missing; usage: resolve /],
        ["resolve echo1.lan echo2.lan", /what is echo2\.lan\?; usage: resolve /],
        ["resolve a..b", /EAI_NONAME: there is no a\.\.b/],
        ["ping 255.255.255.255", /is no single host; name another/],
        ["ping 10.77.0.255", /is no single host; name another/],
        ["ping 10.77.0.50", /10\.77\.0\.50 is this phone itself; name another/],
        ["ping 127.0.0.1", /127\.0\.0\.1 is this phone itself; name another/],
        ["ping 10.77.0.2 0", /0 is not a count/],
        ["ping 10.77.0.2 many", /many is not a count/],
        ["ping 10.77.0.2 1 1", /what is 1\?/],
        ["sleep", /how many seconds/],
        ["sleep -1", /how many seconds/],
        ["uptime 1", /what is 1\?; usage: uptime/],
        ["lease drop tp0", /drop is none of renew, release, ready/],
        ["lease renew", /IFACE is missing/],
        ["lease renew tp9", /tp9 has no lease; see ifconfig/],
        ["ifconfig -x", /what is -x\?/],
        ["netstat -j -j", /what is -j\?/],
        ["calls 1", /what is 1\?/],
        ["stats all", /what is all\?/],
        ["arp 1", /what is 1\?/],
        ["help nothing", /there is no command nothing; help lists them/],
        ["help call hangup", /what is hangup\?; usage: help /],
        ["? call hangup", /what is hangup\?; usage: help /],
        ["toString", /there is no command toString; help lists them/],
        ["help constructor", /there is no command constructor; help lists them/],
        ["ballast", /how many KB/],
        ["ballast 49", /how many KB/],
        ["ballast 49 --whole", /how many KB/],
        ["ballast 25", /25 KB may end the phone; (4|8|12) fit as long as no call is up/],
        ["ballast 48", /48 KB may end the phone; (4|8|12) fit as long as no call is up/],
    ]

    it("answers every mistake with one line that says what it is, and does nothing", async () => {
        for (const [line, says] of mistakes) await rig.fails(line, says)
        assert.equal(rig.lan.dhcp.counters.discover, 1)
        await rig.idle()
        assert.deepEqual(await rig.calls(), [])
    })

    it("says when nobody is there", async () => {
        const { ok, text } = await rig.exec(`ping ${DEAD} 2`)
        assert.equal(ok, false)
        assert.match(
            text,
            /^10\.77\.0\.240: no answer \(1\)\n10\.77\.0\.240: no answer \(2\)\n2 sent, 0 answered\nerror: 10\.77\.0\.240 does not answer; see [^\n]+\n$/
        )
        await rig.fails(`call ${DEAD}:4000`, /^error: EHOSTUNREACH: /)
        await rig.idle()
    })

    it("says when a call is refused", async () => {
        const { ok, text } = await rig.exec("call 10.77.0.2:4001 --seconds 5")
        assert.equal(ok, false)
        assert.match(text, /^call \d+ is up: .*\nerror: ECONNREFUSED: [^\n]+\n$/)
        await rig.idle()
    })

    it("says when there is no way to a network", async () => {
        const { ok, text } = await rig.exec("call 192.0.2.1:4000 --seconds 5")
        assert.equal(ok, false)
        assert.match(text, /error: EHOSTUNREACH: [^\n]+\n$/)
        await rig.idle()
    })

    it("pings what is there", async () => {
        const text = await rig.run("ping 10.77.0.3 2")
        assert.match(text, /^10\.77\.0\.3: seq=1 time=\d+ ms\n10\.77\.0\.3: seq=2 time=\d+ ms\n2 sent, 2 answered\n$/)
    })

    it("says for how many seconds the phone has been running", async () => {
        const seconds = async () => Number(/^up (\d+) s\n$/.exec(await rig.run("uptime"))![1])
        const before = await seconds()
        await rig.run("sleep 3")
        const passed = (await seconds()) - before
        assert.ok(passed === 3 || passed === 4, `${passed} s`)
    })

    it("tells more of one command, and lists them for a question mark, too", async () => {
        const all = await rig.run("help")
        assert.equal(await rig.run("?"), all)
        const names = all
            .split("\n")
            .filter(line => /^\w/.test(line))
            .map(line => line.split(" ")[0]!)
        for (const name of names) {
            const text = await rig.run(`help ${name}`)
            const [usage, what] = text.split("\n")
            assert.ok(usage!.split(" ")[0] === name && all.includes(`${usage}\n${what}\n`), text)
            assert.equal(text.split("\n").filter(line => /^\w/.test(line)).length, 1, text)
        }
        assert.match(await rig.run("? calls"), /^calls \[-j\]\n( {4}.*\n)+$/)
        assert.match(await rig.run("help call"), new RegExp(`At most ${CALLS} calls`))
        assert.match(await rig.run("help calls"), new RegExp(`more than ${constant("LATE_MAX")} ms late`))
    })

    it("names every command in help", async () => {
        const text = await rig.run("help")
        const named = text
            .split("\n")
            .filter(line => /^\w/.test(line))
            .map(line => line.split(" ")[0])
        assert.deepEqual(
            COMMANDS.filter(c => !named.includes(c)),
            []
        )
        for (const name of named) {
            const { text } = await rig.exec(`${name} --no-such-option`)
            assert.ok(!text.includes(`there is no command ${name}`), `help names ${name}`)
        }
    })

    it("gives listings with the keys that scripts rely on, as one line of JSON each", async () => {
        const keys: Record<string, string> = {
            ifconfig: "name address prefix mac gateway source leaseSeconds expiresIn sockets dscp",
            netstat: "sd type local remote iface process rx tx drops",
            calls: "id state direction local remote peer codec txFrames rxFrames lost jitterMs seconds",
        }
        await rig.call(ECHO1)
        await rig.call(ECHO1, "--tuple common")
        for (const [command, names] of Object.entries(keys)) {
            const text = await rig.run(`${command} -j`)
            assert.match(text, /^\[.*\]\n$/)
            const items = (JSON.parse(text) as Record<string, unknown>[]).filter(item => item.state !== "ended")
            // one more socket is that of signalling
            assert.equal(items.length, command === "netstat" ? 3 : 2, command)
            for (const item of items)
                assert.deepEqual(
                    names.split(" ").filter(name => !(name in item)),
                    [],
                    command
                )
        }
        const stats = await rig.run("stats -j")
        assert.match(stats, /^\{.*\}\n$/)
        for (const value of Object.values(JSON.parse(stats))) assert.ok(Number.isInteger(value))
        for (const command of ["arp", "lease"]) assert.ok(Array.isArray(JSON.parse(await rig.run(`${command} -j`))))
        await rig.run("hangup all")
        assert.deepEqual((await rig.sockets()).open, [])
    })

    it("gives listings for people, a line for each item under their titles", async () => {
        const call = await rig.call(ECHO1)
        for (const command of ["ifconfig", "netstat", "calls", "arp", "lease"]) {
            const lines = (await rig.run(command)).split("\n").slice(0, -1)
            const items = JSON.parse(await rig.run(`${command} -j`)) as unknown[]
            assert.ok(lines.length === items.length + 1, `${command}: ${lines.length} lines for ${items.length} items`)
        }
        assert.ok((await rig.run("calls")).includes(call.local!))
        await rig.run("hangup all")
    })

    /** Runs a command until it says `what`, and cancels it then. @returns how it ended, and all that it said */
    async function cancelled(line: string, what: RegExp): Promise<{ ok: boolean; text: string }> {
        const cancel = new AbortController()
        let text = ""
        const take = (part: string) => {
            text += part
            if (what.test(text)) cancel.abort()
        }
        const end = rig.phone.execute(line, take, cancel.signal)
        if (what.test("")) setImmediate(() => cancel.abort())
        return { ok: await end, text }
    }

    it("cancels a command that waits, which has failed then", async () => {
        assert.deepEqual(await cancelled("sleep 86400", /(?:)/), { ok: false, text: "" })
        const ping = await cancelled(`ping ${DEAD} 100`, /no answer \(1\)/)
        assert.equal(ping.ok, false)
        assert.match(ping.text, /\(1\)\n(10\.77\.0\.240: no answer \(2\)\n)?[12] sent, 0 answered\n$/)
    })

    it("hangs up a call whose command is cancelled, while it is placed and while it is up", async () => {
        const up = await cancelled(`call ${ECHO1} --seconds 86400`, /is up/)
        assert.equal(up.ok, false)
        assert.match(up.text, /^call \d+ is up: [^\n]+\ncall \d+ has ended: \d+ frames sent, [^\n]+\n$/)
        const call = await rig.callOf(Number(/\d+/.exec(up.text)![0]))
        assert.deepEqual([call.state, call.error], ["ended", null])
        await rig.idle()
        const placing = await cancelled(`call ${DEAD}:4000`, /(?:)/)
        assert.equal(placing.ok, false)
        assert.match(placing.text, /^error: E(CANCELED|HOSTUNREACH): /)
        await rig.idle()
    })

    it("refuses more commands than may run at the same time, and takes the next one when one has ended", async () => {
        const cancels = Array.from({ length: COMMANDS_AT_ONCE }, () => new AbortController())
        const slept = cancels.map(({ signal }) => rig.phone.execute("sleep 86400", () => {}, signal))
        await rig.fails("ifconfig", /too many commands are running; wait for one, or end it/)
        cancels[3]!.abort()
        assert.equal(await slept[3], false)
        assert.equal((await rig.interfaces()).length, 1)
        for (const cancel of cancels) cancel.abort()
        assert.deepEqual(
            await Promise.all(slept),
            cancels.map(() => false)
        )
    })

    it("tells of each call that ends by itself, once, and of no other", async () => {
        const events: string[] = []
        const listener = (text: string) => void events.push(text)
        rig.phone.on("event", listener)
        const refused = await Promise.all([9, 10, 11].map(port => rig.run(`call 10.77.0.2:${port}`)))
        const ids = refused.map(text => Number(/\d+/.exec(text)![0]))
        await until("three events", () => events.length >= 3)
        // what was asked for, or is told by its command, is no event
        await rig.exec("call 10.77.0.2:9 --seconds 5")
        await rig.run(`call ${ECHO1} --seconds 1`)
        await rig.call(ECHO1)
        await rig.run("hangup all")
        await rig.exec(`call ${DEAD}:4000`)
        await rig.idle()
        rig.phone.off("event", listener)
        assert.deepEqual(events.sort(), ids.map(id => `call ${id} has ended: nobody listens on that port`).sort())
        for (const id of ids) assert.equal((await rig.callOf(id)).error, "nobody listens on that port")
    })

    it("holds back what fits, whatever the heap was used for before, and no more", async () => {
        // after calls less is sure than on a phone that has had none
        const fits = BALLAST - 4
        await rig.fails(`ballast ${fits + 1}`, new RegExp(`may end the phone; ${fits} fit as long`))
        for (let round = 0; round < 3; round++) {
            assert.equal(await rig.run(`ballast ${fits}`), `${fits} KB held back\n`)
            for (let i = 0; i < CALLS; i++) await rig.call(`10.77.0.${2 + (i % 2)}:4000`)
            await rig.fails(`ballast ${fits}`, /may end the phone; \d+ fit as long as no call is up/)
            await until("all are heard", async () => (await rig.calls()).filter(c => c.state === "up" && c.rxFrames >= 5).length === CALLS)
            await rig.run("help")
            await rig.run("hangup all")
            await rig.run(`ballast ${round}`)
        }
        await rig.run("ballast 0")
        await rig.idle()
    })

    it("runs commands at the same time, and takes lines of any kind", async () => {
        const [slept, ...others] = await Promise.all([
            rig.exec("sleep 1"),
            ...Array.from({ length: 5 }, () => rig.json<unknown[]>("ifconfig -j")),
        ])
        assert.deepEqual([slept.ok, slept.text], [true, ""])
        for (const other of others) assert.equal(other.length, 1)
        assert.deepEqual(await rig.exec("   "), { ok: true, text: "" })
        assert.deepEqual(await rig.exec("  stats   -j  "), await rig.exec("stats -j"))
        await rig.fails("\u00e9\u4e16\ud83d\ude42 %s \\ \" '", /there is no command/)
        // four bytes each
        await rig.fails("\u{1f642}".repeat(58), /there is no command (\u{1f642})+;/u)
        await rig.fails("x".repeat(230), /there is no command/)
        await assert.rejects(rig.exec("x".repeat(235)), /longer than 234 bytes; shorten it/)
    })
})
