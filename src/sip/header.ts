/**
 * The header fields of SIP that this phone knows, and the tables by which `parse` finds a name among them without a look at each.
 * Read first: RFC 3261, 7.3.1 (case) and 7.3.3 (compact forms); 20 (what each field says).
 */

/** Those before `Via` have one value, and may be there once. Their numbers are in the table below. */
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

/** Of each name, full and compact, the first and the last four letters, and which header it is. What is alike in these and in its length is taken for it. */
export const NAMES: Buffer = hex`
    46726f6d 46726f6d 00  546f0000 546f0000 01  43616c6c 6c2d4944 02  43536571 43536571 03
    436f6e74 6e677468 04  4d61782d 61726473 05  436f6e74 54797065 06  45787069 69726573 07
    4d696e2d 69726573 08  53657373 69726573 09  4d696e2d 6e2d5345 0a  52656665 722d546f 0b
    4576656e 76656e74 0c  52657472 66746572 0d  52656665 642d4279 0e  53756273 74617465 0f
    56696100 56696100 10  436f6e74 74616374 11  526f7574 6f757465 12  5265636f 6f757465 13
    52657175 75697265 14  50726f78 75697265 15  53757070 72746564 16  556e7375 72746564 17
    416c6c6f 6c6c6f77 18  41636365 63657074 19  436f6e74 64696e67 1a  5757572d 63617465 1b
    50726f78 63617465 1c  62000000 62000000 0e  63000000 63000000 06  65000000 65000000 1a
    66000000 66000000 00  69000000 69000000 02  6b000000 6b000000 16  6c000000 6c000000 04
    6d000000 6d000000 11  6f000000 6f000000 0c  72000000 72000000 0b  74000000 74000000 01
    76000000 76000000 10  78000000 78000000 09`
export const NAME = 9

/** Where in `NAMES` a name is, by what `parse` makes of its last four letters and its length: no two names come out alike. */
export const BY_KEY: Buffer = hex`
    0b 0c ff ff ff ff ff 07 ff ff ff 08 ff ff ff 09 ff ff 00 ff ff 05 ff ff ff ff ff ff ff ff ff ff
    ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff 03 ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff
    ff 21 ff 22 ff 24 23 25 ff ff ff 1d 1e ff 1f 20 ff ff ff ff 29 ff ff ff ff 26 ff ff ff 28 ff 27
    ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff 1b 1a 1c ff 10
    ff ff ff ff ff 11 14 ff ff ff 06 ff 15 ff ff ff 0f ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff
    ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff 04 ff ff ff ff ff ff ff ff ff ff
    01 ff ff ff ff ff ff ff ff ff 18 ff ff ff ff ff ff ff ff ff ff ff ff ff ff 0d ff ff ff ff ff ff
    ff 16 ff 17 ff ff ff ff ff ff ff 12 02 0a ff ff ff 19 13 ff ff ff ff 0e ff ff ff ff ff ff ff ff`

/** None of the known headers. */
export const NONE = 255

/** Letters of both cases are alike under this mask, four at a time. It confuses a hyphen with a carriage return, which is in no name. */
export const FOLD = ~0x20202020
