/** What commands share: where their answers go, the checks of their arguments, listings. Read `commands.ts` first. */
import * as ds from "@devicescript/core"
import { formatAddress, parseDecimal } from "../wire/address"

/** Takes what a command prints piece by piece: a long answer is never in memory as a whole. */
export interface Printer {
    write(text: string): Promise<void>
    print(text: string): Promise<void>
    /** Whether the command is to end. */
    cancelled: boolean
    /** Set by a command that waits: called when it is to end. */
    onCancel: () => void
}

/** Runs a command. @param args the words behind its name; it takes them out as it reads them */
export type Command = (args: string[], out: Printer) => Promise<void>

/** Wrong arguments: the usage is part of what is said. */
export class UsageError extends Error {
    constructor(message: string) {
        super(message)
        this.name = "UsageError"
    }
}

/** @param message what is wrong, with `{0}` for the `culprit` @throws UsageError unless it holds */
export function check(holds: boolean, message: string, culprit?: string): void {
    if (!holds) throw new UsageError(ds.format(message, culprit as any))
}

/**
 * Decimal digits to a number.
 * @param text `undefined` if it is missing
 * @throws UsageError unless it is a number from `min` to `max`
 */
export function numberOf(text: string, min: number, max: number, message: string): number {
    const n = parseDecimal(text, max)
    check(n >= min, message, text)
    return n
}

/** Take an option out of the arguments. @returns whether it was there */
export function takeFlag(args: string[], flag: string): boolean {
    const at = args.indexOf(flag)
    if (at < 0) return false
    args.insert(at, -1)
    return true
}

/** Take an option and its value out of the arguments. @returns `missing` if it is not there */
export function takeOption(args: string[], option: string, missing?: string): string {
    const at = args.indexOf(option)
    if (at < 0) return missing
    const value = args[at + 1]
    check(value !== undefined, "{0} needs a value", option)
    args.insert(at, -2)
    return value
}

/** Take the next argument. @throws UsageError if there is none */
export function take(args: string[], missing: string): string {
    check(args.length > 0, missing)
    return args.shift()
}

/** Nothing may be left that no part of the command has taken. */
export function noMore(args: string[]): void {
    check(args.length === 0, "what is {0}?", args[0])
}

/** An address for people; `null` if there is none. */
export function addressText(address: number): string {
    if (address === 0) return null
    return formatAddress(address)
}

/** Whole seconds from now until a moment of `ds.millis()`, at least 0. */
export function secondsUntil(when: number): number {
    return Math.max(0, Math.round((when - ds.millis()) / 1000))
}

/** Print a list as one line of JSON, in which each item has all its fields: the console's client makes a table of it. */
export async function printList(args: string[], items: any[], describe: (item: any) => any, out: Printer): Promise<void> {
    takeFlag(args, "-j")
    noMore(args)
    let before = "["
    // one after the other, so that no more than one of them takes memory at a time
    for (const item of items) {
        const row = JSON.stringify(describe(item))
        await out.write(before + row)
        before = ","
    }
    if (items.length === 0) await out.write("[")
    await out.print("]")
}
