import * as ds from "@devicescript/core"
import { beforeEach, describe, expect, test } from "@devicescript/test"
import { BoardSpi, parsePhy } from "../../../src/phy/w5500/board"
import { expectBytes, run } from "../support/support"

/**
 * The board's pins. Here they are the test's.
 * @devsNative GPIO
 */
declare const GPIO: any

/** What happened to the pins and the bus, in its order. */
let seen = ""
const MODES: any = {}
MODES[ds.GPIOMode.OutputLow] = "low"
MODES[ds.GPIOMode.OutputHigh] = "high"
MODES[ds.GPIOMode.InputPullUp] = "pull-up"

function pin(name: string, gpio: number): any {
    return {
        gpio,
        value: 1,
        setMode: (mode: number) => {
            seen += `${name} ${MODES[mode]}; `
        },
    }
}

const LABELS = ["ETH_SCK", "ETH_MOSI", "ETH_MISO", "ETH_CS", "ETH_RST", "ETH_INT"]

/** A board with these of the labels, their pins on GPIO 10 to 15, and the pins P1 to P6. */
function board(labels: string[]): void {
    for (const label of LABELS) GPIO[label] = undefined
    for (const label of labels) GPIO[label] = pin(label, 10 + LABELS.indexOf(label))
    for (let i = 1; i <= 6; i++) GPIO[`P${i}`] = pin(`P${i}`, i)
    seen = ""
}

/** The pins' numbers; `-` for a line that is not connected. */
function numbers(text: string): string {
    return parsePhy(text)
        .map((p: any) => (p ? `${p.gpio}` : "-"))
        .join(" ")
}

function expectRefused(text: string, message: string): void {
    let said = ""
    try {
        parsePhy(text)
    } catch (e) {
        if (e instanceof RangeError) said = e.message
        else throw e
    }
    expect(said).toBe(message)
}

describe("the setting PHY", () => {
    test("auto is the stream on a board without an Ethernet controller", () => {
        board([])
        expect(parsePhy("auto").length).toBe(0)
        board(["ETH_SCK", "ETH_MOSI", "ETH_MISO"])
        expect(parsePhy("auto").length).toBe(0)
    })

    test("auto is the W5500 on a board that has its pins", () => {
        board(LABELS)
        expect(numbers("auto")).toBe("10 11 12 13 14 15")
        expect(numbers("w5500")).toBe("10 11 12 13 14 15")
    })

    test("stream is the stream, whatever the board has", () => {
        board(LABELS)
        expect(parsePhy("stream").length).toBe(0)
    })

    test("the lines for reset and interrupt may be missing", () => {
        board(["ETH_SCK", "ETH_MOSI", "ETH_MISO", "ETH_CS"])
        expect(numbers("auto")).toBe("10 11 12 13 - -")
        board(["ETH_SCK", "ETH_MOSI", "ETH_MISO", "ETH_CS", "ETH_INT"])
        expect(numbers("auto")).toBe("10 11 12 13 - 15")
    })

    test("LINE=PIN says where a line is, in any order", () => {
        board([])
        expect(numbers("w5500 int=P6 cs=P4 sck=P1 miso=P3 mosi=P2")).toBe("1 2 3 4 - 6")
        board(LABELS)
        expect(numbers("w5500 rst=P5")).toBe("10 11 12 13 5 15")
        expect(numbers("auto cs=P4")).toBe("10 11 12 4 14 15")
    })

    test("a line that has no pin is named", () => {
        board([])
        expectRefused("w5500", "this board has no pin ETH_SCK; add sck=PIN, the label of the pin on which it is")
        board(["ETH_SCK", "ETH_MOSI", "ETH_MISO"])
        expectRefused("w5500", "this board has no pin ETH_CS; add cs=PIN, the label of the pin on which it is")
        board(["ETH_SCK", "ETH_MOSI", "ETH_CS"])
        expectRefused("auto", "this board has no pin ETH_MISO; add miso=PIN, the label of the pin on which it is")
        board(LABELS)
        expectRefused("w5500 mosi=P9", "this board has no pin P9; add mosi=PIN, the label of the pin on which it is")
        // named, so it must be there
        expectRefused("w5500 rst=P9", "this board has no pin P9; add rst=PIN, the label of the pin on which it is")
    })

    test("anything else is refused", () => {
        board(LABELS)
        const words = "it must be w5500 and LINE=PIN for the lines sck mosi miso cs rst int"
        expectRefused("w5500 irq=P6", words)
        expectRefused("w5500 cs", words)
        expectRefused("w5500 cs=P4 foo", words)
        expectRefused("auto foo", words)
        const kinds = "it must be auto, stream or w5500"
        expectRefused("w5100", kinds)
        expectRefused("W5500", kinds)
        expectRefused("", kinds)
    })
})

describe("the SPI bus of a board", () => {
    const bus = ds as any
    let sent: Buffer
    let answer: Buffer
    let error = ""
    bus.spiXfer = async (tx: Buffer, rx: Buffer) => {
        seen += "transfer; "
        sent = tx
        answer = rx
        if (error.length > 0) throw new Error(error)
        if (rx) rx.fillAt(0, rx.length, 0x42)
    }
    bus.spiConfigure = (miso: number, mosi: number, sck: number, mode: number, hz: number) => {
        seen += `miso ${miso}, mosi ${mosi}, sck ${sck}, mode ${mode}, ${hz} Hz; `
    }

    beforeEach(() => {
        board(LABELS)
        error = ""
    })

    test("selects the chip for a transfer, and lets it go", async () => {
        const spi = new BoardSpi(parsePhy("auto"))
        const b = Buffer.alloc(4)
        await spi.write(b)
        expect(seen).toBe("ETH_CS low; transfer; ETH_CS high; ")
        expect(sent === b).toBe(true)
        expect(answer).toBe(null)
        seen = ""
        await spi.exchange(b)
        expect(seen).toBe("ETH_CS low; transfer; ETH_CS high; ")
        expect(sent === b).toBe(true)
        expectBytes(b, hex`42424242`)
    })

    test("lets the chip go when a transfer fails, and says so", async () => {
        const spi = new BoardSpi(parsePhy("auto"))
        error = "SPI busy"
        for (const exchange of [false, true]) {
            seen = ""
            let said = ""
            try {
                if (exchange) await spi.exchange(Buffer.alloc(4))
                else await spi.write(Buffer.alloc(4))
            } catch (e) {
                said = (e as Error).message
            }
            expect(said).toBe("SPI busy")
            expect(seen).toBe("ETH_CS low; transfer; ETH_CS high; ")
        }
    })

    test("is configured when the chip is reset", () => {
        const spi = new BoardSpi(parsePhy("auto"))
        expect(seen).toBe("")
        spi.reset(false)
        // the chip must not listen while the lines get their places
        expect(seen).toBe("ETH_CS high; ETH_INT pull-up; miso 12, mosi 11, sck 10, mode 0, 20000000 Hz; ETH_RST low; ")
        seen = ""
        spi.reset(true)
        expect(seen).toBe("ETH_RST high; ")
    })

    test("without lines for reset and interrupt", () => {
        board(["ETH_SCK", "ETH_MOSI", "ETH_MISO", "ETH_CS"])
        const spi = new BoardSpi(parsePhy("auto"))
        spi.reset(false)
        spi.reset(true)
        expect(seen).toBe("ETH_CS high; miso 12, mosi 11, sck 10, mode 0, 20000000 Hz; ")
        expect(spi.hasInterrupt).toBe(false)
        expect(spi.interrupt()).toBe(false)
    })

    test("the interrupt line is active low", () => {
        const pins = parsePhy("auto")
        const spi = new BoardSpi(pins)
        expect(spi.hasInterrupt).toBe(true)
        expect(spi.interrupt()).toBe(false)
        pins[5].value = 0
        expect(spi.interrupt()).toBe(true)
    })

    test("says where the chip is", () => {
        expect(new BoardSpi(parsePhy("w5500 cs=P4")).label).toBe("W5500 with its select line on GPIO 4")
    })
})

await run()
