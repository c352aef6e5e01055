/**
 * How good a call sounds, as the E-model has it with its defaults: what is lost and how long voice takes are all that differs.
 * Read first: ITU-T G.107 (06/15), 7.1 to 7.6; G.113 (11/07), Appendix I, table I.1.
 */
import { PTIME } from "../base/config"
import { ROUND_TRIP, expectedOf, jitterOf, lostOf, receivedOf } from "./reception"

/** R of a call with nothing wrong, G.107 7.7. */
const BEST = 93.2
/** How little G.711 suffers from losses that are made up for, and from random ones (G.113, table I.1). */
const ROBUSTNESS = 25.1
/** Milliseconds that nobody minds (G.107, 7.4). */
const UNNOTICED = 100

/** The round trip in milliseconds, by RTCP; 0 as long as it is not known. */
export function roundTripOf(r: Buffer): number {
    return Math.max(r.getAt(ROUND_TRIP, "u32") - 1, 0)
}

/**
 * What listeners would say on average, from 1 to 4.5 (G.107, annex B); 0 if nothing was heard. A jitter buffer is taken to hold twice what the
 * jitter is.
 */
export function mosOf(r: Buffer): number {
    if (receivedOf(r) === 0) return 0
    const lost = (100 * Math.max(lostOf(r), 0)) / expectedOf(r)
    let rating = BEST - (95 * lost) / (lost + ROBUSTNESS)
    const delay = roundTripOf(r) / 2 + PTIME + 2 * jitterOf(r)
    if (delay > UNNOTICED) {
        const x = Math.log(delay / UNNOTICED) / Math.LN2
        rating -= 25 * ((1 + x ** 6) ** (1 / 6) - 3 * (1 + (x / 3) ** 6) ** (1 / 6) + 2)
    }
    if (rating < 0) return 1
    const mos = 1 + 0.035 * rating + rating * (rating - 60) * (100 - rating) * 0.000007
    return Math.round(100 * Math.max(mos, 1)) / 100
}
