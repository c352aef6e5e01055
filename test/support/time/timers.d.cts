export interface Timer {
    hasRef(): boolean
    unref(): Timer
}

export class Timers {
    now: number
    readonly next: number
    readonly wanted: boolean
    onSet: () => void
    installClocks(cost?: number): void
    install(): void
    set(ms: number, run: () => void, every?: number): Timer
    clear(timer: Timer): void
    runNext(): void
}

/** What every program has, whatever takes its place. */
export const real: Pick<typeof globalThis, "setTimeout" | "clearTimeout" | "setImmediate">
