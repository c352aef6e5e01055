/** Random choices that come out the same from the same seed (mulberry32). */
export class Random {
    constructor(private state: number) {}

    /** From 0 to 1, without 1. */
    fraction(): number {
        this.state = (this.state + 0x6d2b79f5) | 0
        let t = Math.imul(this.state ^ (this.state >>> 15), this.state | 1)
        t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t
        return ((t ^ (t >>> 14)) >>> 0) / 0x100000000
    }

    /** From 0 to `n` - 1. */
    below(n: number): number {
        return Math.floor(this.fraction() * n)
    }

    chance(p: number): boolean {
        return this.fraction() < p
    }

    one<T>(list: readonly T[]): T {
        return list[this.below(list.length)]
    }

    bytes(n: number): Buffer {
        return Buffer.from(Array.from({ length: n }, () => this.below(256)))
    }

    word(): number {
        return Math.floor(this.fraction() * 0x100000000)
    }

    /** One of several ways, each with its weight. */
    way<T>(ways: readonly (readonly [weight: number, way: T])[]): T {
        let at = this.fraction() * ways.reduce((sum, [weight]) => sum + weight, 0)
        for (const [weight, way] of ways) {
            at -= weight
            if (at < 0) return way
        }
        return ways[0][1]
    }
}
