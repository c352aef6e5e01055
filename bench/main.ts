/** `npm run bench`: every figure of the README; see `--help`. */
import { Command, InvalidArgumentError } from "commander"
import type { Row } from "./suite.js"
import { suites } from "./suites/all.js"
import { budgetsOf, tableOf } from "./table.js"

interface CommandOptions {
    runs: number
    json?: boolean
    quick?: boolean
}

const RUNS_MAX = 100

function runs(text: string): number {
    const n = Number(text)
    if (Number.isInteger(n) && n >= 1 && n <= RUNS_MAX) return n
    throw new InvalidArgumentError(`Give a number from 1 to ${RUNS_MAX}.`)
}

async function main(names: string[], options: CommandOptions): Promise<void> {
    const unknown = names.find(name => !suites.some(s => s.name === name))
    if (unknown !== undefined) throw new Error(`there is no suite ${unknown}; there are ${suites.map(s => s.name).join(", ")}`)
    const chosen = names.length === 0 ? suites : suites.filter(s => names.includes(s.name))
    const progress = (text: string) => console.error(text)
    const results: { name: string; title: string; rows: Row[] }[] = []
    for (const { name, title, run } of chosen) {
        const rows = await run({ runs: options.runs, quick: options.quick, progress })
        results.push({ name, title, rows })
        if (!options.json) console.log(`${tableOf(title, rows)}\n`)
    }
    if (!options.json) console.log(budgetsOf(results.flatMap(r => r.rows)))
    if (options.json) console.log(JSON.stringify({ runs: options.runs, quick: options.quick ?? false, suites: results }))
    if (results.some(r => r.rows.some(row => row.budget && !row.budget.met))) process.exitCode = 1
}

// what the suites have started ends with this program, by what they do at its exit
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => process.exit(130))
// whoever read our output has gone
process.stdout.on("error", () => process.exit(130))

await new Command("npm run bench --")
    .description("Measures the firmware. Without a suite, all of them; the exit status is 1 if a budget is missed.")
    .argument("[suites...]", suites.map(s => s.name).join(", "))
    .option("--runs <number>", "how often each figure is measured", runs, 5)
    .option("--quick", "measure as little as possible: to see that it works, not how fast")
    .option("--json", "one JSON document instead of tables")
    .action(async (names: string[], options: CommandOptions) => {
        try {
            await main(names, options)
        } catch (error) {
            console.error(`error: ${(error as Error).message}`)
            process.exitCode = 1
        }
    })
    .parseAsync()
