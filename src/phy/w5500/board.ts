/**
 * The SPI bus of a board, and the setting `PHY` that says on which pins the W5500 is.
 * Read first: `spi.ts`, then docs/boards.md for the setting.
 */
import * as ds from "@devicescript/core"
import { SPI_HZ } from "../../base/config"
import { split } from "../../base/text"
import { SpiDevice } from "./spi"

interface Pin {
    value: number
    setMode(mode: ds.GPIOMode): void
}

/**
 * The board's pins, by the labels of its board file.
 * @devsNative GPIO
 */
declare const GPIO: any

type Bus = typeof ds & {
    spiConfigure(miso: number, mosi: number, sck: number, mode: number, hz: number): void
    spiXfer(tx: Buffer, rx: Buffer): Promise<void>
}

/** The field in which every pin has its number. Written as a field, `.gpio` would pull `ds.gpio` into the image. */
const NUMBER = "gpio"

/** The lines of an Ethernet controller. A board must have the first four. */
const LINES = "sck mosi miso cs rst int"
const NEEDED = 4

/**
 * Read the setting `PHY`. It is `stream`, or `w5500` with `LINE=PIN` for each line that is not on the board's pin `ETH_LINE`.
 * `auto` means `w5500` on a board that has such pins, else `stream`.
 * @returns the controller's pins in the order of `LINES`; none for `stream`
 * @throws RangeError that says what to add
 */
export function parsePhy(text: string): Pin[] {
    const words = split(text, " ")
    const kind = words.shift()
    if (kind === "stream") return []
    if (kind === "auto") {
        if (!GPIO.ETH_CS) return []
    } else if (kind !== "w5500") throw new RangeError("it must be auto, stream or w5500")
    const pins: Pin[] = []
    let named = 0
    for (const line of split(LINES, " ")) {
        let label = `ETH_${line.toUpperCase()}`
        let needed = pins.length < NEEDED
        for (const word of words)
            if (word.indexOf(`${line}=`) === 0) {
                label = word.slice(line.length + 1)
                needed = true
                named++
            }
        const pin: Pin = GPIO[label]
        if (!pin) if (needed) throw new RangeError(`this board has no pin ${label}; add ${line}=PIN, the label of the pin on which it is`)
        pins.push(pin)
    }
    if (named !== words.length) throw new RangeError(`it must be w5500 and LINE=PIN for the lines ${LINES}`)
    return pins
}

/** The SPI bus of a board, with a W5500 on it. */
export class BoardSpi implements SpiDevice {
    hasInterrupt: boolean
    label: string
    cs: Pin

    /** @param pins as `parsePhy` gives them */
    constructor(private pins: Pin[]) {
        this.cs = pins[3]
        this.hasInterrupt = !!pins[5]
        this.label = `W5500 with its select line on GPIO ${(this.cs as any)[NUMBER]}`
    }

    /** @param answer takes what the chip sends meanwhile */
    async write(b: Buffer, answer: Buffer = null): Promise<void> {
        this.cs.setMode(ds.GPIOMode.OutputLow)
        try {
            await (ds as Bus).spiXfer(b, answer)
        } finally {
            this.cs.setMode(ds.GPIOMode.OutputHigh)
        }
    }

    async exchange(b: Buffer): Promise<void> {
        // the chip ignores what is sent after the phases, so one buffer serves both ways
        await this.write(b, b)
    }

    reset(high: boolean): void {
        if (!high) {
            this.cs.setMode(ds.GPIOMode.OutputHigh)
            if (this.hasInterrupt) this.pins[5].setMode(ds.GPIOMode.InputPullUp)
            const [sck, mosi, miso] = this.pins as any[]
            ;(ds as Bus).spiConfigure(miso[NUMBER], mosi[NUMBER], sck[NUMBER], 0, SPI_HZ)
        }
        let mode = ds.GPIOMode.OutputLow
        if (high) mode = ds.GPIOMode.OutputHigh
        if (this.pins[4]) this.pins[4].setMode(mode)
    }

    interrupt(): boolean {
        if (!this.hasInterrupt) return false
        return this.pins[5].value === 0
    }
}
