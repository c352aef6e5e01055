/**
 * Simulated time for one process: its timers run when somebody says how late it is. `Date.now` and `performance.now` tell
 * that time. Node.js' own modules, the test runner's limits among them, keep the real one.
 */
"use strict"
const real = { setTimeout, clearTimeout, setImmediate }

/** What `setTimeout` gives. @see https://nodejs.org/api/timers.html#class-timeout */
class Timer {
    wanted = true

    constructor(at, every, run) {
        this.at = at
        this.every = every
        this.run = run
    }
    ref() {
        this.wanted = true
        return this
    }
    unref() {
        this.wanted = false
        return this
    }
    hasRef() {
        return this.wanted
    }
}

class Timers {
    /** Milliseconds since the process began. */
    now = Math.ceil(performance.now())
    /** Told of each new timer. */
    onSet = () => {}
    #queue = []
    #dateOfZero = Date.now() - this.now

    /** When the next one is due; `Infinity` if there is none. */
    get next() {
        return this.#queue[0]?.at ?? Infinity
    }

    /** Whether a process with nothing else to do waits for one of them. */
    get wanted() {
        return this.#queue.some(timer => timer.wanted)
    }

    /** Takes the place of the clocks that every program has. @param cost milliseconds that a look at one takes */
    installClocks(cost = 0) {
        performance.now = () => (this.now += cost)
        Date.now = () => this.#dateOfZero + Math.floor((this.now += cost))
    }

    /** Takes the place of the timers that every program has. */
    install() {
        const set = (repeats, run, ms, args) => {
            // biome-ignore lint/complexity/useMathMinMax: setTimeout without a time waits for 1, and Math.max(undefined, 1) is NaN
            const wait = ms >= 1 ? ms : 1
            return this.set(wait, () => run(...args), repeats ? wait : undefined)
        }
        const clear = timer => (timer instanceof Timer ? this.clear(timer) : real.clearTimeout(timer))
        Object.assign(globalThis, {
            setTimeout: (run, ms, ...args) => set(false, run, ms, args),
            setInterval: (run, ms, ...args) => set(true, run, ms, args),
            clearTimeout: clear,
            clearInterval: clear,
        })
    }

    /** @param ms from now, a fraction if need be @param every if it repeats */
    set(ms, run, every) {
        const timer = new Timer(this.now + ms, every, run)
        this.#insert(timer)
        this.onSet()
        return timer
    }

    clear(timer) {
        const at = this.#queue.indexOf(timer)
        if (at >= 0) this.#queue.splice(at, 1)
        timer.every = undefined
    }

    /** Goes on to the next one, of those for one moment the first, and runs it. */
    runNext() {
        const timer = this.#queue.shift()
        this.now = Math.max(this.now, timer.at)
        if (timer.every !== undefined) {
            timer.at = this.now + timer.every
            this.#insert(timer)
        }
        timer.run()
    }

    #insert(timer) {
        let at = this.#queue.length
        while (at > 0 && this.#queue[at - 1].at > timer.at) at--
        this.#queue.splice(at, 0, timer)
    }
}

module.exports = { Timers, real }
