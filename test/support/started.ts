/** The commands that a user starts, as a test runs them. */
import { spawn } from "node:child_process"
import { PROJECT } from "../../sim/firmware.js"

/** Without the program `tsx`: that kills its child if it does not answer a signal within 30 ms. */
const START = [process.execPath, "--import", "tsx", "sim/start.ts"]
/** `npm run program`, as it is called from anywhere. */
const RUN_PROGRAM = ["npm", "--silent", "--prefix", PROJECT, "run", "program", "--"]

/** What a user's terminal does: starts a command, `npm start` unless another is given, in a process group of its own. */
export class Started {
    stdout = ""
    stderr = ""
    readonly ended: Promise<number | null>
    private readonly child

    constructor(args: string[], env: NodeJS.ProcessEnv = {}, [command, ...first] = START, cwd = PROJECT) {
        this.child = spawn(command!, [...first, ...args], {
            cwd,
            stdio: ["pipe", "pipe", "pipe"],
            detached: true,
            env: { ...process.env, ...env },
        })
        this.child.stdout.setEncoding("utf8").on("data", (text: string) => (this.stdout += text))
        this.child.stderr.setEncoding("utf8").on("data", (text: string) => (this.stderr += text))
        this.ended = new Promise(resolve => this.child.on("close", resolve))
    }

    get isRunning(): boolean {
        return this.child.exitCode === null && this.child.signalCode === null
    }

    get pid(): number {
        return this.child.pid!
    }

    /** To the whole group, as Ctrl-C does. */
    interrupt(): void {
        process.kill(-this.pid, "SIGINT")
    }

    /** The launcher and its parent, but not the VM, which must notice by itself. */
    kill(): void {
        process.kill(-this.pid, "SIGKILL")
    }

    input(text: string): void {
        this.child.stdin.write(text)
    }

    endInput(): void {
        this.child.stdin.end()
    }
}

/** `npm run program`. @param cwd the folder in which it is called */
export function startProgram(args: string[], env: NodeJS.ProcessEnv, cwd: string): Started {
    return new Started(args, env, RUN_PROGRAM, cwd)
}
