/** What a benchmark is and what it gives. Each file in `suites/` is one suite; `main.ts` runs them. */

export interface Row {
    /** What was measured, for people. */
    name: string
    unit: string
    /** Median of `runs` runs. */
    value: number
    runs: number
    /** The least and the greatest of them. */
    least: number
    greatest: number
    /** How many times the value of the row named `against`, which was measured in the same runs; machines differ, ratios less. */
    ratio?: number
    against?: string
    /** A limit that the firmware must keep, of the value or of the ratio. */
    budget?: Budget
}

export interface Budget {
    /** What must hold, for people. */
    text: string
    met: boolean
    /** By how much it was missed, for people. */
    missedBy?: string
}

export interface Options {
    /** Of each measurement; at least 5 for a figure to be quoted. */
    runs: number
    /** Measure as little as possible: to see that it works, not how fast. */
    quick?: boolean
    /** Tells what goes on, on the standard error. */
    progress(text: string): void
}

export interface Suite {
    /** As it is named on the command line. */
    name: string
    title: string
    run(options: Options): Promise<Row[]>
}

/** A row from the values of its runs. @param values at least one */
export function rowOf(name: string, unit: string, values: number[]): Row {
    const sorted = [...values].sort((a, b) => a - b)
    const half = sorted.length >> 1
    const value = sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2
    return { name, unit, value, runs: values.length, least: sorted[0], greatest: sorted[sorted.length - 1] }
}

export function median(values: number[]): number {
    return rowOf("", "", values).value
}

/**
 * As `rowOf`, with the ratio to another row: the median of the ratios run by run, since what disturbs one run disturbs
 * both its sides.
 */
export function rowAgainst(name: string, unit: string, values: number[], against: string, base: number[]): Row {
    return { ...rowOf(name, unit, values), ratio: median(values.map((v, i) => v / base[i])), against }
}

/** A limit. @param unit of the value, for people */
export function atMost(most: number, value: number, unit: string): Budget {
    const text = `at most ${most.toLocaleString("en")} ${unit}`
    return value <= most ? { text, met: true } : { text, met: false, missedBy: `${Math.round(value - most).toLocaleString("en")} ${unit}` }
}
