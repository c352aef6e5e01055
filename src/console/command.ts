import { lineOf, widen, widthsOf } from "./table"

/** Takes what a command prints piece by piece: a long answer is never in memory as a whole. */
export interface Printer {
    write(text: string): Promise<void>
    line(text: string): Promise<void>
}

/** Wrong arguments: the usage is part of what is said. */
export class UsageError extends Error {
    constructor(message: string) {
        super(message)
        this.name = "UsageError"
    }
}

/** Take an option out of the arguments. @returns whether it was there */
export function takeFlag(args: string[], flag: string): boolean {
    const at = args.indexOf(flag)
    if (at < 0) return false
    args.insert(at, -1)
    return true
}

/** Take an option and its value out of the arguments. @returns `undefined` if it is not there */
export function takeOption(args: string[], option: string): string {
    const at = args.indexOf(option)
    if (at < 0) return undefined
    const value = args[at + 1]
    if (value === undefined) throw new UsageError(`${option} needs a value`)
    args.insert(at, -2)
    return value
}

/** Nothing may be left that no part of the command has taken. */
export function noMore(args: string[], from: number): void {
    if (args.length > from) throw new UsageError(`what is ${args[from]}?`)
}

/**
 * Print a list: as a table, or with `-j` among the arguments as one line of JSON, in which each item has all its fields.
 * @param keys names of the fields that the table shows
 * @param describe makes the item of the list; numbers stay numbers, what is not there is `null`
 */
export async function printList(
    args: string[],
    keys: string,
    items: any[],
    describe: (item: any) => any,
    out: Printer
): Promise<void> {
    const json = takeFlag(args, "-j")
    noMore(args, 0)
    if (!json) {
        // items are described twice, so that no more than one of them takes memory at a time
        const columns = keys.split(" ")
        const widths = widthsOf(columns)
        for (const item of items) widen(widths, columns, describe(item))
        await out.line(lineOf(widths, columns))
        for (const item of items) await out.line(lineOf(widths, columns, describe(item)))
        return
    }
    await out.write("[")
    for (let i = 0; i < items.length; i++) {
        if (i > 0) await out.write(",")
        await out.write(JSON.stringify(describe(items[i])))
    }
    await out.line("]")
}
