/** The timers of simulated time run in the order of their moments, and time goes on at once to the next one. */
import assert from "node:assert/strict"
import { beforeEach, describe, it } from "node:test"
import { Timers } from "../support/time/timers.cjs"

describe("simulated time", () => {
    let timers: Timers
    let ran: string
    const noted = (word: string) => () => {
        ran += word
    }

    beforeEach(() => {
        timers = new Timers()
        timers.now = 1000
        ran = ""
    })

    it("goes on to what is due next, and runs what is due at one moment in order", () => {
        timers.set(30, noted("c"))
        timers.set(10.5, noted("a"))
        timers.set(30, noted("d"))
        timers.set(20, noted("b"))
        assert.equal(timers.next, 1010.5)
        timers.runNext()
        assert.equal(timers.now, 1010.5)
        while (timers.next < Infinity) timers.runNext()
        assert.equal(ran, "abcd")
        assert.equal(timers.now, 1030)
    })

    it("does not go back for what is overdue", () => {
        timers.set(10, noted("a"))
        timers.now = 1500
        timers.runNext()
        assert.deepEqual([ran, timers.now], ["a", 1500])
    })

    it("repeats until that is taken back, by itself too", () => {
        const timer = timers.set(
            10,
            () => {
                ran += "."
                if (timers.now === 1030) timers.clear(timer)
            },
            10
        )
        while (timers.next < Infinity) timers.runNext()
        assert.deepEqual([ran, timers.now], ["...", 1030])
    })

    it("is waited for only if somebody wants it", () => {
        assert.equal(timers.wanted, false)
        const timer = timers.set(10, noted("a"))
        assert.equal(timers.wanted, true)
        assert.equal(timer.unref().hasRef(), false)
        assert.equal(timers.wanted, false)
        timers.clear(timer)
        assert.equal(timers.next, Infinity)
    })
})
