/**
 * Restarts: when the console asks, and before the runtime's clock wraps.
 */
import * as ds from "@devicescript/core"
import { inUse, keepReady } from "../address/ready"

/** 49 days. From then on the phone restarts as soon as nobody uses an address. */
const RESTART_AFTER = 49 * 86400000
/** A minute before the clock wraps: the phone restarts even during calls. */
const RESTART_LATEST = 4294967296 - 60000
const INTERVAL = 5000
/** Milliseconds for the last answer of the console, and for frames that wait for the SPI bus, to leave. */
const FAREWELL = 200

/**
 * Restart the phone in time. `ds.millis()` goes on for ever, but the runtime's scheduler compares only 32 bits of it. They wrap
 * after 49.7 days, and a fiber that sleeps then sleeps for another 49.7. The common address outlives the restart.
 * @see DeviceScript's runtime, devs_fiber_sleep and devs_fiber_wake_some in fibers.c
 */
export async function watchUptime() {
    while (ds.millis() < RESTART_AFTER || (inUse() && ds.millis() < RESTART_LATEST)) await ds.sleep(INTERVAL)
    console.log("restarting: the clock is about to wrap")
    await keepReady(0)
    await restart()
}

/** Let the last words leave, then restart. */
export async function restart() {
    await ds.sleep(FAREWELL)
    ds.reboot()
}
