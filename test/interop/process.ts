/**
 * Programs of the host as the tests use them: started, watched, and ended by their id.
 */
import { spawn, type ChildProcess } from "node:child_process"
import { setTimeout as sleep } from "node:timers/promises"

/** Milliseconds that a condition may take to come true, unless its caller says otherwise. */
export const PATIENCE = 10_000

/**
 * Wait until a condition holds.
 *
 * @param what what is waited for, for the error
 * @param condition gives the awaited value, or undefined or false while there is none
 * @param patience at most this many milliseconds
 * @returns what the condition gave
 */
export async function until<T>(
    what: string,
    condition: () => T | undefined | false | Promise<T | undefined | false>,
    patience = PATIENCE
): Promise<T> {
    const end = performance.now() + patience
    for (;;) {
        const value = await condition()
        if (value !== undefined && value !== false) return value
        if (performance.now() > end) throw new Error(`${what}: not within ${patience} ms`)
        await sleep(10)
    }
}

/** How a program ended: one of the two is null. */
export interface Exit {
    code: number | null
    signal: NodeJS.Signals | null
}

export interface ProcessOptions {
    cwd?: string
    env?: NodeJS.ProcessEnv
    /** The signal at which the program finishes its files and ends; default SIGTERM. */
    endWith?: NodeJS.Signals
}

/** One program of the host, with all that it starts itself, and everything that it says. */
export class HostProcess {
    /** What came from standard output so far. */
    stdout = ""
    /** What came from standard error so far. */
    stderr = ""
    /** How it ended; undefined while it runs. */
    exit: Exit | undefined
    private readonly child: ChildProcess
    private failure: Error | undefined

    /** @param name what errors call it */
    constructor(
        readonly name: string,
        command: string,
        args: readonly string[],
        private readonly options: ProcessOptions = {}
    ) {
        // A process group of its own, so that ending it ends what it started. Its standard input
        // stays open: some (vde_switch) take the end of their input for the order to stop.
        this.child = spawn(command, args, {
            cwd: options.cwd,
            env: options.env,
            stdio: "pipe",
            detached: true,
        })
        this.child.stdout!.setEncoding("utf8").on("data", (text: string) => (this.stdout += text))
        this.child.stderr!.setEncoding("utf8").on("data", (text: string) => (this.stderr += text))
        this.child.stdin!.on("error", () => {})
        this.child.on("error", error => {
            this.failure = error
            this.exit ??= { code: null, signal: null }
        })
        this.child.on("close", (code, signal) => (this.exit = { code, signal }))
    }

    /** Both outputs, for messages. */
    get output(): string {
        return `${this.stdout}${this.stderr}`
    }

    /** An error about this program that carries the last of what it said. */
    error(what: string): Error {
        const tail = this.output.trimEnd().split("\n").slice(-20).join("\n")
        return new Error(`${this.name}: ${what}${this.failure ? ` (${this.failure.message})` : ""}\n${tail}`)
    }

    /**
     * Wait until a condition holds, or fail at once if the program ends before.
     *
     * @see until
     */
    async ready<T>(what: string, condition: () => T | undefined | false | Promise<T | undefined | false>, patience = PATIENCE): Promise<T> {
        try {
            return await until(
                what,
                async () => {
                    const value = await condition()
                    if (this.exit && (value === undefined || value === false)) throw new Error(`ended before: ${what}`)
                    return value
                },
                patience
            )
        } catch (error) {
            throw this.error((error as Error).message)
        }
    }

    /** Wait until the program ends by itself. */
    async ended(patience = PATIENCE): Promise<Exit> {
        return await this.ready("end", () => this.exit, patience)
    }

    /** Write to its standard input. */
    write(text: string): void {
        this.child.stdin!.write(text)
    }

    /**
     * End it and all that it started: asked first, and killed if it does not obey in 5 seconds.
     *
     * @param signal how it is asked, if not as its options say
     */
    async stop(signal = this.options.endWith ?? "SIGTERM"): Promise<Exit> {
        if (!this.exit) {
            this.signal(signal)
            await until("end", () => this.exit, 5000).catch(() => {})
        }
        // The group outlives its leader when a grandchild is slow.
        this.signal("SIGKILL")
        return await this.ended()
    }

    private signal(signal: NodeJS.Signals): void {
        if (this.child.pid === undefined) return
        try {
            process.kill(-this.child.pid, signal)
        } catch (error) {
            if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error
        }
    }
}

/**
 * Run a program to its end.
 *
 * @returns its standard output
 * @throws if it fails or takes longer than `patience` milliseconds
 */
export async function run(command: string, args: readonly string[], patience = PATIENCE): Promise<string> {
    const program = new HostProcess(`${command} ${args.join(" ")}`, command, args)
    try {
        const { code } = await program.ended(patience)
        if (code !== 0) throw program.error(`exit code ${code}`)
        return program.stdout
    } finally {
        await program.stop()
    }
}
