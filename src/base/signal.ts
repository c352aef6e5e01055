/** Fibers wait here for something that another fiber announces: a condition variable. */
import * as ds from "@devicescript/core"

/**
 * Wakes all fibers that wait. Nothing is queued: a fiber that does not wait does not hear. One signal serves all objects of a
 * kind, and a woken fiber checks whether it was meant: an object costs at least 100 bytes of heap on this VM, a needless
 * wake-up microseconds.
 */
export class Signal {
    /**
     * The fibers that wait. One that serves for ever adds itself, and `await ds.suspend(undefined)` next gives it what is announced:
     * the wait is in its own function then, and no second activation stays in the middle of the heap.
     */
    waiting: ds.Fiber[] = []

    /**
     * Suspend this fiber until `notify` or the time-out.
     * @param timeout milliseconds; `undefined` waits for ever
     * @returns what was announced, `undefined` on time-out
     */
    async wait(timeout?: number): Promise<any> {
        const fiber = ds.Fiber.self()
        this.waiting.push(fiber)
        const value = await ds.suspend<any>(timeout)
        const at = this.waiting.indexOf(fiber)
        if (at >= 0) this.waiting.insert(at, -1)
        return value
    }

    /** Wake every waiting fiber. @param value what `wait` returns; not `undefined`, which stands for a time-out */
    notify(value: any): void {
        for (;;) {
            const last = this.waiting.length - 1
            if (last < 0) break
            const fiber = this.waiting[last]
            this.waiting.insert(last, -1)
            if (fiber.suspended) fiber.resume(value)
        }
    }
}
