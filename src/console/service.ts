/** Jacdac services of our own: what `server.ts` and `handset.ts` need of the runtime, and no more. */
import * as ds from "@devicescript/core"

/** The runtime's end of a Jacdac server device. */
type Host = typeof ds & {
    _onServerPacket(packet: ds.Packet): Promise<void>
    _serverSend(serviceIndex: number, packet: ds.Packet): Promise<void>
}
const host = ds as Host

/** The counter of a device that has been there for a while. */
const RESTARTS_STEADY = 15
/** Milliseconds between announcements (Jacdac protocol). */
const ANNOUNCE_INTERVAL = 500
/** Octets of the number of a service. */
const CLASS = 4

/** Takes a command of a service. @returns whether there is such a command */
type Handler = (packet: ds.Packet) => Promise<boolean>

/** The services of our server device, behind the control service, which is 0. */
const handlers: Handler[] = []
let classes = Buffer.alloc(0)

/**
 * Serve a Jacdac service on a device of our own. `@devicescript/server` would do it with classes for every kind of
 * service, and with 3 KB of heap, which two calls live on.
 * @returns what sends a packet of it
 */
export function serve(spec: ds.ServiceSpec, handler: Handler): (packet: ds.Packet) => Promise<void> {
    const own = Buffer.alloc(CLASS)
    own.setAt(0, "u32", spec.classIdentifier)
    classes = Buffer.concat(classes, own)
    handlers.push(handler)
    const index = handlers.length
    return async packet => await host._serverSend(index, packet)
}

/** Show the device with the services that it has by now. */
export function startServices(): void {
    host._onServerPacket = async packet => {
        if (packet.isReport) return
        const handler = handlers[packet.serviceIndex - 1]
        if (handler)
            try {
                if (await handler(packet)) return
            } catch (e) {
                // a malformed packet; an exception on the fiber of an event would end the program
                return console.log(`console: ${(e as Error).message}`)
            }
        await host._serverSend(packet.serviceIndex, packet.notImplemented())
    }
    announce.start()
}

async function announce() {
    const response = ds.Announce.spec.lookup("announce").response
    // counts up from a restart to the value that it keeps, so that clients notice it
    let restarts = 1
    for (;;) {
        await host._serverSend(0, response.encode([restarts, 0, 0, classes]))
        if (restarts < RESTARTS_STEADY) restarts++
        await ds.sleep(ANNOUNCE_INTERVAL)
    }
}
