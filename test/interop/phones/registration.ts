/** At whom a phone registers, and through whom its calls go. */
export interface Registration {
    domain: string
    /** `sip:HOST:PORT` */
    proxy: string
    password: string
}
