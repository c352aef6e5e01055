/** What SIP's messages cost in the VM, in WebAssembly instructions: `devs/bench/sip.ts` says which. */
import { median } from "../suite.js"
import { Vm } from "./vm.js"

/** Instructions of each piece of work, by its name, without those of the loop around it. */
export async function sipCost(): Promise<Record<string, number>> {
    const vm = Vm.start("bench/sip.ts", { metered: true })
    try {
        const costs: Record<string, number> = {}
        let nothing = 0
        for (;;) {
            const { what, instructions } = await vm.said()
            if (what === "end") return costs
            const each = median(instructions.slice(1)) / what.turns
            if (what.timed === "nothing") nothing = each
            else costs[what.timed] = each - nothing
        }
    } finally {
        await vm.stop()
    }
}
