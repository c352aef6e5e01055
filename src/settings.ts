import { readSetting } from "@devicescript/settings"
import { DEFAULT_LAN, DEFAULT_POOL } from "./config"
import { Pool, parsePool } from "./iface/pool"
import { TUPLE_COMMON, TUPLE_DHCP, TUPLE_STATIC } from "./socket/socket"

/** What a board is told through `.env.defaults` and `.env.local`. */
export interface Settings {
    /** `tcp://HOST:PORT` or `tls://HOST:PORT` of the gateway that carries our frames. */
    lan: string
    pool: Pool
    /** What `AF_INET_TUPLE` without a tuple means. */
    tuple: number
}

/** Read the settings. One that makes no sense is reported, and its default taken. */
export async function readSettings(): Promise<Settings> {
    const lan = (await readSetting<string>("LAN", DEFAULT_LAN)) || DEFAULT_LAN
    let pool = parsePool(DEFAULT_POOL)
    try {
        pool = parsePool((await readSetting<string>("POOL", DEFAULT_POOL)) || DEFAULT_POOL)
    } catch (e) {
        console.log(`settings: ${(e as Error).message}`)
    }
    const name = (await readSetting<string>("TUPLE", "dhcp")) || "dhcp"
    let tuple = TUPLE_DHCP
    if (name === "static") tuple = TUPLE_STATIC
    else if (name === "common") tuple = TUPLE_COMMON
    else if (name !== "dhcp") console.log(`settings: TUPLE is ${name}: it must be dhcp, static or common`)
    return { lan, pool, tuple }
}
