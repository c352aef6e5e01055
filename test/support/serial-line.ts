/**
 * A board's USB serial line without a board: a pseudo-terminal whose one end a program opens as a serial port, while at
 * the other end are the packets of a Jacdac bus and the text of a log, as a board's runtime sends them.
 *
 * @see Jacdac, USB bridge service: a packet stands between two-byte marks, everything else is the log
 */
import { fork, type ChildProcess } from "node:child_process"
import { once } from "node:events"
import { join } from "node:path"
import {
    JDBridge,
    JD_FRAME_FLAG_IDENTIFIER_IS_SERVICE_CLASS,
    SRV_USB_BRIDGE,
    UsbBridgeCmd,
    UsbBridgeQByte as Mark,
    type JDBus,
} from "jacdac-ts"
import { PROJECT } from "../../sim/firmware.js"

/** What a USB packet holds; the runtime fills one after the other. */
const USB_PACKET = 64
/** Offsets in a frame. */
const FLAGS = 3
const SERVICE_CLASS = 4
const COMMAND = 14

/** The packets of a bus, in both directions. */
export class Tap extends JDBridge {
    constructor(private readonly onFrame: (frame: Uint8Array) => void) {
        super("serial line")
    }

    protected sendPacket(frame: Uint8Array): void {
        this.onFrame(frame)
    }
}

/** @returns the bytes with each that would be a mark's first replaced by two */
function quoted(bytes: Uint8Array): number[] {
    return [...bytes].flatMap(byte => (byte === Mark.Magic ? [Mark.Magic, Mark.LiteralMagic] : [byte]))
}

export class SerialLine {
    /** What is done to a packet on its way to the program, marks included. */
    distort: (packet: Buffer) => Buffer = packet => packet
    private readonly tap = new Tap(frame => this.send(frame))
    private enabled = false
    /** The bytes of the frame that is coming, while one is. */
    private frame: number[] | undefined
    private marked = false

    private constructor(
        private readonly terminal: ChildProcess,
        /** What the program opens. */
        readonly path: string
    ) {}

    /** @param bus what the board is connected with; without it, it does not know Jacdac */
    static async open(bus?: JDBus): Promise<SerialLine> {
        const terminal = fork(join(PROJECT, "test/support/pseudo-terminal.ts"), { serialization: "advanced" })
        const [path] = (await once(terminal, "message")) as [string]
        const line = new SerialLine(terminal, path)
        if (bus) {
            terminal.on("message", bytes => line.receive(Buffer.from(bytes as Uint8Array)))
            line.tap.bus = bus
        }
        return line
    }

    /** The board logs something; nothing keeps it from doing so between two packets. */
    log(text: string): void {
        this.write(Buffer.from(quoted(Buffer.from(text))))
    }

    /** Bytes as they are. */
    write(bytes: Buffer): void {
        for (let at = 0; at < bytes.length; at += USB_PACKET) this.terminal.send(bytes.subarray(at, at + USB_PACKET))
    }

    /** Takes the board off: the program's end is hung up. */
    async unplug(): Promise<void> {
        if (!this.terminal.connected) return
        if (this.tap.bus) this.tap.bus = undefined as unknown as JDBus
        this.terminal.disconnect()
        await once(this.terminal, "exit")
    }

    /** One frame on its way to the program. */
    send(frame: Uint8Array): void {
        if (!this.enabled) return
        this.write(this.distort(Buffer.from([Mark.Magic, Mark.FrameStart, ...quoted(frame), Mark.Magic, Mark.FrameEnd])))
    }

    private receive(bytes: Buffer): void {
        for (const byte of bytes) {
            if (this.marked) {
                this.marked = false
                if (byte === Mark.FrameStart) this.frame = []
                else if (byte === Mark.FrameEnd) {
                    if (this.frame) this.take(Buffer.from(this.frame))
                    this.frame = undefined
                } else if (byte === Mark.LiteralMagic) this.frame?.push(Mark.Magic)
            } else if (byte === Mark.Magic) this.marked = true
            else this.frame?.push(byte)
        }
    }

    private take(frame: Buffer): void {
        const forBridge = frame[FLAGS]! & JD_FRAME_FLAG_IDENTIFIER_IS_SERVICE_CLASS && frame.readUInt32LE(SERVICE_CLASS) === SRV_USB_BRIDGE
        if (!forBridge) return void this.tap.receiveFrameOrPacket(new Uint8Array(frame))
        const command = frame.readUInt16LE(COMMAND)
        if (command === UsbBridgeCmd.EnablePackets) this.enabled = true
        // the board answers with the same
        this.send(frame)
    }
}
