import * as ds from "@devicescript/core"
import { inUse, keepReady } from "./iface/addresses"

/** 49 days: while nobody uses an address, the phone restarts from then on. */
const RESTART_AFTER = 49 * 86400000
/** A minute before the end of the runtime's clock, calls or no. */
const RESTART_LATEST = 4294967296 - 60000
const INTERVAL = 5000
/** Milliseconds in which what was said last leaves: an answer of the console, frames that wait for the SPI bus. */
const FAREWELL = 200

/**
 * Restart the phone in time. `ds.millis()` goes on for ever, but the runtime's scheduler compares 32 bits of it: what
 * sleeps when they wrap, after 49.7 days, sleeps for another 49.7. The common address outlives the restart.
 * @see DeviceScript's runtime, devs_fiber_sleep and devs_fiber_wake_some in fibers.c
 */
export async function watchUptime() {
    while (ds.millis() < RESTART_AFTER || (inUse() && ds.millis() < RESTART_LATEST)) await ds.sleep(INTERVAL)
    console.log("restarting: the clock is about to wrap")
    await keepReady(0)
    await restart()
}

/** Restart the phone, when what it has said last has left. */
export async function restart() {
    await ds.sleep(FAREWELL)
    ds.reboot()
}
