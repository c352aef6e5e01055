/**
 * Redirects: a router has named a better one on the link for a destination. One is kept, the latest: for what gives way to it the first
 * router serves, and says so again. Read first: RFC 792, "Redirect"; RFC 1122, 3.2.2.2 and 3.3.1.2.
 */
import * as ds from "@devicescript/core"
import { Interface, isSource } from "../link/interface"
import { neighbourOf } from "../link/neighbours"

/** Milliseconds for which a redirect holds. */
const LIFETIME = 600000

/** The destination, who has named the router, the router, and until when it holds. */
let destination: number
let first: number
let better: number
let until = 0

/** Believe a redirect. @returns false if it is not from the router that is asked now, or names none on the link */
export function redirect(ifc: Interface, dst: number, from: number, via: number): boolean {
    if (from !== ifc.router()) return false
    if (((via ^ ifc.address) & ifc.mask) !== 0) return false
    if (!isSource(ifc, via)) return false
    destination = dst
    first = from
    better = via
    until = ds.millis() + LIFETIME
    return true
}

/** The router towards a destination off the link: the one that the default router has named, as long as it answers; 0 without one. */
export function routerTo(ifc: Interface, dst: number): number {
    const router = ifc.router()
    if (dst === destination) if (router === first) if (until > ds.millis()) if (neighbourOf(better)) return better
    return router
}

/** The link has come up, perhaps elsewhere. */
export function forgetRedirects(): void {
    until = 0
}
