/** Who the phone is for others: its account, as the settings have it. Read first: RFC 3261, 10. */

/** Texts of settings; "" for none. */
export interface Account {
    /** The address of record, such as `sip:alice@example.com`, and its user part; without an account the latter is the host name. */
    uri: string
    user: string
    /** Where it registers, and the outbound proxy: URIs such as `sip:example.com`. `dhcp` is the proxy that DHCP names. */
    registrar: string
    proxy: string
    /** Rules for what is dialled: see `dialled`. */
    plan: string
    /** Of the digest. */
    username: string
    password: string
    /** Seconds that a registration is asked for. */
    expires: number
    /** Whether it calls under no name (RFC 3323). */
    isHidden: boolean
    /** Whether only the registrar may call. */
    isClosed: boolean
    /** Whether calls are declined. */
    isQuiet: boolean
    /** Milliseconds after which a call is answered by itself; `Infinity` if never. */
    answer: number
    /** What an incoming call plays until it is told something else, of `Play`. */
    play: number
}

/** The phone's own: whoever reads the settings writes it. */
export const account = {} as Account
