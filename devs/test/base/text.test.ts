import { beforeEach, describe, expect, test } from "@devicescript/test"
import { choiceOf, split, textAt } from "../../../src/base/text"
import { breathe, run } from "../support/support"

const joined = (text: string, separator: string) => split(text, separator).join("|")

describe("texts", () => {
    beforeEach(breathe)

    test("are split at each separator, and nowhere else", () => {
        expect(joined("a b c", " ")).toBe("a|b|c")
        expect(joined("10.77.0.2", ".")).toBe("10|77|0|2")
        expect(joined("abc", " ")).toBe("abc")
        expect(joined("", " ")).toBe("")
        expect(split("", " ").length).toBe(1)
    })

    test("from the network end with ASCII, so that nobody looks behind them for the rest of a character", () => {
        const b = hex`61 c3bf f09f98 80 62`
        expect(textAt(b, 0, 1)).toBe("a")
        expect(textAt(b, 0, 2)).toBe("a?")
        expect(textAt(b, 0, 8)).toBe("a\u00ff\ud83d\ude00b")
        expect(textAt(b, 3, 6).length < 4).toBe(true)
        expect(textAt(b, 3, 6).endsWith("?")).toBe(true)
        expect(textAt(b, 2, 2)).toBe("")
    })

    test("keep what is empty at both ends and between two separators", () => {
        expect(joined(" a  b ", " ")).toBe("|a||b|")
        expect(split(".", ".").length).toBe(2)
    })

    test("are split at separators of several characters", () => {
        expect(joined("1-9/24 via 7 via 8", " via ")).toBe("1-9/24|7|8")
        expect(joined("aaa", "aa")).toBe("|a")
    })

    test("with characters of several bytes are split between characters", () => {
        expect(joined("\u00e9 \u4e16 \u{1f642}x", " ")).toBe("\u00e9|\u4e16|\u{1f642}x")
    })

    test("are choices by their place, and nothing else is one", () => {
        expect(choiceOf("off quick full", "off")).toBe(0)
        expect(choiceOf("off quick full", "full")).toBe(2)
        for (const no of ["", "of", "off ", "off quick", "Full", "x"]) expect(choiceOf("off quick full", no)).toBe(undefined)
    })
})

await run()
