/** Tells the user when a phone's LAN hangs up, and when it is there again: read in the log of the firmware. */

/** Milliseconds that the LAN must stay up before we say it is back: one that keeps hanging up is reported once. */
const STEADY = 5_000

export class LinkWatch {
    private isDown = false
    private timer: NodeJS.Timeout | undefined

    /** @param lan its URL, for the user */
    constructor(
        private readonly lan: string,
        private readonly say: (text: string) => void
    ) {}

    /** Takes a line of the log. */
    log(line: string): void {
        const [, state] = /^phy: (up|down), /.exec(line) ?? []
        if (!state) return
        clearTimeout(this.timer)
        if (state === "down" && !this.isDown) {
            this.isDown = true
            this.say(`the LAN (${this.lan}) has hung up; the phone tries to reach it again and again`)
        }
        if (state === "up" && this.isDown) this.timer = setTimeout(() => this.isBack(), STEADY).unref()
    }

    private isBack(): void {
        this.isDown = false
        this.say(`the LAN (${this.lan}) is there again`)
    }
}
