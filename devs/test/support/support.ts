import * as ds from "@devicescript/core"

/**
 * Keep the program alive while its tests run: a VM in test mode stops as soon as the main program ends, whatever
 * still waits in its timers. The test framework ends the VM itself; one that waits for ever ends after a month.
 */
export async function run(): Promise<void> {
    for (let i = 0; i < 720; i++) await ds.sleep(3600000)
}

/** Time, whatever a test makes of the clock of the code under test. */
export const millis = ds.millis
/** Milliseconds after which what is waited for counts as missing. */
const PATIENCE = 10000

/** Wait until `condition` holds, however busy the machine is. @param what for the error, if it never does */
export async function until(what: string, condition: () => boolean): Promise<void> {
    const end = millis() + PATIENCE
    while (!condition()) {
        if (millis() > end) throw new Error(`waited in vain for ${what}`)
        await ds.sleep(1)
    }
}

/** Let the VM count its steps anew: it ends a program after 131,072 of them without a pause. */
export async function breathe(): Promise<void> {
    await ds.sleep(0)
}

/** Fail unless both hold the same bytes. */
export function expectBytes(actual: Buffer, expected: Buffer): void {
    let at = 0
    while (at < actual.length && at < expected.length && actual[at] === expected[at]) at++
    if (at < actual.length || at < expected.length)
        throw new Error(`bytes differ at ${at}:\n  ${actual.toString("hex")}\nexpected\n  ${expected.toString("hex")}`)
}

/** A copy that may be written to: what `hex` gives lies in flash. */
export function copyOf(b: Buffer, at?: number, length?: number): Buffer {
    const from = at || 0
    const n = length === undefined ? b.length - from : length
    const c = Buffer.alloc(n)
    c.blitAt(0, b, from, n)
    return c
}

/** Internet checksum, octet by octet and big-endian: nothing of the code under test is in it (RFC 1071, 4.1). */
export function checksum(b: Buffer, at: number, length: number, start: number): number {
    let s = start
    for (let i = 0; i < length; i++) {
        s += (i & 1) === 0 ? b[at + i] << 8 : b[at + i]
        if (s > 0xffff) s -= 0xffff
    }
    return ~s & 0xffff
}

/** Big-endian 16 bits. */
export function put16(b: Buffer, at: number, value: number): void {
    b[at] = value >> 8
    b[at + 1] = value
}

export function get16(b: Buffer, at: number): number {
    return (b[at] << 8) | b[at + 1]
}

export function get32(b: Buffer, at: number): number {
    return (b[at] << 24) | (b[at + 1] << 16) | (b[at + 2] << 8) | b[at + 3]
}

/** The POSIX code with which a call fails; the message of any other error; "" if it does not fail. */
export async function codeOf(f: () => Promise<any>): Promise<string> {
    try {
        await f()
    } catch (e) {
        return (e as any).code || `no code: ${(e as Error).message}`
    }
    return ""
}
