import * as ds from "@devicescript/core"
import { setPhy } from "../../src/link/ethernet"
import { interfaces, setAddress } from "../../src/link/interface"
import { confirmNeighbour, neighbourOf } from "../../src/link/neighbours"
import { Phy } from "../../src/phy/phy"
import { Session } from "../../src/rtp/session"
import { bind, connect, startSockets } from "../../src/socket/api"
import { setsockopt } from "../../src/socket/options"
import { SocketOption } from "../../src/socket/socket"
import { openSocket } from "../../src/socket/table"
import { TUPLE_COMMON } from "../../src/socket/tuple"
import { Codec } from "../../src/voice/g711"
import { Play } from "../../src/voice/source"
import { addressOf, maskOf } from "../../src/wire/address"

/**
 * The eight calls that are measured, on any PHY. Their addresses are those of `bench/frames.ts`, which makes what
 * arrives for them. They send when somebody says so: there is no clock.
 */
export const CALLS = 8
export const MAC: Buffer = hex`02 54 50 00 00 01`
export const PEER_MAC: Buffer = hex`02 00 0a 4d 00 01`
export const PEER = addressOf(10, 77, 0, 2)
const PEER_PORT = 4000
export const PORT = 5004

export const sessions: Session[] = []

/** Have the stack on a PHY, which is started afterwards. */
export function startOn(phy: Phy): void {
    setPhy(phy)
    startSockets(TUPLE_COMMON)
}

/** Open them, on a PHY whose link is up. */
export async function openCalls(): Promise<void> {
    for (let i = 0; i < CALLS; i++) {
        const ifc = interfaces[i + 1]
        ifc.process = 0
        setAddress(ifc, addressOf(10, 77, 0, 51 + i), maskOf(24), PEER)
        const sd = openSocket(0, ifc, undefined)
        setsockopt(sd, SocketOption.SO_NO_CHECK, true)
        await bind(sd, { port: PORT })
        await connect(sd, { address: PEER, port: PEER_PORT })
        confirmNeighbour(neighbourOf(PEER), PEER_MAC.getAt(0, "i32"), PEER_MAC.getAt(4, "u16"), ds.millis())
        const session = new Session()
        session.open(Codec.PCMU, Play.Speech)
        session.begin(sd)
        sessions.push(session)
    }
}
