/** Calls at once on the embedded LAN: what is lost, and how far from its time each frame leaves. */
import { fork } from "node:child_process"
import { once } from "node:events"
import { createRequire } from "node:module"
import { fileURLToPath } from "node:url"
import { Rig, until, type Call } from "../../test/support/rig.js"
import { LATE, Observer, PTIME, type Departures, type Pause } from "../lan/departures.js"
import { rowAgainst, rowOf, type Options, type Row, type Suite } from "../suite.js"

const { watch } = createRequire(import.meta.url)("../vm/pauses.cjs") as { watch(tell: (pause: Pause) => void): () => void }

/** `CALLS` of `src/base/config.ts`: more has no place in the phone. */
const FULL_HOUSE = 8
const COUNTS = [1, 2, 4, FULL_HOUSE]
const SECONDS = 10
const QUICK_SECONDS = 1
const TARGETS = ["10.77.0.2:4000", "10.77.0.3:4000"]
const PROBE = fileURLToPath(new URL("../vm/pause-probe.cjs", import.meta.url))
const TIMERS = fileURLToPath(new URL("../lan/timers.ts", import.meta.url))
/** Milliseconds for what is to be done beside the talking. */
const PATIENCE = 10_000

interface Result extends Departures {
    /** Frames whose time came and that did not come back, wherever they were lost. */
    lost: number
    /** Milliseconds for which the machine did not run the phone, or us, at most in one go. */
    pause: number
}

/** All calls are placed in one moment, so that their frames fall due together: it is the worst that can be. */
async function callsAtOnce(rig: Rig, count: number, seconds: number): Promise<Result> {
    // neither the phone can send while the machine does not run it, nor can we see what it sends while that befalls us
    const pauses: Pause[] = []
    const listener = (line: string) => {
        if (line.startsWith("pause: ")) pauses.push(JSON.parse(line.slice("pause: ".length)))
    }
    rig.phone.on("log", listener)
    const unwatch = watch(pause => pauses.push(pause))
    const observer = new Observer(rig.lan)
    const texts = await Promise.all(
        Array.from({ length: count }, (_, i) => rig.run(`call ${TARGETS[i % TARGETS.length]} --play speech --seconds ${seconds}`))
    )
    const departures = observer.stop(pauses)
    rig.phone.off("log", listener)
    unwatch()
    const ids = texts.map(text => Number(/^call (\d+) is up/.exec(text)![1]))
    const calls = await Promise.all(ids.map(id => rig.callOf(id)))
    await rig.idle()
    // time that the clock skipped is as lost as a frame
    const due = (call: Call) => (seconds * 1000) / PTIME + call.skipped
    const pause = Math.max(0, ...pauses.map(p => p.ms))
    return { ...departures, pause, lost: calls.reduce((sum, call) => sum + due(call) - call.rxFrames, 0) }
}

async function timersAtOnce(rig: Rig, count: number, seconds: number): Promise<Result> {
    const observer = new Observer(rig.lan)
    const args = [`${rig.lan.host}:${rig.lan.port}`, String(count), String(seconds)]
    const child = fork(TIMERS, args, { execArgv: ["--import", "tsx"], stdio: ["ignore", "inherit", "inherit", "ipc"] })
    const ended = once(child, "exit")
    try {
        let received: number | undefined
        child.on("message", (message: { received: number }) => (received = message.received))
        await until("the timers", () => received !== undefined || child.exitCode !== null, seconds * 1000 + PATIENCE)
        if (received === undefined) throw new Error(`the program of plain timers has ended (${child.exitCode})`)
        return { ...observer.stop([]), pause: 0, lost: (count * seconds * 1000) / PTIME - received }
    } finally {
        child.kill()
        await ended
    }
}

/** The most calls of which, and of fewer, no frame was late or lost. */
export function withoutFault(results: Map<number, Pick<Result, "late" | "lost">[]>, run: number): number {
    let most = 0
    for (const [count, runs] of results) {
        if (runs[run].late > 0 || runs[run].lost > 0) break
        most = count
    }
    return most
}

function faultsOf(runs: Result[]): number {
    return runs.reduce((sum, r) => sum + r.late + r.lost, 0)
}

/** What a machine under load has to do with it: the phone is late then as everybody is. */
function missed(house: Result[], timers: Result[]): string {
    const frames = house.reduce((sum, r) => sum + r.frames, 0)
    const own = house.reduce((sum, r) => sum + r.lateBeyond, 0)
    return `${faultsOf(house)} of ${frames} frames, ${own} of them late beyond the machine's pauses; Node.js timers by ${faultsOf(timers)}`
}

function rows(results: Map<number, Result[]>, timers: Result[], seconds: number): Row[] {
    const runs = timers.map((_, i) => i)
    const full = Math.max(...results.keys())
    const house = results.get(full)!
    // what the machine does to everybody is shown, and is not the phone's
    const met = house.every(r => r.lost === 0 && r.lateBeyond === 0)
    const all: Row[] = [
        {
            ...rowOf(
                `calls at once without a fault, of ${full}`,
                "calls",
                runs.map(run => withoutFault(results, run))
            ),
            budget: {
                text: `${full} calls: no frame lost, or late by more than ${LATE} ms beyond the machine's pauses, in any run of ${seconds} s`,
                met,
                missedBy: met ? undefined : missed(house, timers),
            },
        },
    ]
    const add = (name: string, result: Result[], against?: Result[]) => {
        const row = (what: string, unit: string, of: (r: Result) => number) => {
            const text = `${name}, ${what}`
            const peer = `Node.js timers, ${what}`
            all.push(against ? rowAgainst(text, unit, result.map(of), peer, against.map(of)) : rowOf(text, unit, result.map(of)))
        }
        row("p50 late", "ms", r => r.p50)
        row("p99 late", "ms", r => r.p99)
        row("worst late", "ms", r => r.worst)
        // a ratio to a count that is 0 at best says nothing
        const count = (what: string, of: (r: Result) => number) => all.push(rowOf(`${name}, ${what}`, "frames", result.map(of)))
        count(`late > ${LATE} ms`, r => r.late)
        count("lost", r => r.lost)
    }
    for (const [count, result] of results) {
        const name = count === 1 ? "1 call" : `${count} calls`
        add(name, result, count === full ? timers : undefined)
        all.push(
            rowOf(
                `${name}, late > ${LATE} ms beyond pauses`,
                "frames",
                result.map(r => r.lateBeyond)
            )
        )
        all.push(
            rowOf(
                `${name}, longest pause`,
                "ms",
                result.map(r => r.pause)
            )
        )
    }
    add("Node.js timers", timers)
    return all
}

/** @param seconds of talking in each run @param counts of calls at once, rising */
export function callsSuite(seconds = SECONDS, counts = COUNTS): Suite {
    return {
        name: "calls",
        title: "Calls of 20 ms G.711 in both directions, all placed in one moment",
        async run({ runs, progress, quick }: Options): Promise<Row[]> {
            if (quick && seconds > QUICK_SECONDS) return await callsSuite(QUICK_SECONDS, counts).run({ runs, progress, quick })
            const results = new Map(counts.map(count => [count, [] as Result[]]))
            const timers: Result[] = []
            const rig = await Rig.start({ preload: [PROBE] })
            try {
                for (let i = 1; i <= runs; i++) {
                    for (const [count, list] of results) {
                        progress(`run ${i} of ${runs}: ${count} calls for ${seconds} s`)
                        list.push(await callsAtOnce(rig, count, seconds))
                    }
                    progress(`run ${i} of ${runs}: Node.js timers for ${seconds} s`)
                    timers.push(await timersAtOnce(rig, Math.max(...counts), seconds))
                }
            } finally {
                await rig.stop()
            }
            return rows(results, timers, seconds)
        },
    }
}

export const suite = callsSuite()
