import * as ds from "@devicescript/core"

/**
 * Lets fibers wait for something that another fiber announces. Nothing is queued: who does not wait does not hear.
 * One signal serves all objects of a kind, and who is woken looks whether it was meant: an object costs at least 100
 * bytes of heap on this VM, and a wake-up for nothing costs microseconds.
 */
export class Signal {
    private waiting: ds.Fiber[] = []

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

    /** Wake all that wait. @param value anything but `undefined`, which stands for a time-out */
    notify(value: any): void {
        while (this.waiting.length > 0) {
            const fiber = this.waiting.pop()
            if (fiber.suspended) fiber.resume(value)
        }
    }
}
