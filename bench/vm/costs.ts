/** What pieces of work cost in the VM, in WebAssembly instructions: `devs/bench/sip.ts` and `devs/bench/media.ts` say which. */
import { median } from "../suite.js"
import { Vm } from "./vm.js"

/** Instructions of each piece of work, by its name, without those of the loop around it. @param program in `devs/bench/` */
export async function costsOf(program: "sip" | "media"): Promise<Record<string, number>> {
    const vm = Vm.start(`bench/${program}.ts`, { metered: true })
    try {
        const all = new Map<string, number[]>()
        for (;;) {
            const { what, instructions } = await vm.said()
            if (what === "end") break
            const each = instructions.map(n => n / what.turns)
            all.set(what.timed, [...(all.get(what.timed) ?? []), ...each])
        }
        // the first is for warming up
        const figures = [...all].map(([name, each]) => [name, median(each.slice(1))] as const)
        const nothing = figures.find(([name]) => name === "nothing")![1]
        return Object.fromEntries(figures.filter(([name]) => name !== "nothing").map(([name, each]) => [name, each - nothing]))
    } finally {
        await vm.stop()
    }
}
