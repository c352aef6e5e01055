import { setNextSend } from "../../src/dhcp/client"
import * as ds from "@devicescript/core"
import { dhcpEndpoint } from "../../src/dhcp/input"
import { setPhy } from "../../src/link/ethernet"
import { receive } from "../../src/ip/input"
import { addEverywhere, interfaces, setAddress } from "../../src/link/interface"
import { LeaseState, leases } from "../../src/dhcp/lease"
import { streamPhy } from "../../src/phy/stream"
import { addressOf } from "../../src/wire/address"
import { say } from "../bench/measure"

/**
 * For `test/vm/dhcp-variants.test.ts`: a DHCP client to which each frame comes as if it were the only one. It waits for an
 * offer, for the ACK to its request, for an ACK to its rapid DISCOVER, and for one to its INIT-REBOOT, in turn. A frame
 * of one byte asks what became of those before it: a record of 21 bytes for each, in hexadecimal digits.
 */
const XID = 0x44332211
const REQUESTED = addressOf(10, 77, 0, 60)
const SERVER = addressOf(10, 77, 0, 1)
const STATES = [LeaseState.Selecting, LeaseState.Requesting, LeaseState.Selecting, LeaseState.Rebooting]
/** Frames between two questions, at most. */
const FRAMES = 128
const RECORD = 21
/** What became of a frame. */
const NOTHING = 0
const OFFER_TAKEN = 1
const BOUND = 2
const REFUSED = 3
const FAULT = 9

const phy = streamPhy("tcp://127.0.0.1:4789", 0x00005402, 0x0100)
setPhy(phy)
addEverywhere(dhcpEndpoint)

const ifc = interfaces[0]
const lease = leases[0]
ifc.process = 0
const records = Buffer.alloc(FRAMES * RECORD)
let frames = 0
let turn = 0

function take(b: Buffer, at: number, length: number): void {
    if (length === 1) {
        say(records.slice(0, frames * RECORD).toString("hex"))
        frames = 0
        return
    }
    const state = STATES[turn & 3]
    turn++
    setAddress(ifc, 0, 0, 0)
    lease.state = state
    lease.xid = XID
    lease.address = state === LeaseState.Selecting ? 0 : REQUESTED
    lease.server = state === LeaseState.Requesting ? SERVER : 0
    lease.leaseTime = 0
    lease.attempts = 0
    setNextSend(lease, Infinity)
    lease.started = ds.millis()
    receive(b, at, length)

    let what = NOTHING
    if (lease.state === LeaseState.Bound) what = BOUND
    else if (ifc.address !== 0) what = FAULT
    else if (lease.state === LeaseState.Requesting && state === LeaseState.Selecting) what = OFFER_TAKEN
    else if (lease.state === LeaseState.Init || (lease.state === LeaseState.Selecting && state === LeaseState.Rebooting)) what = REFUSED
    else if (lease.state !== state) what = FAULT
    const r = frames * RECORD
    frames++
    records.fillAt(r, RECORD, 0)
    records[r] = what
    if (what !== BOUND && what !== OFFER_TAKEN) return
    records.setAt(r + 1, "i32", what === BOUND ? ifc.address : lease.address)
    records.setAt(r + 5, "i32", lease.server)
    if (what !== BOUND) return
    records.setAt(r + 9, "i32", ifc.mask)
    records.setAt(r + 13, "i32", ifc.gateway)
    records.setAt(r + 17, "u32", lease.leaseTime === Infinity ? 4294967295 : lease.leaseTime)
}

phy.start(take, () => {})
while (!phy.up) await ds.sleep(1)
say("ready")
while (true) await ds.sleep(60000)
