/**
 * Simulated time for a test and the simulator VM that it starts (`--import`): one clock, in this process, where the LAN
 * and the model of the Ethernet controller are too. It goes on when all that was sent has arrived, all of it was dealt with
 * and the VM sleeps: then at once to the next thing that is due, here or there. Without a VM it is as quick as real time.
 *
 * What crosses a process or comes from the disk has no place in it: such a test runs in real time.
 */
import { subscribe } from "node:diagnostics_channel"
import { writeSync } from "node:fs"
import { createServer, type AddressInfo, type Socket } from "node:net"
import { createInterface } from "node:readline"
import { realClock } from "../../../sim/w5500/clock.js"
import { Timers, real } from "./timers.cjs"

interface Report {
    number: number
    /** Milliseconds since the VM began. */
    at: number
    /** Whether it has something to send. */
    holds: boolean
    /** Its connections: their TCP ports, its own first, the bytes written and read there, and whether it takes no more for now. */
    links: [ports: string, written: number, read: number, full: boolean][]
}

/** Turns of the event loop in which what is under way in this process comes to its end. */
const TURNS = 3
/** Milliseconds between looks at bytes on their way, and of real time at most. */
const LOOK = 1
const STEP = 20
/** Milliseconds that the VM may go on if nothing is due here. */
const FAR = 1000
/** Milliseconds for a VM that was ended to be gone, and looks after which what is on its way will not come: a minute or more. */
const PATIENCE = 60_000
const LOOKS = PATIENCE / LOOK
/** Milliseconds that are none, but for rounding. */
const ROUNDING = 1e-6

const timers = new Timers()
const realNow = performance.now.bind(performance)

/**
 * The ends of TCP connections that are in this process: those accepted by both their ports, the other end's first, since
 * the system gives one port to two connections that go to different ones.
 */
const accepted = new Map<string, Socket>()
const connected = new Set<Socket>()
subscribe("net.server.socket", message => {
    const { socket } = message as { socket: Socket }
    const ports = `${socket.remotePort}:${socket.localPort}`
    accepted.set(ports, socket)
    socket.once("close", () => accepted.get(ports) === socket && accepted.delete(ports))
})
subscribe("net.client.socket", message => {
    const { socket } = message as { socket: Socket }
    connected.add(socket)
    socket.once("close", () => connected.delete(socket))
})

/** Nothing would ever happen again, and no limit of a test end it: so all ends here, and says why. */
function giveUp(why: string): never {
    writeSync(2, `simulated time: ${why}\n`)
    process.exit(1)
}

let woken = (): void => {}
/** Resolves when something has happened, or after so many milliseconds of real time. */
function happens(ms = Infinity, wanted = true): Promise<void> {
    return new Promise(resolve => {
        const timer = ms < Infinity ? real.setTimeout(() => woken(), ms) : undefined
        if (!wanted) timer?.unref()
        woken = () => {
            real.clearTimeout(timer)
            resolve()
        }
    })
}

class Vm {
    private readonly began = timers.now
    private number = 0
    private report: Report | undefined

    constructor(readonly socket: Socket) {
        createInterface({ input: socket })
            .on("error", () => {})
            .on("line", line => {
                this.take(JSON.parse(line) as Report)
                woken()
            })
    }

    private take(report: Report): void {
        if (report.number !== this.number) return
        this.report = report
        timers.now = Math.max(timers.now, this.began + report.at)
    }

    /** Whether it has done what it could. */
    get sleeps(): boolean {
        return this.report !== undefined
    }

    /** Whether it waits with what it sends until all know how late it is: what arrived here is not later than that. */
    get holds(): boolean {
        return this.report!.holds
    }

    /** Whether what it has written is here, and what was written here is there. */
    get settled(): boolean {
        return this.report!.links.every(([ports, written, read, full]) => {
            const end = accepted.get(ports)
            // one that was cut: the VM cannot know before it reads again, and for that it needs time
            if (!end) return full
            return end.bytesRead === written && (full || end.bytesWritten === read)
        })
    }

    /** Lets it send what it holds, or, if that is nothing, go on until a moment at most. */
    go(until: number): void {
        this.report = undefined
        this.number++
        this.socket.write(`${JSON.stringify({ number: this.number, until: Math.min(until, timers.now + FAR) - this.began })}\n`)
    }

    toString(): string {
        return JSON.stringify({
            number: this.number,
            report: this.report,
            here: [...accepted].map(([ports, end]) => [ports, end.bytesRead, end.bytesWritten]),
        })
    }
}

let vm: Vm | undefined
function attach(socket: Socket): void {
    vm = new Vm(socket)
    socket.setNoDelay(true)
    socket.on("error", () => {})
    socket.on("close", () => {
        vm = undefined
        woken()
    })
    woken()
}
const server = createServer(socket => {
    if (!vm) return attach(socket)
    // one that was ended may not be known to be gone yet
    const timer = real.setTimeout(() => giveUp("it is for one VM after the other, and there is a second one beside the first"), PATIENCE)
    socket.on("error", () => {}).once("close", () => real.clearTimeout(timer))
    vm.socket.once("close", () => {
        real.clearTimeout(timer)
        if (!socket.destroyed) attach(socket)
    })
})
await new Promise<void>(resolve => server.listen(0, "127.0.0.1", resolve))
server.unref()
process.env.TUPLEPHONE_CLOCK = String((server.address() as AddressInfo).port)

/** Whether nothing is between two ends in this process. */
function ownSettled(): boolean {
    for (const socket of connected) {
        const end = accepted.get(`${socket.localPort}:${socket.remotePort}`)
        if (!socket.connecting && end && (end.bytesRead !== socket.bytesWritten || socket.bytesRead !== end.bytesWritten)) return false
    }
    return true
}

async function withoutVm(): Promise<void> {
    const since = realNow()
    await happens(Math.min(Math.max(timers.next - timers.now, 0), STEP), timers.wanted)
    timers.now = Math.min(timers.now + realNow() - since, Math.max(timers.next, timers.now))
    if (timers.next <= timers.now) timers.runNext()
}

async function flow(): Promise<never> {
    let looks = 0
    for (;;) {
        for (let i = 0; i < TURNS; i++) await new Promise(resolve => real.setImmediate(resolve))
        if (vm?.sleeps && !vm.holds && !(vm.settled && ownSettled())) {
            // counted, not timed: a machine that stands still for long is no fault
            if (++looks > LOOKS) giveUp(`it stands still: ${vm}`)
            await happens(LOOK)
            continue
        }
        looks = 0
        if (!vm) await withoutVm()
        else if (!vm.sleeps) await happens()
        else if (vm.holds) vm.go(timers.now)
        else if (timers.next <= timers.now + ROUNDING) timers.runNext()
        else vm.go(timers.next)
    }
}

timers.installClocks()
timers.install()
timers.onSet = () => woken()
Object.assign(realClock, {
    now: () => Math.round(timers.now * 1e6),
    wake(at: number, action: () => void) {
        const timer = timers.set(Math.max(at / 1e6 - timers.now, 0), action)
        return () => timers.clear(timer)
    },
})
flow().catch((error: Error) => giveUp(error.stack!))
