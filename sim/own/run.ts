/** A program of the reader's in a simulator VM: what it prints, and how it ends. */
import { once } from "node:events"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { Bus } from "../bus.js"
import { PROJECT, type PhyKind } from "../firmware.js"
import { writeFlash } from "../flash.js"
import type { End } from "../program.js"
import { spawnVm } from "../vm.js"
import { W5500Server } from "../w5500/server.js"
import type { Built } from "./build.js"

const END_TIMEOUT = 3_000
/** Milliseconds that the VM has to say where it was when it failed. */
const LAST_WORDS = 300
/** What `fibers.cjs` writes. */
const ENDED = "tuplephone: ended"
/** What the VM's process says when the program resets the board, which ends it here. */
const RESET = /^program exited \(with status: 0\)/

/** The colours in which the command line prints what the VM says, by what it is. */
const PRINTED = 95
const FAILED = 91
const NOTED = 33

/** What is meant by the runtime's names. */
const CAUSES: Record<string, string> = {
    InfiniteLoop: "it ran for too long without an await; let a loop wait for something, or await sleep(0)",
    OutOfMemory: "its memory is full",
    StackOverflow: "its calls are nested too deep",
}

export interface RunOptions {
    /** `HOST:PORT` of the LAN. */
    lan: string
    phy: PhyKind
    deviceId: string
    /** What the program's flash holds, beside `LAN`. */
    settings?: Record<string, string>
    verbose?: boolean
    /** Ends the program that long after it has started. */
    seconds?: number
    /** Gets what the program prints, in lines. */
    print(line: string): void
    /** Gets what the program and the runtime say beside it. */
    say(line: string): void
}

/** Runs until the program has ended. @param ended gets what puts things in order @throws if the program fails */
export async function runOwn({ image, folder, own, readable }: Built, options: RunOptions, ended: End[]): Promise<void> {
    const bus = await Bus.open()
    ended.unshift(() => bus.close())
    const controller = options.phy === "w5500" ? await W5500Server.start({ lan: options.lan }) : undefined
    if (controller) ended.unshift(() => controller.stop())
    const lan = controller ? `127.0.0.1:${controller.port}` : options.lan
    writeFlash(folder, { ...options.settings, LAN: `tcp://${lan}` })
    const vm = spawnVm({
        ...options,
        lan,
        image,
        folder,
        bus: bus.port,
        preload: [join(PROJECT, "sim/own/fibers.cjs")],
        env: { TUPLEPHONE_OWN_FUNCTIONS: JSON.stringify(own) },
    })
    ended.unshift(async () => {
        if (vm.exitCode !== null || vm.signalCode !== null || vm.pid === undefined) return
        const gone = once(vm, "exit")
        vm.kill("SIGTERM")
        const timer = setTimeout(() => vm.kill("SIGKILL"), END_TIMEOUT)
        await gone
        clearTimeout(timer)
    })
    await new Promise<void>((resolve, reject) => {
        const output = new Output(options, resolve, message => reject(new Error(readable(message))))
        createInterface({ input: vm.stdout! }).on("line", line => output.take(line))
        createInterface({ input: vm.stderr! }).on("line", line => RESET.test(line) || options.say(line))
        vm.on("exit", (code, signal) => reject(new Error(`the simulator has ended (${signal ?? code})`)))
        vm.on("error", error => reject(new Error(`the simulator does not start: ${error.message}`)))
    })
}

/** Reads what the command line prints of the VM. */
class Output {
    /** What the runtime has told of a failure. */
    private failure: string[] | undefined

    constructor(
        private readonly options: RunOptions,
        private readonly end: () => void,
        private readonly fail: (message: string) => void
    ) {}

    take(line: string): void {
        if (line === ENDED) return this.end()
        const [, colour, text] = /^WASM> \x1b\[(\d+)m(.*)\x1b\[0m$/.exec(line) ?? []
        if (text === undefined) this.other(line)
        else if (Number(colour) === PRINTED) this.options.print(text)
        else this.told(Number(colour), text)
    }

    private told(colour: number, text: string): void {
        if (colour === NOTED && text.startsWith("start: ")) this.started()
        if (colour === FAILED && /^(Unhandled exception|Exception: \w+)$/.test(text)) this.stop(text)
        else if (this.failure) this.failure.push(text)
        else if (colour === NOTED && text === "RESTART requested") this.end()
        else if (colour === FAILED || (colour === NOTED && !/^(DeviceScript |start: |stop program)/.test(text))) this.options.say(text)
        // a setting that makes no sense
        else if (this.options.verbose || text.startsWith("settings: ")) this.options.say(text)
    }

    private started(): void {
        if (this.options.seconds !== undefined) setTimeout(this.end, 1000 * this.options.seconds)
    }

    private other(line: string): void {
        const text = line.replace(/\x1b\[[0-9;]*m/g, "")
        if (this.options.verbose) this.options.say(text)
    }

    private stop(text: string): void {
        if (this.failure) return
        this.failure = [text]
        setTimeout(() => this.fail(explain(this.failure!)), LAST_WORDS)
    }
}

/** One line that says what has happened, then where. */
function explain([what, ...rest]: string[]): string {
    const [, name] = /^Exception: (\w+)$/.exec(what!) ?? []
    // without the numbers of functions
    const where = rest.filter(line => /^\s*at /.test(line)).map(line => `  ${line.replace(/\x1b\[\d+m| \[as \w+\]/g, "").trim()}`)
    if (name) return [`the program has stopped (${name}): ${CAUSES[name] ?? "the runtime gives no reason"}`, ...where].join("\n")
    const text = (key: string) => rest.map(line => new RegExp(`^\\s*${key}: (.*)$`).exec(line)?.[1]).find(value => value !== undefined)
    const thrown = [text("Exception"), text("message")].filter(value => value !== undefined).join(": ")
    return [`the program has stopped: ${thrown || what}`, ...where].join("\n")
}
