/** The console's commands: what they answer, and how they fail. */
import assert from "node:assert/strict"
import { after, before, describe, it } from "node:test"
import { Rig } from "./support/rig.js"

const ECHO1 = "10.77.0.2:4000"
/** Nobody has this address. */
const DEAD = "10.77.0.240"
const COMMANDS = ["help", "ifconfig", "netstat", "arp", "ping", "lease", "call", "hangup", "calls", "stats", "sleep", "ballast"]

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
        ["call 10.77.0.256:4000", /ADDR:PORT/],
        ["call 10.77.2:4000", /ADDR:PORT/],
        ["call 10.77.0.0.2:4000", /ADDR:PORT/],
        ["call 0.0.0.0:4000", /ADDR:PORT/],
        ["call 127.0.0.1:4000", /ADDR:PORT/],
        ["call 224.0.0.1:4000", /ADDR:PORT/],
        ["call 255.255.255.255:4000", /ADDR:PORT/],
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
        ["ping host", /host is not the address of a host/],
        ["ping 255.255.255.255", /is not the address of a host/],
        ["ping 10.77.0.2 0", /0 is not a count/],
        ["ping 10.77.0.2 many", /many is not a count/],
        ["ping 10.77.0.2 1 1", /what is 1\?/],
        ["sleep", /how many seconds/],
        ["sleep -1", /how many seconds/],
        ["lease drop tp0", /drop is none of renew, release, ready/],
        ["lease renew", /IFACE is missing/],
        ["lease renew tp9", /tp9 has no lease; see ifconfig/],
        ["ifconfig -x", /what is -x\?/],
        ["netstat -j -j", /what is -j\?/],
        ["calls 1", /what is 1\?/],
        ["stats all", /what is all\?/],
        ["arp 1", /what is 1\?/],
        ["help call", /what is call\?/],
        ["ballast", /how many KB/],
        ["ballast 49", /how many KB/],
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
        assert.match(text, /^10\.77\.0\.240: no answer \(1\)\n10\.77\.0\.240: no answer \(2\)\n2 sent, 0 answered\nerror: 10\.77\.0\.240 does not answer; see [^\n]+\n$/)
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

    it("names every command in help", async () => {
        const text = await rig.run("help")
        const named = text.split("\n").filter(line => /^\w/.test(line)).map(line => line.split(" ")[0])
        assert.deepEqual(COMMANDS.filter(c => !named.includes(c)), [])
        for (const name of named) {
            const { text } = await rig.exec(`${name} --no-such-option`)
            assert.doesNotMatch(text, /there is no command/, `help names ${name}`)
        }
    })

    it("gives listings with the keys that scripts rely on, as one line of JSON each", async () => {
        const keys: Record<string, string> = {
            ifconfig: "name address prefix mac gateway source leaseSeconds expiresIn sockets dscp",
            netstat: "sd type local remote iface process rx tx drops",
            calls: "id state local remote codec txFrames rxFrames lost jitterMs seconds",
        }
        await rig.call(ECHO1)
        await rig.call(ECHO1, "--tuple common")
        for (const [command, names] of Object.entries(keys)) {
            const text = await rig.run(`${command} -j`)
            assert.match(text, /^\[.*\]\n$/)
            const items = (JSON.parse(text) as Record<string, unknown>[]).filter(item => item.state !== "ended")
            assert.equal(items.length, 2, command)
            for (const item of items) assert.deepEqual(names.split(" ").filter(name => !(name in item)), [], command)
        }
        const stats = await rig.run("stats -j")
        assert.match(stats, /^\{.*\}\n$/)
        for (const value of Object.values(JSON.parse(stats))) assert.ok(Number.isInteger(value))
        for (const command of ["arp", "lease"]) assert.ok(Array.isArray(JSON.parse(await rig.run(`${command} -j`))))
        await rig.run("hangup all")
        assert.equal(await rig.run("netstat -j"), "[]\n")
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

    it("runs commands at the same time, and takes lines of any kind", async () => {
        const [slept, ...others] = await Promise.all([rig.exec("sleep 1"), ...Array.from({ length: 5 }, () => rig.json<unknown[]>("ifconfig -j"))])
        assert.deepEqual([slept.ok, slept.text], [true, ""])
        for (const other of others) assert.equal(other.length, 1)
        assert.deepEqual(await rig.exec("   "), { ok: true, text: "" })
        assert.deepEqual(await rig.exec("  stats   -j  "), await rig.exec("stats -j"))
        await rig.fails("\u00e9\u4e16\ud83d\ude42 %s \\ \" '", /there is no command/)
        await rig.fails("x".repeat(230), /there is no command/)
        await assert.rejects(rig.exec("x".repeat(235)), /longer than 234 bytes; shorten it/)
    })
})
