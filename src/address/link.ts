/** The network layer on its PHY: its start, and what follows the link. */
import { INTERFACES } from "../base/config"
import { addEverywhere, interfaces } from "../link/interface"
import { LeaseEvent, startLease, transition } from "../dhcp/client"
import { dhcpEndpoint } from "../dhcp/input"
import { leaseChanged, leases } from "../dhcp/lease"
import { receive } from "../ip/input"
import { forgetRedirects } from "../ip/redirects"
import { claimAgain } from "../link/acd"
import { followLink, phy, setPhy } from "../link/ethernet"
import { forgetServer } from "../link/macs"
import { doubtNeighbours } from "../link/neighbours"
import { Phy } from "../phy/phy"
import { deadlineOf, reserveTimers, setTimer, runTimerClock } from "../base/timers"
import * as ds from "@devicescript/core"
import { setPool } from "./assign"
import { Memory, remember, startCommon } from "./common"
import { Pool } from "./pool"
import { READY, refill } from "./ready"

/**
 * Start the network layer on a PHY: the common interface asks for its address at once.
 * @param remembers where the common address outlives a restart; without it, it does not
 */
export function startInterfaces(p: Phy, reserved: Pool, remembers?: Memory): void {
    setPool(reserved)
    setPhy(p)
    addEverywhere(dhcpEndpoint)
    startCommon(remembers)
    runTimerClock.start()
    follow.start()
    p.start(receive, onLink)
}

function onLink(up: boolean): void {
    followLink()
    if (!up) {
        console.log(`phy: down, ${phy.label}`)
        return forgetServer()
    }
    console.log(`phy: up, ${phy.label}`)
    const now = ds.millis()
    for (let i = 0; i < INTERFACES; i++) {
        const ifc = interfaces[i]
        claimAgain(ifc)
        // what another server refused, this one may give
        if (ifc.process === READY) if (leases[i].failure) startLease(ifc)
    }
    for (let i = 0; i < INTERFACES; i++) transition(leases[i], LeaseEvent.Link, now)
    forgetRedirects()
    doubtNeighbours(now)
}

/** Milliseconds between a change and what is made of it: at boot, and when calls end together, there are several in a row. */
const SETTLING = 250
/** What wakes `follow` when that time is over. */
const SETTLED = "settled"
const timer = reserveTimers(1, () => leaseChanged.notify(SETTLED))

/** Follow the leases: keep some ready, and the common address in mind. All in one function, whose activation stays where it is made. */
async function follow() {
    for (;;) {
        leaseChanged.waiting.push(ds.Fiber.self())
        const why = await ds.suspend<any>(undefined)
        const soon = ds.millis() + SETTLING
        if (why === SETTLED) setTimer(timer, Math.min(refill(), await remember()))
        else if (deadlineOf(timer) > soon) setTimer(timer, soon)
    }
}
