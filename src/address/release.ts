/** The end of an interface: its address goes back to where it came from. */
import { releaseLease } from "../dhcp/client"
import { leases } from "../dhcp/lease"
import { forgetConflicts } from "../link/acd"
import { FREE, Interface, interfaceOnLink } from "../link/interface"
import { giveCommonMac } from "../link/macs"
import { neighbours, removeNeighbour } from "../link/neighbours"

/** Take an interface and its address away; a leased address goes back to its server (claims 36-38). */
export async function closeInterface(ifc: Interface): Promise<void> {
    await releaseLease(leases[ifc.slot])
    forgetConflicts(ifc)
    giveCommonMac(ifc)
    ifc.rx = 0
    ifc.tx = 0
    ifc.dscp = 0
    ifc.process = FREE
    // from the last on, since they may be removed
    for (let i = neighbours.length - 1; i >= 0; i--) {
        const n = neighbours[i]
        if (n.ifc === ifc) {
            const other = interfaceOnLink(n.address)
            if (other) n.ifc = other
            else removeNeighbour(n)
        }
    }
}
