import { SAMPLES_PER_FRAME } from "../../src/base/config"
import { mosOf } from "../../src/rtp/quality"
import { RECEPTION_SIZE, countPacket } from "../../src/rtp/reception"
import { Playout } from "../../src/rtp/playout"
import { hearReport, reportOf } from "../../src/rtp/rtcp"
import { Codec } from "../../src/voice/g711"
import { SPEECH } from "../../src/voice/speech"
import { Tone, writeTones } from "../../src/voice/tones"
import { htonl } from "../../src/wire/order"
import { RTP_HEADER, RTP_TIMESTAMP } from "../../src/wire/rtp"
import { keepCalm, openQuietly, say, time } from "./measure"

/** What the handset's part of a call costs, for each 20 ms, and RTCP: for `bench/vm/costs.ts`. Nothing arrives here. */
const BLOCKS = 6
await openQuietly()
keepCalm(true)

const FRAME = SAMPLES_PER_FRAME
/** Where the speech is loud. */
const LOUD = 9600
const packet = Buffer.alloc(RTP_HEADER + FRAME)
packet.blitAt(RTP_HEADER, SPEECH, LOUD, FRAME)
const out = Buffer.alloc(FRAME)
const reception = Buffer.alloc(RECEPTION_SIZE)
for (let s = 1; s < 10; s++) countPacket(reception, 7, s, 0)

const playout = new Playout()
playout.begin(Codec.PCMU)
let said = 0

function hear(): void {
    packet.setAt(RTP_TIMESTAMP, "i32", htonl(said * FRAME))
    said++
    playout.hear(packet, 0, RTP_HEADER, FRAME)
}

function read(): void {
    playout.read(out, 0)
}

async function cost(name: string, prepare: () => void, work: () => void): Promise<void> {
    for (let i = 0; i < BLOCKS; i++) {
        prepare()
        await time(name, 1, 1, () => work())
    }
}

const nothing = () => {}
hear()
hear()
await cost("nothing", nothing, nothing)
await cost("hear", read, hear)
await cost("read", hear, read)
// one is missing
await cost(
    "conceal",
    () => {
        for (let i = 0; i < 4; i++) {
            hear()
            read()
        }
        read()
    },
    read
)
await cost("tone", nothing, () => writeTones(Tone.Ringback, 0, out, 0, Codec.PCMU))
const report = reportOf(packet, 0, reception, 500, FRAME, 0x0a4d0033, false)
await cost("report", nothing, () => reportOf(packet, 0, reception, 500, FRAME, 0x0a4d0033, false))
await cost("hearReport", nothing, () => hearReport(reception, 7, report, 0, report.length))
await cost("mos", nothing, () => mosOf(reception))
say("end")
