import * as ds from "@devicescript/core"
import { expect } from "@devicescript/test"
import { USUAL_FRAME } from "../../../src/base/config"
import { followLink, setPhy, transmitted } from "../../../src/link/ethernet"
import { HEADROOM } from "../../../src/phy/phy"
import type { Phy } from "../../../src/phy/phy"
import { doubt, pump, w5500Phy } from "../../../src/phy/w5500/driver"
import { sleeper, waiting } from "../../../src/phy/w5500/queue"
import { FakeChip } from "./chip"
import { copyOf, expectBytes, put16, until } from "./support"

// The driver of the W5500 on a chip that a test has in its hands.

/** Bytes of address and control before the data of a transfer. */
export const PHASES = 3

/** Transfers as the chip notes them: phases and octets of data. */
export const STATUS = "000108+43"
export const CLEAR = "00020c+1"
export const TX_WR = "00240c+2"
export const RX_RD = "00280c+2"
export const COMMAND = "00010c+1"

/** The driver looks at the link when this clock says so, and not while a test notes the transfers. */
const LINK_INTERVAL = 500
let clock = 0
const runtime = ds as any

/** What the driver has said. */
export const said: string[] = []
const print = runtime.print
runtime.print = (level: number, text: string) => {
    if (text.startsWith("phy: ") || text.startsWith("internal")) said.push(text)
    else print(level, text)
}

export let chip: FakeChip
export let phy: Phy
/** What came up: frames, and changes of the link. */
export const got: Buffer[] = []
export let links = ""
const out = Buffer.alloc(HEADROOM + USUAL_FRAME)

export function receive(b: Buffer, offset: number, length: number): void {
    got.push(copyOf(b, offset, length))
}

export function link(up: boolean): void {
    links += up ? "up " : "down "
    followLink()
}

/** A new chip, and a driver that is not started. */
export function make(): void {
    // not before: the tests themselves are started by the runtime's clock
    runtime.millis = () => clock
    while (got.length > 0) got.pop()
    while (said.length > 0) said.pop()
    links = ""
    chip = new FakeChip()
    phy = w5500Phy(chip, 0x332211fe, 0x5544)
    setPhy(phy)
}

/** Start the driver, and wait until it is idle. */
export async function ready(): Promise<void> {
    phy.start(receive, link)
    await settled()
}

/** A new chip with a driver that is idle: the beginning of most tests. */
export async function fresh(): Promise<void> {
    make()
    await ready()
}

/** End the driver's fiber. */
export function stop(): void {
    if (pump) pump.terminate()
}

/** The driver has nothing left to do. */
export async function settled(): Promise<void> {
    await until("the driver", () => !!sleeper && waiting === 0 && doubt === 0 && !chip.interrupt())
}

/** It is time for the driver to look at the link. */
export function lookIsDue(): void {
    clock += LINK_INTERVAL
}

/** The driver looks at the link. */
export async function look(): Promise<void> {
    const before = chip.looks
    lookIsDue()
    await until("the look at the link", () => chip.looks > before)
    await settled()
}

/** A frame of `length` octets that each tell their place. */
export function frame(length: number, seed: number): Buffer {
    const b = Buffer.alloc(length)
    for (let i = 0; i < length; i++) b[i] = seed + i + (i >> 8)
    return b
}

export function send(f: Buffer): boolean {
    const b = Buffer.alloc(HEADROOM + f.length)
    b.blitAt(HEADROOM, f, 0, f.length)
    return transmitted(b)
}

/** A usual frame that has its number in it, behind the headroom. */
export function usual(n: number): Buffer {
    out.fillAt(HEADROOM, USUAL_FRAME, n)
    put16(out, HEADROOM, n)
    return out
}

export function sendUsual(n: number): boolean {
    return transmitted(usual(n))
}

export function arriveUsual(n: number): void {
    chip.arrive(copyOf(usual(n), HEADROOM))
}

/** Fail unless this is the usual frame of that number. As text the VM compares many without a pause; see `breathe`. */
function expectUsual(f: Buffer, n: number): void {
    const expected = copyOf(usual(n), HEADROOM)
    if (f.toString("hex") !== expected.toString("hex")) expectBytes(f, expected)
}

/** The oldest frame that the chip has sent is the usual one of that number. */
export function expectSent(n: number): void {
    if (chip.sent.length === 0) throw new Error(`frame ${n} was not sent`)
    expectUsual(chip.sent.shift(), n)
}

export function expectGot(n: number): void {
    if (got.length === 0) throw new Error(`frame ${n} did not come up`)
    expectUsual(got.shift(), n)
}

/** A frame there and one back, and nothing else. */
export async function bothWays(): Promise<void> {
    await settled()
    sendUsual(1001)
    arriveUsual(1002)
    await settled()
    expectSent(1001)
    expectGot(1002)
    expect(chip.sent.length + got.length).toBe(0)
}

export function hex16(n: number): string {
    const b = Buffer.alloc(2)
    put16(b, 0, n)
    return b.toString("hex")
}
