/**
 * The tones of a telephone, of several countries: cadences and samples, as tables in flash.
 * Read first: ITU-T E.180 (03/98), 4 to 8, and its Supplement 2, which says what each country has.
 */
import { SAMPLES_PER_FRAME } from "../base/config"
import { choiceOf } from "../base/text"
import { Codec } from "./g711"
import { toAlaw } from "./source"

export enum Tone {
    /** A number may be dialled. */
    Dial,
    /** It rings at the other side. */
    Ringback,
    /** The call has failed. */
    Busy,
    /** Another call rings. */
    Waiting,
    None,
}

/** The countries: most of Europe, North America, the United Kingdom. */
export const COUNTRIES = "eu us uk"

/** For each country and tone: the samples, an index in `SAMPLES`, and how long it sounds and is silent, twice, in units of 100 ms. */
const CADENCES: Buffer = hex`
    00ff000000 000a280a28 0005050505 000202022c
    04ff000000 0214281428 0305050505 0503610361
    01ff000000 0104020414 0604040404 0601140114`
const ENTRY = 5
/** Frames in 100 ms. */
const UNIT = 5

/* Whole periods: each as short as it can be, its frequencies within 0.6 % (E.180, 4 allows 1 %). */

/** 425 Hz, 10 dB below 1 mW. */
const T425: Buffer = hex`
    ffbcaea8a4a4a6abb5ce48332a252325292f3fdfbaada7a4a4a7acb8d94230292523252a3145d3b7aca6a4a4a7adbbeb3e2f282424262b344bcbb4aba6a4a4a8
    afbe6b3b2d272424262c3753c5b1aaa5a3a5a9b0c259382c272424272d3a5fbfafa9a5a3a5aab3c84e352b262424282e3c`
/** 400 and 450 Hz, each 13 dB below, as those that follow. */
const T400_450: Buffer = hex`
    ffb5a79f9c9c9ea3adc8402c221e1c1d212a3bdab3a7a09e9ea1a8b3d63e2d25212022282f44d0b6aba7a5a6a9afbef041342d2b2b2d323d55d3bfb7b3b2b4b9
    c1d1724f46414042484f5c73ece3e4ecff6c64636cf3dccfc8c2c0c1c6cff2514139343233373f53d5bdb2adababadb4c1703e2f292625272b3650c4afa8a2a0
    a1a5adbe563328211e1e2027335abbaaa19d9c9ea2acc0482d231e1c1c1f2735`
/** 440 and 480 Hz. */
const T440_480: Buffer = hex`
    ffb3a59e9c9c9fa9bb4c2d231d1c1d222d48beaba19d9d9fa6b3e53728211e1e222b3cd6b2a8a19fa1a7afc8472f282323252b385ebfafa9a7a7aab1c1663d31
    2c2b2c303a4fd5bdb5b0afb3bac5e351413b393a3d4654fbd6cbc8c8cacfdbec7569696effeee9e9f56c5b4f4a48484b567bd4c6bdbab9bbc1d163453a332f30
    353d55cfbab0acabacb1bde641312a2727292f3fdeb8aba5a3a3a8afc7482f27211f21283256bcaba29e9ea1a8b76533261f1d1d212b3ec8ada29d9c9da3adcc
    3b291f1c1c1e2533`
/** 480 and 620 Hz. */
const T480_620: Buffer = hex`
    ffafa19d9ca0acce3827201f242d45c6b0aaa9acb5c95f443d3e455269ff6952453e3d445fc9b5aca9aab0c6452d241f202738ceaca09c9da1afff2f211d1c20
    2c4eb8a7a09fa4adc546302a292c3549dfc4bdbec5d2e9ffe9d2c5bebdc4df49352c292a3046c5ada49fa0a7b84e2c201c1d212f`
/** 350 and 440 Hz. */
const T350_440: Buffer = hex`
    ffb7a8a09d9c9da0a8b5e33b2b241f1e1f242b385bc1b1aaa7a6a7abb1bedb4e3d363333363b424e67e7dad8dded6d5d585a67e7cec2bbb6b3b3b6bdce5b3e31
    2b2726272a3141dbb8aba49f9e9fa4abbb633528201d1c1d202837ffb7a8a09d9c9da0a8b5e33b2b241f1e1f242b385bc1b1aaa7a6a7abb1bedb4e3d36333336
    3b424e67e7dad8dded6d5d585a67e7cec2bbb6b3b3b6bdce5b3e312b2726272a3141dbb8aba49f9e9fa4abbb633528201d1c1d202837`
/** 440 Hz. */
const T440: Buffer = hex`
    ffc3b6aeacacaeb5c1ec46372f2c2c2e343f62c8b8afacacadb3bedb4b392f2c2c2d323c56cdbab0adabadb1bbd1513b312d2b2d303a4dd6bcb2adacacafb9cb
    5b3e332d2c2c2f3848e2bfb4aeacacafb7c66c41352e2c2c2e3643`
/** 400 Hz. */
const T400: Buffer = hex`
    ffc5b8afacabacafb8c5ff45382f2c2b2c2f3845`
const SAMPLES = [T425, T400_450, T440_480, T480_620, T350_440, T440, T400]

let country = 0

/** Read one of `COUNTRIES`; `undefined` for another name. */
export function parseCountry(name: string): number {
    return choiceOf(COUNTRIES, name)
}

export function setCountry(index: number): void {
    country = index
}

/**
 * Write 20 ms of a tone where it sounds; nothing where it is silent.
 * @param frame how many have passed since it began
 */
export function writeTones(tone: Tone, frame: number, b: Buffer, to: number, codec: Codec): void {
    let entry = (country * Tone.None + tone) * ENTRY
    const of = SAMPLES[CADENCES[entry++]]
    const sounds = CADENCES[entry] * UNIT
    const first = sounds + CADENCES[entry + 1] * UNIT
    let at = frame % (first + (CADENCES[entry + 2] + CADENCES[entry + 3]) * UNIT)
    if (at >= first) {
        at -= first
        if (at >= CADENCES[entry + 2] * UNIT) return
    } else if (at >= sounds) return
    const { length } = of
    const end = to + SAMPLES_PER_FRAME
    let from = (frame * SAMPLES_PER_FRAME) % length
    for (let x = to; x < end; ) {
        const n = Math.min(length - from, end - x)
        b.blitAt(x, of, from, n)
        x += n
        from = 0
    }
    if (codec === Codec.PCMA) toAlaw(b, to)
}
