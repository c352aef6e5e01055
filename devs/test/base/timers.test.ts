/** The one clock: deadlines in their order, to the millisecond, whatever a handler does. */
import * as ds from "@devicescript/core"
import { beforeEach, describe, expect, test } from "@devicescript/test"
import { Counter, countOf } from "../../../src/base/counters"
import { deadlineOf, reserveTimers, runTimers, setTimer, runTimerClock } from "../../../src/base/timers"
import { run, until } from "../support/support"

let fired = ""
/** What the third timer does, beside being told. */
let whenThird: (now: number) => void
const first = reserveTimers(3, (timer, now) => {
    fired += `${timer - first}@${now} `
    if (timer === first + 2 && whenThird) whenThird(now)
})

describe("timers", () => {
    beforeEach(() => {
        for (let i = 0; i < 3; i++) setTimer(first + i, Infinity)
        fired = ""
        whenThird = undefined
    })

    test("are called once when they are due, and no sooner", () => {
        setTimer(first, 1000)
        setTimer(first + 1, 2000)
        runTimers(999)
        expect(fired).toBe("")
        runTimers(1000)
        runTimers(1500)
        expect(fired).toBe("0@1000 ")
        expect(deadlineOf(first)).toBe(Infinity)
        expect(deadlineOf(first + 1)).toBe(2000)
        runTimers(3000)
        expect(fired).toBe("0@1000 1@3000 ")
    })

    test("can be set again before they are due, and ended", () => {
        setTimer(first, 1000)
        setTimer(first, 2000)
        setTimer(first + 1, 1000)
        setTimer(first + 1, Infinity)
        runTimers(1999)
        expect(fired).toBe("")
        runTimers(2000)
        expect(fired).toBe("0@2000 ")
    })

    test("may be set by a handler, which waits for the next turn", () => {
        whenThird = now => {
            setTimer(first, now)
            setTimer(first + 2, now + 10)
        }
        setTimer(first + 2, 100)
        runTimers(100)
        expect(fired).toBe("2@100 ")
        runTimers(100)
        expect(fired).toBe("2@100 0@100 ")
        expect(deadlineOf(first + 2)).toBe(110)
    })

    test("go on when a handler fails, which is counted", () => {
        whenThird = () => {
            throw new Error("a defect")
        }
        const errors = countOf(Counter.InternalErrors)
        setTimer(first + 2, 5)
        setTimer(first, 6)
        runTimers(5)
        runTimers(6)
        expect(fired).toBe("2@5 0@6 ")
        expect(countOf(Counter.InternalErrors)).toBe(errors + 1)
    })

    test("wake their clock, also for a deadline that is sooner than the one for which it sleeps", async () => {
        runTimerClock.start()
        await ds.sleep(2)
        const now = ds.millis()
        setTimer(first + 1, now + 60000)
        await ds.sleep(2)
        setTimer(first, now + 30)
        await until("the sooner one", () => fired !== "")
        const late = ds.millis() - now - 30
        if (late < 0) throw new Error(`${-late} ms too early`)
        expect(fired.slice(0, 2)).toBe("0@")
        expect(deadlineOf(first + 1)).toBe(now + 60000)
    })
})

await run()
