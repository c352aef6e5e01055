/** One board: its serial line, and the console of the phone on it. */
import { createNodeWebSerialTransport, DISCONNECT, JDBus, SELF_ANNOUNCE } from "jacdac-ts"
import type { SerialPort } from "serialport"
import { jacdacLog } from "../jacdac-log.js"
import { Runner } from "../runner.js"
import { serialPackage } from "./ports.js"

/** Milliseconds until the console must have shown itself: opening its port makes some boards start anew. */
const FIND_TIMEOUT = 8_000
/** Milliseconds before the port is tried again when nothing at all came from it. */
const RETRY_PAUSE = 500
const DOCUMENTATION = "docs/boards.md"

/** What went wrong with a port, as the driver of each system says it. */
const OPEN_ERRORS: [pattern: RegExp, says: (path: string) => string][] = [
    [/no such file|file not found|ENOENT|ENXIO|no such device/i, path => `there is no ${path}; --list shows the serial ports`],
    [
        /cannot lock|temporarily unavailable|busy/i,
        path => `${path} is in use; end the program that has it, such as another console or devs devtools`,
    ],
    [/access denied/i, path => `${path} is in use, or you may not open it; end the program that has it`],
    [
        /permission denied|not permitted|EACCES/i,
        path =>
            `you may not open ${path}; become a member of the group that it belongs to (sudo usermod -aG dialout $USER) and log in again`,
    ],
    [/ioctl|is a directory|not a tty|bad file|invalid/i, path => `${path} is no serial port; --list shows them`],
]

export function openError(path: string, message: string): Error {
    const [, says] = OPEN_ERRORS.find(([pattern]) => pattern.test(message)) ?? []
    return new Error(says ? says(path) : `${path} does not open (${message})`)
}

/**
 * The library's transport looks for a port by itself, and tells nobody why it could not open it; this lets it find the
 * one port, and takes note.
 */
function only(path: string, Port: typeof SerialPort, failed: (error: Error) => void): typeof SerialPort {
    return class extends Port {
        static async list() {
            // a serial number like this is what the transport knows a board by
            return [{ path, serialNumber: "JD" }] as Awaited<ReturnType<typeof SerialPort.list>>
        }

        constructor(options: ConstructorParameters<typeof Port>[0], opened?: (error: Error | null) => void) {
            super(options, error => {
                if (error) failed(openError(path, error.message))
                opened?.(error)
            })
            this.on("close", (error: Error | null) => {
                if (error)
                    failed(new Error(`${path} is gone: the board was unplugged or has restarted; plug it in and start the console again`))
            })
        }
    } as typeof SerialPort
}

export class Board extends Runner {
    private readonly bus: JDBus

    private constructor(
        private readonly path: string,
        Port: typeof SerialPort
    ) {
        super()
        const transport = createNodeWebSerialTransport(only(path, Port, error => this.failWith(error)))
        this.bus = new JDBus([transport], { client: true, disableRoleManager: true })
        // after a second of silence the transport opens the port once more
        transport.on(DISCONNECT, () => this.client?.interrupt(new Error("the line was interrupted; run the command again")))
        this.watchLeave(this.bus, () =>
            this.failWith(new Error(`the phone on ${path} does not answer any more; reset the board and start the console again`))
        )
        jacdacLog.on("board", this.onLog)
        jacdacLog.on("damaged", this.onDamaged)
    }

    /** Opens the port of a board; in a process there may be one. Resolves when the phone's console answers. */
    static async open(path: string, watch: (board: Board) => void = () => {}): Promise<Board> {
        const board = new Board(path, await serialPackage())
        watch(board)
        board.bus.start()
        // the transport takes silence for a lost line unless this process itself stood still, which it knows by the time
        // from one pulse to the next: the first one is now, half a second before the bus makes its own
        board.bus.emit(SELF_ANNOUNCE)
        void board.connect()
        await board.find(board.bus, FIND_TIMEOUT, () => board.silence())
        return board
    }

    /** Closes the port. */
    async stop(): Promise<void> {
        this.failure ??= new Error("the console was closed")
        jacdacLog.off("board", this.onLog)
        jacdacLog.off("damaged", this.onDamaged)
        await this.bus.stop()
        await this.bus.disconnect()
    }

    /** The transport gives up after 2 s of silence, in which a board may be starting. */
    private async connect(): Promise<void> {
        while (!this.failure && !this.bus.connected) {
            await this.bus.connect(true)
            if (!this.bus.connected) await new Promise(resolve => setTimeout(resolve, RETRY_PAUSE))
        }
    }

    private silence(): Error {
        const others = this.bus.devices().filter(device => device !== this.bus.selfDevice)
        if (others.length > 0)
            return new Error(`there is Jacdac on ${this.path}, but no Tuplephone with a console; deploy the firmware: ${DOCUMENTATION}`)
        return new Error(`there is nothing Jacdac on ${this.path}; is it a Tuplephone? Flash it: ${DOCUMENTATION}`)
    }

    private readonly onLog = (line: string) => this.emit("log", line)

    private readonly onDamaged = () => {
        if (this.client && this.client.waiting > 0)
            this.emit("notice", "the line has damaged a packet; if an answer does not end, press Ctrl-C and run its command again")
    }
}
