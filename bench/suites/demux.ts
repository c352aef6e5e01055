/**
 * The receiver of a frame: found by its destination address (layer 3), when each socket has an address of its own, or by
 * its destination port (layer 4), when all share one. Whole frames through the firmware's own input, as short as they
 * can be, and the look-up alone; by port also with a table which the firmware does not have, since it needs none.
 */
import { median, type Options, type Row, rowAgainst, rowOf, type Suite } from "../suite.js"
import { Vm } from "../vm/vm.js"

const SOCKETS = [1, 4, 8, 16]
/** One address for each socket, and the common one: more than the firmware has. */
const INTERFACES = 17

/** How much is measured: of each number of sockets so many blocks in turn, so that all see the machine in the same mood. */
const FULL = { rounds: 4, blocks: 10, turns: 128 }
const QUICK = { rounds: 1, blocks: 2, turns: 16 }

/** Microseconds for a turn, by what was timed. */
async function measure(vm: Vm, { rounds, blocks, turns }: typeof FULL): Promise<Map<string, number>> {
    const timed = new Map<string, number[]>()
    for (let round = 0; round < rounds; round++)
        for (const sockets of SOCKETS) {
            await vm.arrive([[Buffer.from(`${sockets} ${turns} ${blocks}`)]])
            while (true) {
                const { what, blocks } = await vm.said()
                if (what.done) break
                timed.set(what.timed, [...(timed.get(what.timed) ?? []), ...blocks.map(b => b / what.turns)])
            }
        }
    return new Map([...timed].map(([name, values]) => [name, median(values)]))
}

/** What was timed, what is no part of it, and what it is for people. */
const ROWS: [timed: string, without: string, title: string, against?: string][] = [
    ["frame, address", "loop", "frame, an address each"],
    ["frame, port", "loop", "frame, by port, mean", "frame, address"],
    ["frame, first port", "", "frame, by port, first of list", "frame, address"],
    ["frame, last port", "", "frame, by port, last of list", "frame, address"],
    ["look-up, address", "two loop", "look-up, an address each"],
    ["look-up, interface", "loop", "look-up, an address, no port", "look-up, address"],
    ["look-up, port", "two loop", "look-up, list of ports", "look-up, address"],
    ["look-up, table", "two loop", "look-up, table of ports", "look-up, address"],
]

async function run(options: Options): Promise<Row[]> {
    options.progress("demux: compiling the firmware's modules for the VM ...")
    const vm = Vm.start("bench/demux.ts", { sizes: { INTERFACES } })
    try {
        await vm.said()
        const amount = options.quick ? QUICK : FULL
        // the host's compiler gets ready
        await measure(vm, amount)
        const runs: Map<string, number>[] = []
        for (let i = 1; i <= options.runs; i++) {
            options.progress(`demux: run ${i} of ${options.runs} ...`)
            runs.push(await measure(vm, amount))
        }
        return SOCKETS.flatMap(sockets => rowsOf(runs, sockets))
    } finally {
        await vm.stop()
    }
}

function rowsOf(runs: Map<string, number>[], sockets: number): Row[] {
    const values = (timed: string, without: string) =>
        runs.map(r => r.get(`${timed} ${sockets}`)! - (without === "" ? 0 : r.get(`${without} ${sockets}`)!))
    const label = (title: string) => `${sockets} ${sockets === 1 ? "socket" : "sockets"}: ${title}`
    // with one socket there is nothing to tell apart: mean, first and last are the same
    return ROWS.filter(([timed]) => sockets > 1 || !/(first|last) port/.test(timed)).map(([timed, without, title, against]) => {
        const base = ROWS.find(r => r[0] === against)
        if (!base) return rowOf(label(title), "us", values(timed, without))
        return rowAgainst(label(title), "us", values(timed, without), label(base[2]), values(base[0], base[1]))
    })
}

export const suite: Suite = { name: "demux", title: "The receiver of a frame, by address and by port", run }
