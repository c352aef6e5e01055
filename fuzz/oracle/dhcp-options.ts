/** The oracle for the options of a DHCP message (RFC 2131, 4.1; RFC 2132; RFC 3396; RFC 3442; RFC 4361). */

type Option = [code: number, data: Buffer]

export const END = 255
const PAD = 0
const OVERLOAD = 52
const ROUTES = 121
const OPTIONS = 240
/** Bytes of a message that are read, and options. */
const READ = 548
const OPTIONS_MAX = 64

/** Lengths of the options that say something to the phone; 28 and those of names are kept, or only looked at. A list is one or more addresses. */
const EXACT = new Map([
    [1, 4],
    [28, 4],
    [51, 4],
    [52, 1],
    [53, 1],
    [54, 4],
    [58, 4],
    [59, 4],
    [80, 0],
])
const LISTS = new Set([3, 6, 42])
const LEAST = new Map([
    [15, 1],
    [61, 2],
    [66, 1],
    [67, 1],
    [121, 1],
])

function isWhole([code, { length }]: Option): boolean {
    if (EXACT.has(code)) return length === EXACT.get(code)
    if (LISTS.has(code)) return length > 0 && length % 4 === 0
    return length >= (LEAST.get(code) ?? 0)
}

/** The options of a message as the phone takes them. */
export class Options {
    /** How many are none: each is as if it were not there (RFC 1122, 1.2.2). */
    flaws = 0
    private readonly list: Option[] = []

    constructor(message: Buffer) {
        const { list, cut } = read(message)
        this.flaws += cut
        for (const option of list)
            if (isWhole(option)) this.list.push(option)
            else this.flaws++
        const routes = this.all(ROUTES)
        if (routes.length > 0 && !areRoutes(Buffer.concat(routes))) this.flaws++
    }

    /** Of two of a kind the first counts. */
    first(code: number): Buffer | undefined {
        return this.list.find(option => option[0] === code)?.[1]
    }

    all(code: number): Buffer[] {
        return this.list.filter(option => option[0] === code).map(([, data]) => data)
    }

    octet(code: number): number | undefined {
        return this.first(code)?.[0]
    }

    /** An address, or seconds. */
    word(code: number): number | undefined {
        return this.first(code)?.readUInt32BE(0)
    }
}

/** Those in all fields that hold some, and how many run past the end of their field: such a one ends it. */
function read(message: Buffer): { list: Option[]; cut: number } {
    const list: Option[] = []
    let cut = 0
    const readField = (field: Buffer) => {
        for (let i = 0; i < field.length && list.length <= OPTIONS_MAX; ) {
            const code = field[i++]
            if (code === END) return
            if (code === PAD) continue
            const length = field[i++]
            if (length === undefined || i + length > field.length) {
                cut++
                return
            }
            list.push([code, field.subarray(i, i + length)])
            i += length
        }
    }
    readField(message.subarray(OPTIONS, READ))
    if (list.length <= OPTIONS_MAX) {
        // the first that says something, behind the cookie
        const fields = list.find(([code, data]) => code === OVERLOAD && data.length === 1 && data[0] >= 1 && data[0] <= 3)?.[1][0] ?? 0
        if (fields & 1) readField(message.subarray(108, 236))
        if (fields & 2) readField(message.subarray(44, 108))
    }
    return { list: list.slice(0, OPTIONS_MAX), cut }
}

/** RFC 3442: width of a prefix, as many octets of it as are significant, router. */
function areRoutes(b: Buffer): boolean {
    for (let i = 0; i < b.length; ) {
        const width = b[i]
        i += 1 + Math.ceil(width / 8) + 4
        if (width > 32 || i > b.length) return false
    }
    return true
}
