/** A program of `devs` in the simulator VM, with its stream in our hands. */
import { type ChildProcess, spawn } from "node:child_process"
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { CLI, PROJECT } from "../../sim/firmware.js"

/** Milliseconds in which the program must be compiled and answer, and in which any order must be done. */
const TIMEOUT = 120_000
const RECENT_LINES = 40

/** What the cable tells: see `cable.cjs`. */
type Message =
    | { type: "said"; text: string; marks: Mark[] }
    | ({ type: "turns" } & Turns)
    | { type: "captured"; frames: Uint8Array[] }
    | ({ type: "stepped" } & Stepped)

/** A moment: sums since the VM has begun. */
interface Mark {
    time: number
    bytes: number
    instructions: number
}

export interface Said {
    /** What the program said. */
    what: any
    /** Microseconds of processor time of each block that it had timed. */
    blocks: number[]
    /** Bytes that each of them allocated; negative if the collector ran meanwhile, and 0 if it cannot be told. */
    bytes: number[]
    /** WebAssembly instructions that the VM executed in each of them; 0 if it has no meter. */
    instructions: number[]
}

export interface Turns {
    /** Of processor time, for each turn of the VM's loop. */
    microseconds: number[]
    /** As in `Said`. */
    bytes: number[]
    instructions: number[]
}

/** What happened in a step: see `stepped.cjs`. */
export interface Stepped {
    /** Milliseconds of the VM's clock, which began anywhere. */
    now: number
    /** What the program has sent, each behind its length, and said. */
    frames: Uint8Array[]
    said: string[]
    /** Bytes of the heap that its latest collection left. */
    live: number
}

/** How a program is run. */
export interface Running {
    /** Constants of `src/base/config.ts` that are to be something else. */
    sizes?: Record<string, number>
    /** Whether its instructions are counted: it is slower then. */
    metered?: boolean
    /** Whether its time goes on by `step` alone: see `stepped.cjs`. */
    stepped?: boolean
}

export class Vm {
    private readonly recent: string[] = []
    private readonly arrived: Message[] = []
    private wake = () => {}
    private failure: Error | undefined

    private constructor(
        private readonly child: ChildProcess,
        private readonly folder: string
    ) {
        for (const stream of [child.stdout!, child.stderr!]) createInterface({ input: stream }).on("line", line => this.onLine(line))
        child.on("message", message => {
            this.arrived.push(message as Message)
            this.wake()
        })
        child.on("error", error => this.fail(`the simulator does not start: ${error.message}`))
        child.on("exit", (code, signal) => this.fail(`the simulator has ended (${signal ?? code})`))
    }

    /**
     * Compiles a program and starts it.
     * @param program its path in `devs`
     */
    static start(program: string, { sizes = {}, metered = false, stepped = false }: Running = {}): Vm {
        // the compiler writes into the folder in which it runs, and looks there for its own modules
        const folder = mkdtempSync(join(tmpdir(), "tuplephone-bench-"))
        for (const part of ["src", "devs"]) cpSync(join(PROJECT, part), join(folder, part), { recursive: true })
        resize(join(folder, "src/base/config.ts"), sizes)
        const options = ["-v", "-v", "run", "--tcp", "--ignore-missing-config"]
        const args = [
            "--require",
            join(PROJECT, `bench/vm/${stepped ? "stepped" : "cable"}.cjs`),
            CLI,
            ...options,
            join(folder, "devs", program),
        ]
        const child = spawn(process.execPath, args, {
            cwd: folder,
            env: { ...process.env, NO_UPDATE_NOTIFIER: "1", TUPLEPHONE_METER: metered ? "1" : "" },
            stdio: ["ignore", "pipe", "pipe", "ipc"],
            serialization: "advanced",
            // Ctrl-C is for us alone; when we end, the cable ends the VM
            detached: true,
        })
        return new Vm(child, folder)
    }

    /** The next thing that the program says. */
    async said(): Promise<Said> {
        const { text, marks } = await this.next("said")
        const said: Said = { what: JSON.parse(text), blocks: [], bytes: [], instructions: [] }
        for (let i = 0; i + 1 < marks.length; i += 2) {
            const [begin, end] = [marks[i]!, marks[i + 1]!]
            said.blocks.push(end.time - begin.time)
            said.bytes.push(end.bytes - begin.bytes)
            said.instructions.push(end.instructions - begin.instructions)
        }
        return said
    }

    /** Whether it has said something that nobody has asked for yet. */
    get hasSaid(): boolean {
        return this.arrived.some(m => m.type === "said")
    }

    /**
     * Have chunks arrive before the next turns of the VM's loop.
     * @param chunks of each turn
     * @param clock what the VM's clock is in each turn, milliseconds from now; it runs again afterwards
     */
    async arrive(chunks: Uint8Array[][], clock?: number[]): Promise<Turns> {
        this.child.send({ type: "rounds", chunks, clock })
        return await this.next("turns")
    }

    /** What was said before time stood still: then the program is ready for `step`. */
    async ready(): Promise<Stepped> {
        return await this.next("stepped")
    }

    /** Of its random numbers from here on. */
    seed(seed: number): void {
        this.child.send({ seed })
    }

    /** Let its time go on by so many milliseconds, have chunks arrive, and wait until it has done what there is to do, and has said so many words. */
    async step(ms: number, chunks: Uint8Array[] = [], words = 0): Promise<Stepped> {
        this.child.send({ ms, chunks, words })
        return await this.next("stepped")
    }

    /** The frames that the program sends while `work` is done, each behind its length. */
    async capture(work: () => Promise<void>): Promise<Uint8Array[]> {
        this.child.send({ type: "capture" })
        await work()
        this.child.send({ type: "captured" })
        return (await this.next("captured")).frames
    }

    async stop(): Promise<void> {
        this.failure ??= new Error("the simulator was stopped")
        if (this.child.exitCode === null && this.child.signalCode === null && this.child.pid !== undefined) {
            const ended = new Promise(resolve => this.child.once("exit", resolve))
            this.child.kill("SIGKILL")
            await ended
        }
        rmSync(this.folder, { recursive: true, force: true })
    }

    private async next<T extends Message["type"]>(type: T): Promise<Extract<Message, { type: T }>> {
        const timer = setTimeout(() => this.fail(`the program did not answer within ${TIMEOUT / 1000} s`), TIMEOUT)
        try {
            while (true) {
                const at = this.arrived.findIndex(m => m.type === type)
                if (at >= 0) return this.arrived.splice(at, 1)[0] as Extract<Message, { type: T }>
                if (this.failure) throw this.failure
                await new Promise<void>(resolve => (this.wake = resolve))
            }
        } finally {
            clearTimeout(timer)
        }
    }

    private onLine(raw: string): void {
        const line = raw.replace(/\x1b\[[0-9;]*m/g, "").replace(/^(WASM)?> ?/, "")
        this.recent.push(line)
        if (this.recent.length > RECENT_LINES) this.recent.shift()
        // the VM goes on to print where it was: give it the time for that
        if (/Exception: \w+|Unhandled exception|^PANIC/.test(line)) setTimeout(() => this.fail("the program has stopped"), 200)
    }

    private fail(message: string): void {
        this.failure ??= new Error(`${message}; it last said:\n${this.recent.join("\n")}`)
        this.wake()
    }
}

function resize(config: string, sizes: Record<string, number>): void {
    let text = readFileSync(config, "utf8")
    for (const [name, size] of Object.entries(sizes)) {
        const line = new RegExp(`^export const ${name} = \\d+$`, "m")
        if (!line.test(text)) throw new Error(`there is no number ${name} in src/base/config.ts`)
        text = text.replace(line, `export const ${name} = ${size}`)
    }
    writeFileSync(config, text)
}
