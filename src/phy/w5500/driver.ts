/**
 * Ethernet frames through a WIZnet W5500, an Ethernet controller on an SPI bus. Socket 0 is in MACRAW mode and has all of the
 * chip's memory; the chip's own TCP/IP is not used. One fiber does everything: set-up, then turn after turn of one status
 * read and what that calls for.
 * Read first: `registers.ts` (addresses, phases), `queue.ts` (frames that wait), `spi.ts` (the bus). In the datasheet
 * (version 1.0.9): 2.2 SPI frames, 4.2 socket registers.
 */
import * as ds from "@devicescript/core"
import { USUAL_FRAME, W5500_POLL } from "../../base/config"
import { count, Counter, countMany } from "../../base/counters"
import { collect } from "../../base/heap"
import { ETH_HEADER, ETH_MAX, setMac } from "../../wire/ethernet"
import { FrameHandler, Phy, complain, handUp } from "../phy"
import { frames, head, makeQueue, put, remove, setSleeper, waiting } from "./queue"
import {
    BUFFER_KB,
    COMMON,
    LENGTH,
    MR,
    MR_RST,
    NEXT_SOCKET,
    OPEN,
    PHASES,
    PHYCFGR,
    PHYCFGR_FAST,
    PHYCFGR_LNK,
    RECV,
    RX_BUFFER,
    SEND,
    SHAR,
    SIMR,
    SN_CR,
    SN_IMR,
    SN_IR,
    SN_IR_RECV,
    SN_MR,
    SN_MR_BLOCK,
    SN_MR_MACRAW,
    SN_MR_MFEN,
    SN_RXBUF_SIZE,
    SN_RX_RD,
    SN_RX_RSR,
    SN_RX_WR,
    SN_SR,
    SN_TX_RD,
    SN_TX_WR,
    SOCKET,
    SOCK_MACRAW,
    TX_BUFFER,
    VERSION,
    VERSIONR,
    WRITE,
    phases,
    transfer,
} from "./registers"
import { SpiDevice } from "./spi"

/** Octets that a usual frame takes in the receive buffer. */
const USUAL_RECEIVED = LENGTH + USUAL_FRAME
/** Usual frames that one transfer reads if more than one has arrived. */
const READ_TOGETHER = 3
/** Reads of the receive buffer after one status read. */
const READS_PER_TURN = 4
/** Greatest length in the receive buffer: a frame with a VLAN tag. */
const RECEIVED_MAX = LENGTH + ETH_MAX + 4

// A status read begins at Sn_CR and ends with Sn_RX_WR. Its answer has each register here:
const AT_CR = PHASES
const AT_SR = PHASES + SN_SR - SN_CR
const AT_TX_RD = PHASES + SN_TX_RD - SN_CR
const AT_TX_WR = PHASES + SN_TX_WR - SN_CR
const AT_RX_RSR = PHASES + SN_RX_RSR - SN_CR
const AT_RX_RD = PHASES + SN_RX_RD - SN_CR
const AT_RX_WR = PHASES + SN_RX_WR - SN_CR

/** Doubt at which the chip is set up again. A status read that finds it busy adds 1, one that finds it astray `ASTRAY`. */
const DOUBT_MAX = 50
const ASTRAY = 20
/** Milliseconds between looks at the link. */
const LINK_INTERVAL = 500
/** Milliseconds before the next attempt after a set-up that failed: doubled each time. */
const RETRY_FIRST = 250
const RETRY_MAX = 8000

// There is one controller, so its state is the module's.

let phy: Phy
let spi: SpiDevice
let receive: FrameHandler
let link: (up: boolean) => void
/** What Sn_RX_RD and Sn_TX_WR must be. */
let rxRead: number
let txWrite: number
/** See `DOUBT_MAX`. */
export let doubt: number
let fast: boolean
/** Transfers, and buffers for what one of them reads. */
let status: Buffer
let pointer: Buffer
let command: Buffer
let acknowledge: Buffer
let one: Buffer
let several: Buffer
let long: Buffer
/** MAC filter as it shall be, and as the chip was told. */
let filter: number
let filterSet: number
/** What serves the chip; a test ends it. */
export let pump: ds.Fiber

/** The PHY of a board with a W5500, on this bus. */
export function w5500Phy(device: SpiDevice, macHigh: number, macLow: number): Phy {
    spi = device
    makeQueue()
    status = transfer(SN_CR, SOCKET, SN_IMR - SN_CR)
    pointer = transfer(SN_TX_WR, SOCKET | WRITE, 2)
    command = transfer(SN_CR, SOCKET | WRITE, 1)
    acknowledge = transfer(SN_IR, SOCKET | WRITE, 1)
    acknowledge[PHASES] = SN_IR_RECV
    one = Buffer.alloc(PHASES + USUAL_RECEIVED)
    several = Buffer.alloc(PHASES + READ_TOGETHER * USUAL_RECEIVED)
    long = several
    filter = SN_MR_MFEN
    filterSet = filter
    pump = undefined
    phy = {
        up: false,
        macHigh,
        macLow,
        label: spi.label,
        // frames in the queue, and what one transfer reads
        heap: 4,
        // the queue's own: nothing lies between a frame and the queue
        transmit: put,
        start,
        lost,
        promiscuous,
    }
    return phy
}

function start(onFrame: FrameHandler, onLink: (up: boolean) => void): void {
    receive = onFrame
    link = onLink
    // the fiber's first activation lasts: give it a place among what was made at boot
    collect()
    pump = run.start()
}

/** Nothing to do: the driver looks at the link by itself. */
function lost(): void {}

/** Set the chip up again before anything that waits is sent: the answer to it must find the filter changed. */
function promiscuous(on: boolean): boolean {
    filter = 0
    if (!on) filter = SN_MR_MFEN
    if (filter !== filterSet) doubt = DOUBT_MAX
    return true
}

/** Set the chip up and serve it, for ever. One function, so that its activation stays where it was made at boot. */
async function run() {
    const self = ds.Fiber.self()
    let retry = RETRY_FIRST
    let hard = true
    for (;;) {
        try {
            await setUp(hard)
            retry = RETRY_FIRST
            let looked = ds.millis()
            while (doubt < DOUBT_MAX) {
                if (filter !== filterSet) break
                if (waiting === 0)
                    if (!spi.interrupt()) {
                        setSleeper(self)
                        await ds.suspend<any>(W5500_POLL)
                        setSleeper(undefined)
                    }
                const due = ds.millis() - looked >= LINK_INTERVAL
                if (due) {
                    looked = ds.millis()
                    await lookAtLink()
                }
                // acknowledged before the status is read: a frame that comes later asks again
                if (spi.interrupt()) await spi.write(acknowledge)
                // a chip that was reset by itself never asks: each look at the link also reads the status
                else if (!due) if (waiting === 0) if (spi.hasInterrupt) continue
                while (await turn()) {}
            }
            // it answers, so no reset: its registers are written again, and it keeps its link
            hard = false
        } catch (e) {
            complain((e as Error).message)
            hard = true
            setLink(false)
            await ds.sleep(retry)
            retry = Math.min(2 * retry, RETRY_MAX)
        }
        count(Counter.PhyReconnects)
    }
}

/** Read the status, and do what it calls for. @returns whether there may be more to do at once */
async function turn(): Promise<boolean> {
    const s = status
    // the answer to the last read lies where the phases were
    phases(s, SN_CR, SOCKET)
    await spi.exchange(s)
    const rd = (s[AT_RX_RD] << 8) | s[AT_RX_RD + 1]
    const wr = (s[AT_TX_WR] << 8) | s[AT_TX_WR + 1]
    // here and below, what must be equal differs in no bit: `||` costs three times as much in code and time
    if (((s[AT_SR] ^ SOCK_MACRAW) | (rd ^ rxRead) | (wr ^ txWrite)) !== 0) {
        // once may be noise on the line; if it goes on, the chip was reset or has lost its way
        doubt += ASTRAY
        return doubt < DOUBT_MAX
    }
    const received = (s[AT_RX_RSR] << 8) | s[AT_RX_RSR + 1]
    const rxWrite = (s[AT_RX_WR] << 8) | s[AT_RX_WR + 1]
    doubt++
    // the chip has not taken the last command, or a frame arrives just now: look again
    if ((s[AT_CR] | (((rxWrite - rd) & 0xffff) ^ received)) !== 0) return doubt < DOUBT_MAX
    const sent = ((s[AT_TX_RD] << 8) | s[AT_TX_RD + 1]) === wr
    if (sent) doubt = 0
    if (waiting === 0) doubt = 0
    let more = false
    if (received > 0) more = await read(received)
    // The oldest frame is sent, and those after it that are as long or longer. At 100 Mb/s, full duplex, nothing asks whether a frame has
    // left before the next: it leaves in less time (19 us) than the next one needs on the bus (88 us at 20 MHz)
    if (sent)
        if (doubt === 0)
            while (waiting > 0) {
                // the frame stays in the queue until it is sent: if the bus fails, none is lost uncounted
                const b = frames[head]
                // the chip wraps the address at the end of its buffer
                phases(b, txWrite, TX_BUFFER | WRITE)
                await spi.write(b)
                txWrite = (txWrite + b.length - PHASES) & 0xffff
                await advance(SN_TX_WR, txWrite, SEND)
                remove()
                if (!fast) break
                if (waiting > 0) if (b.length > frames[head].length) break
            }
    if (waiting > 0) more = true
    if (doubt >= DOUBT_MAX) more = false
    return more
}

/**
 * Hand up the frames at the beginning of the receive buffer. A frame that is not read to its end stays in the chip.
 * @returns whether something is left
 */
async function read(received: number): Promise<boolean> {
    let left = received
    // one RECV serves several reads; not all at once, so that frames that wait to be sent do not wait for long
    for (let reads = 0; reads < READS_PER_TURN; reads++) {
        if (left === 0) break
        let b = one
        if (left > USUAL_RECEIVED) b = several
        phases(b, rxRead, RX_BUFFER)
        await spi.exchange(b)
        let n = Math.min(left, b.length - PHASES)
        const first = (b[PHASES] << 8) | b[PHASES + 1]
        if (first > n)
            if (first <= Math.min(left, RECEIVED_MAX)) {
                // the longest frame so far: a heap in use may have no room for another one like it, so the buffer stays
                if (long.length < PHASES + first) long = Buffer.alloc(PHASES + first)
                b = long
                phases(b, rxRead, RX_BUFFER)
                await spi.exchange(b)
                n = first
            }
        let at = 0
        // at least once: a single octet is no length either
        for (;;) {
            const length = (b[at + PHASES] << 8) | b[at + (PHASES + 1)]
            let wrong = length < LENGTH + ETH_HEADER
            if (length > RECEIVED_MAX) wrong = true
            if (at + length > left) wrong = true
            if (wrong) {
                // no length of a frame: the place in the receive buffer is lost
                count(Counter.PhyBadLength)
                doubt = DOUBT_MAX
                return false
            }
            if (at + length > n) break
            handUp(receive, b, at + (PHASES + LENGTH), length - LENGTH)
            at += length
            if (at + LENGTH > n) break
        }
        left -= at
        rxRead = (rxRead + at) & 0xffff
    }
    await advance(SN_RX_RD, rxRead, RECV)
    return left > 0
}

/** Tell the chip how far its buffer is written or read, and then what to do about it. */
async function advance(register: number, value: number, order: number) {
    const b = pointer
    // `write` leaves the phases as they are, and only the register's low octet differs
    b[1] = register
    b[PHASES] = value >> 8
    b[PHASES + 1] = value
    await spi.write(b)
    command[PHASES] = order
    await spi.write(command)
}

async function set(block: number, register: number, value: number) {
    const b = transfer(register, block | WRITE, 1)
    b[PHASES] = value
    await spi.write(b)
}

/**
 * Write the chip's registers. @param hard pull its reset line first
 * @throws if what answers is no W5500
 */
async function setUp(hard: boolean) {
    if (hard) {
        // 5.5.1: low for 500 us, and 1 ms until the clock is stable
        spi.reset(false)
        await ds.sleep(2)
        spi.reset(true)
        await ds.sleep(2)
    }
    await set(COMMON, MR, MR_RST)
    await ds.sleep(1)
    await lookAtLink()
    const mac = transfer(SHAR, COMMON | WRITE, 6)
    setMac(mac, PHASES, phy.macHigh, phy.macLow)
    await spi.write(mac)
    for (let n = 0; n < 8; n++) {
        const sizes = transfer(SN_RXBUF_SIZE, (SOCKET + n * NEXT_SOCKET) | WRITE, 2)
        if (n === 0) sizes.fillAt(PHASES, 2, BUFFER_KB)
        await spi.write(sizes)
    }
    await set(COMMON, SIMR, 1)
    await set(SOCKET, SN_IMR, SN_IR_RECV)
    filterSet = filter
    await set(SOCKET, SN_MR, filterSet | SN_MR_BLOCK | SN_MR_MACRAW)
    await set(SOCKET, SN_CR, OPEN)
    await ds.sleep(1)
    const state = transfer(SN_SR, SOCKET, 1)
    await spi.exchange(state)
    if (state[PHASES] !== SOCK_MACRAW) throw new Error(`the W5500 on ${phy.label} does not open its socket`)
    rxRead = 0
    txWrite = 0
    doubt = 0
}

/** Read link, speed and version of the chip. @throws if what answers is no W5500 */
async function lookAtLink() {
    const b = Buffer.alloc(PHASES + VERSIONR - PHYCFGR + 1)
    let version = 0
    // a wrong version once may be noise on the line
    for (let i = 0; i < 2; i++) {
        if (version === VERSION) break
        phases(b, PHYCFGR, COMMON)
        await spi.exchange(b)
        version = b[PHASES + VERSIONR - PHYCFGR]
    }
    if (version !== VERSION)
        throw new Error(`no W5500 answers on ${phy.label} (VERSIONR is ${version} instead of ${VERSION}); see its supply and its wires`)
    fast = (b[PHASES] & PHYCFGR_FAST) === PHYCFGR_FAST
    setLink((b[PHASES] & PHYCFGR_LNK) !== 0)
}

function setLink(up: boolean): void {
    if (up === phy.up) return
    phy.up = up
    if (up) complain(undefined)
    else {
        // when the link comes back, the frames that wait are too late
        countMany(Counter.PhyTxDown, waiting)
        while (waiting > 0) remove()
    }
    link(up)
}
