/** The console on a Jacdac bus that another program carries, as the editor's development server does. */
import assert from "node:assert/strict"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { after, afterEach, before, describe, it } from "node:test"
import { JDBus, type Transport } from "jacdac-ts"
import { ConsoleClient } from "../../sim/console-client.js"
import { Console, PATIENCE, STOPPED } from "../support/console-program.js"
import { JacdacHub } from "../support/jacdac-hub.js"
import { Rig, sleep, until } from "../support/rig.js"

/** What has become of commands. */
interface Outcome {
    status: number | null
    stdout: string
    said: string
}

/** A console that runs beside several tests. */
interface Search {
    program: Console
    outcome: Promise<Outcome>
}

const idOf = (rig: Rig) => ConsoleClient.devices(rig.phone["bus"].jacdac)[0]!

describe("console on the bus of another program", () => {
    let rig: Rig
    let hub: JacdacHub
    /** Another Jacdac device, which is no phone, on a bus of its own. */
    let stranger: JDBus
    let strangerPort: number
    let second: Rig | undefined
    /** Consoles that look for a phone that is not there, and take their time for it: beside other tests. */
    let forAny: Search
    let forAnother: Search | undefined
    const hubs: JacdacHub[] = []
    const started: Console[] = []

    async function open(...buses: JDBus[]): Promise<JacdacHub> {
        const opened = await JacdacHub.open(...buses)
        hubs.push(opened)
        return opened
    }

    function run(port: number, ...args: string[]): Console {
        const program = new Console("--bus", String(port), ...args)
        started.push(program)
        return program
    }

    async function outcomeOf(program: Console): Promise<Outcome> {
        const status = await program.ended
        return { status, stdout: program.stdout, said: program.said() }
    }

    /** Runs commands to the end. */
    function exec(port: number, commands: string, ...args: string[]): Promise<Outcome> {
        return outcomeOf(run(port, "--exec", commands, ...args))
    }

    function search(port: number, ...args: string[]): Search {
        const program = new Console("--bus", String(port), "--exec", "help", ...args)
        return { program, outcome: outcomeOf(program) }
    }

    before(async () => {
        stranger = new JDBus([] as Transport[], { client: false })
        stranger.start()
        strangerPort = (await open(stranger)).port
        forAny = search(strangerPort)
        rig = await Rig.start()
        hub = await open(rig.phone["bus"].jacdac)
    })
    afterEach(() => {
        for (const program of started.splice(0)) program.signal("SIGKILL")
    })
    after(async () => {
        for (const searching of [forAny, forAnother]) searching?.program.signal("SIGKILL")
        for (const opened of hubs) await opened.close()
        await stranger?.stop()
        await second?.stop()
        await rig?.stop()
    })

    it("gives the phone's own answers, and their status", async () => {
        const { status, stdout, said } = await exec(hub.port, "help; dial; call 10.77.0.2:4000 --seconds 1")
        assert.deepEqual([status, said], [1, ""])
        const help = await rig.run("help")
        assert.ok(stdout.startsWith(help))
        assert.match(stdout.slice(help.length), /^error: there is no command dial; .+\ncall \d+ is up: .+\ncall \d+ has ended: .+\n$/)
    })

    it("takes a host as well", async () => {
        const program = new Console("--bus", `127.0.0.1:${hub.port}`, "--exec", "help")
        started.push(program)
        assert.equal(await program.ended, 0)
        assert.equal(program.stdout, await rig.run("help"))
    })

    it("says that nothing listens there, and what to do", async () => {
        const gone = await JacdacHub.open()
        const { port } = gone
        await gone.close()
        const { status, said } = await exec(port, "help")
        assert.equal(status, 1)
        assert.equal(
            said,
            `error: there is no Jacdac bus at 127.0.0.1:${port} (ECONNREFUSED); press play in the editor, or use npm start\n`
        )
    })

    it("says that what listens there is no bus, as the port for browsers, and which port is right", async () => {
        const server = createServer()
        await new Promise<void>(resolve => server.listen(0, "127.0.0.1", resolve))
        const { port } = server.address() as AddressInfo
        const { status, said } = await exec(port, "help")
        server.close()
        assert.equal(status, 1)
        assert.equal(said, `error: what listens at 127.0.0.1:${port} is no Jacdac bus; that of devs devtools is at port 8082\n`)
    })

    it("asks which of two phones is meant, and takes it by either identifier", async () => {
        second = await Rig.start()
        const { port } = await open(rig.phone["bus"].jacdac, second.phone["bus"].jacdac)
        forAnother = search(port, "--device", "XX99")
        const either = await exec(port, "help")
        assert.equal(either.status, 1)
        const [first, other] = [idOf(rig), idOf(second)]
        assert.match(either.said, /^error: there are 2 phones on the bus: .+, .+; say which with --device\n$/)
        for (const { shortId, deviceId } of [first, other]) assert.ok(either.said.includes(`${shortId} (${deviceId})`), either.said)

        const runs = [first.shortId, first.deviceId, other.shortId.toLowerCase(), other.deviceId]
        const answers = await Promise.all(runs.map(id => exec(port, "ifconfig -j", "--device", id)))
        assert.deepEqual(
            answers.map(({ status }) => status),
            [0, 0, 0, 0],
            answers.map(({ said }) => said).join("")
        )
        const macs = answers.map(({ stdout }) => JSON.parse(stdout)[0].mac)
        assert.deepEqual(macs, [rig.mac, rig.mac, second.mac, second.mac])
    })

    it("outlives a build, in which the bus is deaf, and says what became of the command", async () => {
        const program = run(hub.port)
        program.input("calls -j\nsleep 600\nhelp\n")
        await until("an answer", () => program.stdout.includes("\n"), PATIENCE)
        hub.deaf = true
        const interrupted = "error: the phone has left the bus, as when its program is built or stopped; run the command again\n"
        await until("the end of the command", () => program.stdout.includes(interrupted), PATIENCE)
        await until("a notice", () => program.said().includes("waiting for the phone to come back ..."), PATIENCE)
        hub.deaf = false
        assert.equal(await program.ended, 0, program.stdout + program.stderr)
        assert.ok(program.stdout.endsWith(`${interrupted}tuplephone> ${await rig.run("help")}tuplephone> `), program.stdout)
    })

    it("goes on when it was stopped for longer than a bus waits for a device", async () => {
        const program = run(hub.port)
        program.input("calls -j\nsleep 7\nhelp\n")
        await until("an answer", () => program.stdout.includes("\n"), PATIENCE)
        program.signal("SIGSTOP")
        await sleep(STOPPED)
        program.signal("SIGCONT")
        assert.equal(await program.ended, 0, program.stdout + program.stderr)
        assert.ok(program.stdout.endsWith(`]\ntuplephone> tuplephone> ${await rig.run("help")}tuplephone> `), program.stdout)
    })

    it("ends with the bus", async () => {
        const { jacdac } = rig.phone["bus"]
        const brief = await open(jacdac)
        const { port } = brief
        const program = run(port, "--exec", "calls -j; sleep 600")
        await until("an answer", () => program.stdout.endsWith("\n"), PATIENCE)
        hubs.splice(hubs.indexOf(brief), 1)
        await brief.close()
        assert.equal(await program.ended, 1)
        assert.equal(
            program.said(),
            `error: the bus at 127.0.0.1:${port} is gone: the program that carried it has ended; start it and this console again\n`
        )
    })

    it("says that there is no phone on the bus", async () => {
        const { status, said } = await forAny.outcome
        assert.equal(status, 1)
        assert.equal(
            said,
            `error: there is no phone on the bus at 127.0.0.1:${strangerPort}; press play in the editor, which starts the simulator\n`
        )
    })

    it("says which phones there are on the bus, if another one is wanted", async () => {
        const { status, said } = await forAnother!.outcome
        assert.equal(status, 1)
        assert.match(said, /^error: there is no phone XX99 on the bus at 127\.0\.0\.1:\d+; there is .+ \([0-9a-f]{16}\), .+\n$/)
    })
})
