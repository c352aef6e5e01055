/** What a frame costs on the SPI bus of a W5500, against the least with which its datasheet can be followed. */
import { Rig, sleep, until } from "../../test/support/rig.js"
import { FULL, QUICK, type W5500Cost, w5500Cost } from "../vm/instructions.js"
import { atMost, rowAgainst, rowOf, type Options, type Row, type Suite } from "../suite.js"

/** For one frame out and one in, driver included. */
const INSTRUCTIONS = 200_000
const SECONDS = 5
const SETTLE_MS = 500
/** Address and control phase. @see W5500 datasheet 2.2 */
const PHASES = 3
/** A frame of voice, and the length before it in the receive buffer. */
const VOICE = 214
const LENGTH = 2

/**
 * For one frame out: its bytes, Sn_TX_WR, SEND, one look whether it has left; for one frame in: Sn_RX_RSR, its bytes,
 * Sn_RX_RD, RECV. @see W5500 datasheet 4.2
 */
const LEAST = [VOICE, 2, 1, 1, 2, LENGTH + VOICE, 2, 1]
const LEAST_TRANSACTIONS = LEAST.length / 2
const LEAST_BYTES = LEAST.reduce((sum, bytes) => sum + PHASES + bytes, 0) / 2

interface Cost {
    transactions: number
    bytes: number
    /** Transactions of each kind for a frame. */
    kinds: Record<string, number>
}

async function costOf(rig: Rig, calls: number, seconds: number): Promise<Cost> {
    const { counts } = rig.phone.controller!.chip
    const placed = []
    for (let i = 0; i < calls; i++) placed.push(await rig.call(`10.77.0.${2 + (i % 2)}:4000`, "--play speech"))
    await until("all are heard", async () => (await rig.calls()).every(c => c.state === "ended" || c.rxFrames > 0))
    await sleep(SETTLE_MS)
    counts.reset()
    await sleep(seconds * 1000)
    const frames = counts.framesIn + counts.framesOut
    const { transactions, bytes, byBlock } = counts
    const kinds = Object.fromEntries(Object.entries(byBlock).map(([kind, t]) => [kind, t.transactions / frames]))
    await rig.run("hangup all")
    await rig.idle()
    return { transactions: transactions / frames, bytes: bytes / frames, kinds }
}

/** Counted, not timed: once is enough. The chip and the collector are not in it. */
function instructionRows(all: W5500Cost, driver: W5500Cost): Row[] {
    const row = (name: string, count: number) => rowOf(name, "instr.", [count])
    const sum = (name: string, count: number) => ({ ...row(name, count), budget: atMost(INSTRUCTIONS, count, "instructions") })
    return [
        sum("8 calls, a frame out and one in", all.out + all.in),
        row("8 calls, the driver: out", driver.out),
        row("8 calls, the driver: in", driver.in),
        sum("1 call, a frame out and one in", all.outAlone + all.inAlone),
        row("1 call, the driver: out", driver.outAlone),
        row("1 call, the driver: in", driver.inAlone),
    ]
}

export const suite: Suite = {
    name: "spi",
    title: "The SPI bus of a W5500: what a frame of voice costs, half of the frames out and half in",
    async run({ runs, quick, progress }: Options): Promise<Row[]> {
        const least = "least by the datasheet"
        progress("spi: counting instructions ...")
        const amount = quick ? QUICK : FULL
        const rows: Row[] = [
            ...instructionRows(await w5500Cost(amount), await w5500Cost(amount, true)),
            rowOf(`transactions, ${least}`, "per frame", Array(runs).fill(LEAST_TRANSACTIONS)),
            rowOf(`bytes, ${least}`, "per frame", Array(runs).fill(LEAST_BYTES)),
        ]
        const rig = await Rig.start({ phy: "w5500" })
        try {
            for (const calls of [1, 8]) {
                const costs: Cost[] = []
                for (let i = 1; i <= runs; i++) {
                    progress(`run ${i} of ${runs}: ${calls} calls on the SPI bus`)
                    costs.push(await costOf(rig, calls, quick ? 1 : SECONDS))
                }
                const name = calls === 1 ? "1 call" : `${calls} calls`
                rows.push(
                    rowAgainst(
                        `${name}, transactions`,
                        "per frame",
                        costs.map(c => c.transactions),
                        `transactions, ${least}`,
                        Array(runs).fill(LEAST_TRANSACTIONS)
                    )
                )
                rows.push(
                    rowAgainst(
                        `${name}, bytes`,
                        "per frame",
                        costs.map(c => c.bytes),
                        `bytes, ${least}`,
                        Array(runs).fill(LEAST_BYTES)
                    )
                )
                for (const kind of Object.keys(costs[0].kinds).sort())
                    rows.push(
                        rowOf(
                            `${name}, ${kind}`,
                            "per frame",
                            costs.map(c => c.kinds[kind] ?? 0)
                        )
                    )
            }
        } finally {
            await rig.stop()
        }
        return rows
    },
}
