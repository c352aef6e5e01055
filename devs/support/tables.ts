import { FREE, interfaces, slotByOctet } from "../../src/link/interface"
import { sockets } from "../../src/socket/table"

/** What is in the tables of the stack, for those that no console command shows. */
export function inTables() {
    let endpoints = 0
    for (const ifc of interfaces) for (let e = ifc.endpoints; e; e = e.next) endpoints++
    let addresses = 0
    for (let i = 0; i < slotByOctet.length; i++) if (slotByOctet[i] !== 0) addresses++
    return {
        sockets: sockets.filter(s => s.process !== FREE || s.ifc !== undefined || s.receiver !== undefined).length,
        interfaces: interfaces.filter(i => i.process !== FREE).length,
        endpoints,
        addresses,
    }
}
