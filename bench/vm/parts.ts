/** What the parts of the firmware's work on a frame of voice cost, and what they allocate. */
import { type Firmware, FRAMES, TURNS } from "../peers/contenders.js"
import { CALLS, frameFor, Voice } from "../frames.js"
import { median, type Row, rowOf } from "../suite.js"

/** Parts of the firmware's work: what was timed, and what is part of that and not of this. */
const PARTS: [title: string, timed: string, without: string][] = [
    ["receive: stream", "chunk", "receive"],
    ["receive: Ethernet, IPv4, UDP header", "below the socket", "call"],
    ["  of it: address to interface", "interfaceOf", "loop"],
    ["receive: socket", "onPacket", "onPayload, udpChecksumHolds"],
    ["receive: UDP checksum", "udpChecksumHolds", "loop"],
    ["receive: RTP", "onPayload", "loop"],
    ["  of it: statistics", "countPacket", "loop"],
    ["transmit", "sendFrame", "write"],
    ["transmit: socket alone", "socket.transmit", "write"],
    ["transmit: speech alone", "writeSpeech", "loop"],
]

/** Frames in a block whose allocations are counted: so few that the collector seldom runs meanwhile. */
const COUNTED = 6

export interface Parts {
    /** Microseconds. */
    timed: Map<string, number>
    /** Bytes allocated for a frame, without those of the chunk; `undefined` if the heap cannot be seen. */
    transmitted: number | undefined
    received: number | undefined
}

/** @param slices as often all of it is measured @param blocks of each part */
export async function measureParts(
    firmware: Firmware,
    { slices, blocks }: { slices: number; blocks: number },
    voices: Voice[]
): Promise<Parts> {
    const frames = (n: number, count: number) =>
        Array.from({ length: count }, () => Array.from({ length: n }, (_, i) => frameFor(i % CALLS, voices[i % CALLS]!.packet())))
    await firmware.obey(frameFor(0, voices[0]!.packet()))
    const measured: Map<string, number>[] = []
    for (let i = 0; i < slices; i++) {
        const bare = median(await firmware.bareReceive(frames(FRAMES, blocks)))
        const chunk = median(await firmware.receive(frames(FRAMES, blocks)))
        const slice = new Map<string, number>()
        for (const [name, times] of await firmware.obey(`parts ${TURNS} ${blocks}`)) slice.set(name, median(times))
        slice.set("chunk", chunk - bare + slice.get("loop")!)
        const value = (names: string) => names.split(", ").reduce((sum, name) => sum + slice.get(name)!, 0)
        measured.push(new Map(PARTS.map(([title, timed, without]) => [title, value(timed) - value(without)])))
    }
    const undisturbed = (bytes: number[]) => (bytes.some(b => b > 0) ? median(bytes.filter(b => b > 0)) : undefined)
    await firmware.obey(`transmit ${COUNTED} 8`)
    const transmitted = undisturbed(firmware.bytes.get("transmit")!)
    const bare = undisturbed((await firmware.bare(frames(COUNTED, 8))).bytes)
    const all = undisturbed((await firmware.vm.arrive(frames(COUNTED, 8))).bytes)
    return {
        timed: new Map(PARTS.map(([title]) => [title, median(measured.map(m => m.get(title)!))])),
        transmitted,
        received: bare === undefined || all === undefined ? undefined : (all - bare) / COUNTED,
    }
}

export function partRows(parts: Parts[]): Row[] {
    const rows = PARTS.map(([title]) =>
        rowOf(
            title,
            "us",
            parts.map(run => run.timed.get(title)!)
        )
    )
    for (const [title, key] of [
        ["transmit: allocated", "transmitted"],
        ["receive: allocated, without the chunk", "received"],
    ] as const) {
        const bytes = parts.flatMap(run => run[key] ?? [])
        if (bytes.length > 0) rows.push(rowOf(title, "B", bytes))
    }
    return rows
}
