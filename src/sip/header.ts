/**
 * The header fields of SIP that this phone knows, and how a name is found among them without a look at each.
 * Read first: RFC 3261, 7.3.1 (case) and 7.3.3 (compact forms); 20 (what each field says).
 */

/** Those before `Via` have one value, and may be there once. Their order is that of the tables below. */
export enum Header {
    From,
    To,
    CallId,
    CSeq,
    ContentLength,
    MaxForwards,
    ContentType,
    Expires,
    MinExpires,
    /** RFC 4028, 4 and 5. */
    SessionExpires,
    MinSe,
    /** RFC 3515, 2.1; RFC 3892, 3. */
    ReferTo,
    /** RFC 6665, 8.2. */
    Event,
    RetryAfter,
    ReferredBy,
    SubscriptionState,
    Via,
    Contact,
    Route,
    RecordRoute,
    Require,
    ProxyRequire,
    Supported,
    Unsupported,
    Allow,
    Accept,
    ContentEncoding,
    WwwAuthenticate,
    ProxyAuthenticate,
    /** Of the known ones. */
    Total,
}

/** The names, each in `NAME` octets: From, To, Call-ID, CSeq, ... in the order of the enumeration. */
export const NAMES: Buffer = hex`
    46726f6d00000000000000000000000000000000
    546f000000000000000000000000000000000000
    43616c6c2d494400000000000000000000000000
    4353657100000000000000000000000000000000
    436f6e74656e742d4c656e677468000000000000
    4d61782d466f7277617264730000000000000000
    436f6e74656e742d547970650000000000000000
    4578706972657300000000000000000000000000
    4d696e2d45787069726573000000000000000000
    53657373696f6e2d457870697265730000000000
    4d696e2d53450000000000000000000000000000
    52656665722d546f000000000000000000000000
    4576656e74000000000000000000000000000000
    52657472792d4166746572000000000000000000
    52656665727265642d4279000000000000000000
    537562736372697074696f6e2d53746174650000
    5669610000000000000000000000000000000000
    436f6e7461637400000000000000000000000000
    526f757465000000000000000000000000000000
    5265636f72642d526f7574650000000000000000
    5265717569726500000000000000000000000000
    50726f78792d5265717569726500000000000000
    537570706f727465640000000000000000000000
    556e737570706f72746564000000000000000000
    416c6c6f77000000000000000000000000000000
    4163636570740000000000000000000000000000
    436f6e74656e742d456e636f64696e6700000000
    5757572d41757468656e74696361746500000000
    50726f78792d41757468656e7469636174650000`
export const NAME = 20

/** None of the known headers. */
const NONE = 255

/** Headers by what `headerAt` makes of their names: no two come out alike, nor one and its own beginning,
 * so that at most one name has to be compared, and no length. */
const BY_KEY: Buffer = hex`
    ff ff ff ff ff ff ff ff ff ff ff 0a ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff
    ff ff ff ff ff ff ff ff 06 ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff 04 ff ff ff
    ff ff ff ff 1c ff ff ff ff ff ff ff 05 ff 0c ff ff ff ff ff ff 07 ff ff ff ff ff ff 0f ff ff 00
    ff ff ff 11 ff ff ff ff 19 02 ff ff 1b ff ff 18 ff ff ff ff ff 08 ff ff ff ff ff ff ff 03 ff ff
    ff ff ff ff 0b ff ff ff ff ff 0e ff ff 0d ff ff ff ff ff ff ff 16 ff ff ff ff ff ff ff ff ff ff
    ff ff ff ff 13 09 ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff 17 ff ff ff ff 15 ff ff ff ff ff
    ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff 1a ff ff ff ff ff ff ff ff ff
    ff 10 ff ff 01 ff ff ff ff ff ff ff 12 ff ff ff ff ff ff ff ff ff ff ff ff ff 14 ff ff ff ff ff`

/** Headers by their compact forms, a to z. */
const COMPACT: Buffer = hex`
    ff 0e 06 ff 1a 00 ff ff 02 ff 16 04 11 ff 0c ff ff 0b ff 01 ff 10 ff 09 ff ff`

/** Letters of both cases are alike under this mask, four at a time. It confuses a hyphen with a carriage return, which is in no name. */
const FOLD = ~0x20202020

/**
 * The header whose name is at `at`, in any case, full or compact.
 * @returns none of the known ones: a number that is not less than `Header.Total`, or `undefined`
 */
export function headerAt(b: Buffer, at: number, length: number): number {
    if (length < 2) return COMPACT[(b[at] | 32) - 97]
    const id = BY_KEY[((b[at + length - 2] & 0xdf) ^ ((b[at] ^ length) << 3)) & 255]
    if (id === NONE) return NONE
    const name = id * NAME
    let difference = b.getAt(at, "i32") ^ NAMES.getAt(name, "i32")
    // To and Via
    if (length < 4) difference <<= (4 - length) * 8
    // word by word from the end; the last of these may overlap the first
    for (let i = length - 4; i > 0; i -= 4) difference |= b.getAt(at + i, "i32") ^ NAMES.getAt(name + i, "i32")
    return (difference & FOLD) === 0 ? id : NONE
}
