/**
 * The registers of the WIZnet W5500 that the driver uses, and the three octets before the data of each SPI transfer.
 * Read first: the W5500's datasheet, version 1.0.9, whose names and sections these are.
 */

/** Octets of the address phase and the control phase (2.2). */
export const PHASES = 3

// control phase (2.2.2): block select, and the bit that says write
export const COMMON = 0x00
export const SOCKET = 0x08
export const TX_BUFFER = 0x10
export const RX_BUFFER = 0x18
export const WRITE = 0x04
/** Add this to select the registers of the next socket. */
export const NEXT_SOCKET = 0x20

// common registers (4.1)
export const MR = 0x00
export const MR_RST = 0x80
export const SHAR = 0x09
export const SIMR = 0x18
export const PHYCFGR = 0x2e
export const PHYCFGR_LNK = 1
/** Speed and duplex bits: 100 Mb/s, full duplex. */
export const PHYCFGR_FAST = 6
export const VERSIONR = 0x39
/** VERSIONR of every W5500. */
export const VERSION = 4

// socket registers (4.2)
export const SN_MR = 0x00
export const SN_MR_MACRAW = 0x04
/** Drop multicast (MMB) and IPv6 (MIP6B): the phone joins no group and has no IPv6. */
export const SN_MR_BLOCK = 0x30
/** MAC filter: take frames to our own address, and broadcast. */
export const SN_MR_MFEN = 0x80
export const SN_CR = 0x01
export const OPEN = 0x01
export const SEND = 0x20
export const RECV = 0x40
export const SN_IR = 0x02
export const SN_IR_RECV = 0x04
export const SN_SR = 0x03
export const SOCK_MACRAW = 0x42
export const SN_RXBUF_SIZE = 0x1e
export const SN_TX_RD = 0x22
export const SN_TX_WR = 0x24
export const SN_RX_RSR = 0x26
export const SN_RX_RD = 0x28
export const SN_RX_WR = 0x2a
export const SN_IMR = 0x2c

/** Octets of the length before each frame in the receive buffer (MACRAW); it counts itself. */
export const LENGTH = 2
/** KB of all receive buffers together, and of all transmit buffers. */
export const BUFFER_KB = 16

/** Write address and control phase. */
export function phases(b: Buffer, address: number, control: number): void {
    b[0] = address >> 8
    b[1] = address
    b[2] = control
}

/** A buffer for a transfer of `length` octets, its phases written. */
export function transfer(address: number, control: number, length: number): Buffer {
    const b = Buffer.alloc(PHASES + length)
    phases(b, address, control)
    return b
}
