/** Commands about the phone itself: waiting, how long it has been running, restarting, its memory. */
import * as ds from "@devicescript/core"
import { inUse } from "../address/ready"
import { BALLAST_PIECES, BALLAST_SURE, MTU } from "../base/config"
import { phy } from "../link/ethernet"
import { listedCalls } from "../telephone/telephone"
import { restart } from "../telephone/uptime"
import { Printer, check, noMore, numberOf, takeFlag } from "./command"

const KB = 1024
/** Bytes that a block of ballast takes beside its own: its header, and its place in the list. */
const BLOCK_OVERHEAD = 24

let ballast: Buffer[]

export async function holdBallast(args: string[], out: Printer): Promise<void> {
    const whole = takeFlag(args, "--whole")
    // less than the heap
    const kb = numberOf(args.shift(), 0, 48, "say how many KB, 0 to 48")
    noMore(args)
    // the runtime does not tell how much is free, and ends a program that asks for too much
    let most = BALLAST_SURE - phy.heap
    if (listedCalls().length > 0) most -= BALLAST_PIECES
    let sure = most
    if (inUse()) sure = 0
    if (whole) sure = kb
    check(kb <= sure, `${kb} KB may end the phone; ${most} fit as long as no call is up`)
    // what was held before makes room
    ballast = []
    // nothing in the phone asks for more than a packet once it is up
    let size = KB / 2
    if (whole) size = MTU
    for (let rest = kb * KB; rest > 0; rest -= size) ballast.push(Buffer.alloc(Math.min(rest, size) - BLOCK_OVERHEAD))
    await out.print(`${kb} KB held back`)
}

export async function sleep(args: string[], out: Printer): Promise<void> {
    const seconds = numberOf(args.shift(), 0, 86400, "say how many seconds, 0 to 86400")
    noMore(args)
    const fiber = ds.Fiber.self()
    out.onCancel = () => fiber.resume(true)
    await ds.suspend(seconds * 1000)
}

export async function uptime(args: string[], out: Printer): Promise<void> {
    noMore(args)
    await out.print(`up ${Math.floor(ds.millis() / 1000)} s`)
}

export async function reboot(args: string[], out: Printer): Promise<void> {
    noMore(args)
    await out.print("restarting")
    // not in the command itself, whose end has to be told first; calls and their addresses end unsaid, as when power fails
    restart.start()
}
