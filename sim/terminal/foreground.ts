/** The command that the prompt waits for, and how Ctrl-C ends that. */

/** Milliseconds for the phone to end a command. */
const CANCEL_TIMEOUT = 2_000

export class Foreground {
    private readonly cancel = new AbortController()
    private resolve!: () => void
    private readonly left = new Promise<void>(resolve => (this.resolve = resolve))
    private timer: NodeJS.Timeout | undefined
    /** Whether the prompt waits no more: what the command still says is for nobody. */
    isLeft = false

    /** Asks the command to end. */
    get signal(): AbortSignal {
        return this.cancel.signal
    }

    /** Ctrl-C: the first asks the command to end, the next one does not wait for that. */
    interrupt(): void {
        if (this.signal.aborted) return this.leave()
        this.timer = setTimeout(() => this.leave(), CANCEL_TIMEOUT)
        this.cancel.abort()
    }

    /** Waits until the command has ended, or is left. */
    async wait(work: Promise<unknown>): Promise<void> {
        // it may fail when nobody waits any more
        work.catch(() => {})
        try {
            await Promise.race([work, this.left])
        } finally {
            clearTimeout(this.timer)
        }
    }

    private leave(): void {
        this.isLeft = true
        this.resolve()
    }
}
