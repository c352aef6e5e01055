/** A Jacdac service of our own, with one command: what `server.ts` needs of the runtime, and no more. */
import * as ds from "@devicescript/core"

/** The runtime's end of a Jacdac server device. */
type Host = typeof ds & {
    _onServerPacket(packet: ds.Packet): Promise<void>
    _serverSend(serviceIndex: number, packet: ds.Packet): Promise<void>
}
const host = ds as Host

/** The one service of our server device, behind the control service, which is 0. */
const SERVICE = 1
/** The counter of a device that has been there for a while. */
const RESTARTS_STEADY = 15
/** Milliseconds between announcements (Jacdac protocol). */
const ANNOUNCE_INTERVAL = 500

/** Runs a command. */
type Handler = (fields: any) => Promise<void>

/**
 * Serve one Jacdac service with one command on a device of our own. `@devicescript/server` would do it with classes
 * for every kind of service, and with 3 KB of heap, which two calls live on.
 * @param spec the service
 * @param command name of its command, whose reports are its answers
 * @returns what sends one of these reports
 */
export function serve(spec: ds.ServiceSpec, command: string, handler: Handler): (fields: any[]) => Promise<void> {
    host._onServerPacket = async packet => {
        if (packet.isReport) return
        spec.assign(packet)
        if (packet.serviceIndex === SERVICE)
            if (packet.spec?.name === command) {
                try {
                    await handler(packet.decode())
                } catch (e) {
                    // a malformed packet; an exception on the fiber of an event would end the program
                    console.log(`console: ${(e as Error).message}`)
                }
                return
            }
        await host._serverSend(packet.serviceIndex, packet.notImplemented())
    }
    announce.start(spec)
    const { response } = spec.lookup(command)
    return async fields => await host._serverSend(SERVICE, response.encode(fields))
}

async function announce(spec: ds.ServiceSpec) {
    const response = ds.Announce.spec.lookup("announce").response
    // counts up from a restart to the value that it keeps, so that clients notice it
    let restarts = 1
    for (;;) {
        await host._serverSend(0, response.encode([restarts, 0, 0, spec.classIdentifier]))
        if (restarts < RESTARTS_STEADY) restarts++
        await ds.sleep(ANNOUNCE_INTERVAL)
    }
}
