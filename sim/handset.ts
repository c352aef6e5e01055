/**
 * A handset on the Jacdac bus of a phone in the simulator: a microphone that hears a sound file, a loudspeaker, hook, ringer and keypad.
 * Specified in `services/handset.md`.
 */
import { EventEmitter } from "node:events"
import { PACKET_REPORT, Packet, type JDBus } from "jacdac-ts"
import { PCMA, PCMU, SILENCE, decoded } from "./sound.js"

const SERVICE_CLASS = 0x1a7d4c61
const VOICE = 0x80
const HOOK = 0x81
const KEY = 0x82
const RINGER = 0x83
/** Octets before the voice. */
const HEADER = 2
/** Milliseconds of voice in a packet of the microphone, and its octets. */
const FRAME_MS = 20
const FRAME = 160
/** Milliseconds between two times that the hook is told. */
const HOOK_MS = 500
/** Milliseconds by which this process may be late and still send every frame. */
const LATE_MAX = 200

interface Events {
    /** What the loudspeaker says next: linear samples of 16 bits at 8 kHz. */
    voice: [samples: Int16Array]
    /** Whether a call rings. */
    ring: [rings: boolean]
}

export class Handset extends EventEmitter<Events> {
    private isOff = false
    private rings = false
    private lastSequence: number | undefined
    private sequence = 0
    private position = 0
    private next = performance.now()
    private timer: NodeJS.Timeout | undefined
    private readonly hookTimer: NodeJS.Timeout
    private readonly stopListening: () => void
    /** Packets of the loudspeaker that did not arrive. */
    lost = 0

    /**
     * @param deviceId the phone's, on this bus
     * @param sound what the microphone hears, as mu-law, again and again; silence without it
     */
    constructor(
        private readonly bus: JDBus,
        private readonly deviceId: string,
        private readonly sound: Uint8Array = Buffer.alloc(0)
    ) {
        super()
        this.stopListening = bus.subscribe(PACKET_REPORT, (packet: Packet) => this.onReport(packet))
        this.hookTimer = setInterval(() => this.tellHook(), HOOK_MS)
        this.tellHook()
        this.send(RINGER, Buffer.alloc(0))
        if (sound.length > 0) this.speak()
    }

    stop(): void {
        clearInterval(this.hookTimer)
        clearTimeout(this.timer)
        this.stopListening()
    }

    /** Lift the handset off the hook, or lay it on. */
    hook(isOff: boolean): void {
        this.isOff = isOff
        this.tellHook()
    }

    /** Press a key. */
    key(digit: string): void {
        this.send(KEY, Buffer.from(digit, "latin1"))
    }

    /** Send any packet of voice, as a handset that is broken might. */
    sendVoice(format: number, data: Uint8Array): void {
        this.send(VOICE, Buffer.concat([Buffer.from([format, this.sequence++ & 0xff]), data]))
    }

    private tellHook(): void {
        this.send(HOOK, Buffer.from([Number(this.isOff)]))
    }

    /** Says 20 ms, each 20 ms: when this process was late, what it owes at once. */
    private speak(): void {
        const now = performance.now()
        if (now - this.next > LATE_MAX) this.next = now
        for (; this.next <= now; this.next += FRAME_MS) {
            const { sound } = this
            const frame = Buffer.alloc(FRAME, SILENCE)
            for (let i = 0; i < FRAME; i++) frame[i] = sound[(this.position + i) % sound.length]!
            this.position = (this.position + FRAME) % sound.length
            this.sendVoice(PCMU, frame)
        }
        this.timer = setTimeout(() => this.speak(), this.next - now)
    }

    private send(command: number, data: Buffer): void {
        const device = this.bus.device(this.deviceId, true)
        const index = device?.serviceClasses?.indexOf(SERVICE_CLASS) ?? -1
        // it restarts, or has not shown itself yet
        if (!device || index < 1) return
        const packet = Packet.from(command, data)
        packet.serviceIndex = index
        void packet.sendCmdAsync(device).catch(() => {})
    }

    private onReport(packet: Packet): void {
        if (packet.deviceIdentifier !== this.deviceId) return
        if (packet.device.serviceClasses?.[packet.serviceIndex] !== SERVICE_CLASS) return
        if (packet.serviceCommand === RINGER) {
            const rings = packet.data[0] === 1
            if (rings !== this.rings) this.emit("ring", (this.rings = rings))
        }
        if (packet.serviceCommand !== VOICE) return
        const [format, sequence] = packet.data
        const octets = packet.data.subarray(HEADER)
        if (this.lastSequence !== undefined) this.lost += (sequence! - this.lastSequence - 1) & 0xff
        this.lastSequence = sequence
        if (format === PCMU || format === PCMA) this.emit("voice", decoded(format, octets))
    }
}
