import * as ds from "@devicescript/core"
import { DatagramSocket } from "../../src/socket/datagram"
import { receive } from "../../src/ip/input"
import { followLink } from "../../src/link/ethernet"
import { w5500Phy } from "../../src/phy/w5500/driver"
import { sendFrame } from "../../src/rtp/session"
import { settleSockets, sockets } from "../../src/socket/table"
import { MAC, openCalls, sessions, startOn } from "./calls"
import { QuietChip } from "./chip"
import { PAUSE, RESUME, mark, say, settleHeap, stream } from "./measure"

/**
 * Eight calls over the driver of a W5500, in rounds as a call has them each 20 ms: frames have arrived, others are sent, and
 * the driver has both out of the way. What is counted is all of that but the chip; or the driver alone, under which the
 * stack is not counted either. `bench/vm/instructions.ts` says which, and orders the rounds.
 */
const TURNS = 100

const chip = new QuietChip()
const phy = w5500Phy(chip, MAC.getAt(0, "i32"), MAC.getAt(4, "u16"))

function receiveUncounted(b: Buffer, offset: number, length: number): void {
    stream._socketWrite(PAUSE)
    receive(b, offset, length)
    stream._socketWrite(RESUME)
}

/** How many frames all calls have heard. */
function heard(): number {
    settleSockets()
    let frames = 0
    for (const socket of sockets) frames += socket.rx
    return frames
}

/** @param order how many calls send, and the frames that arrive, each behind its length as in the chip's buffer */
async function round(order: Buffer, alone: boolean) {
    const out = order[0]
    chip.begin(order, 1)
    const before = heard()
    settleHeap()
    mark()
    if (alone) for (let i = 0; i < out; i++) phy.transmit((sockets[i] as DatagramSocket).frame)
    else for (let i = 0; i < out; i++) sendFrame(sessions[i])
    for (let i = 0; i < TURNS && !chip.done(out); i++) await ds.sleep(0)
    mark()
    say({ sent: chip.sent, received: heard() - before })
}

let open = false
/** The first order: 1 for the driver alone, 0 for all. */
let scope: Buffer
stream._socketOnEvent = (event, arg) => {
    if (event !== "data") open = event === "open"
    else if (scope) round.start(arg as Buffer, scope[0] === 1)
    else scope = arg
}
stream._socketOpen("127.0.0.1", 4789)
while (!open) await ds.sleep(1)
say({ waits: true })
while (!scope) await ds.sleep(1)

startOn(phy)
phy.start(scope[0] === 1 ? receiveUncounted : receive, followLink)
while (!phy.up) await ds.sleep(1)
await openCalls()
say({ ready: true })
