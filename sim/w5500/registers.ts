/**
 * The registers of the W5500: where they are, what they hold after a reset, and what the host may do with them.
 * @see W5500 datasheet 3.1, 3.2 (maps) and 4.1, 4.2 (meaning)
 */

export interface Register {
    readonly at: number
    /** 1 if not given. More than one is in network order. */
    readonly bytes?: number
    /** Value of each byte, or of all together, after a reset; 0 if not given. */
    readonly reset?: number
    /** The host cannot change it. */
    readonly readOnly?: boolean
    /** Bits of a byte that exist and that the host can change; all if not given. */
    readonly bits?: number
    /** A one that is written clears the bit, a zero leaves it. */
    readonly clears?: boolean
}

/** Block select bits. Those of socket n are 4n + 1 to 4n + 3, and 4n is reserved but for n = 0. @see W5500 datasheet 2.2.2 */
export const COMMON_BLOCK = 0
export const SOCKETS = 8
export const socketBlock = (n: number): number => 4 * n + 1
export const txBlock = (n: number): number => 4 * n + 2
export const rxBlock = (n: number): number => 4 * n + 3

/** @see W5500 datasheet 4.1 */
export const COMMON = {
    MR: { at: 0x00, bits: 0xba },
    GAR: { at: 0x01, bytes: 4 },
    SUBR: { at: 0x05, bytes: 4 },
    SHAR: { at: 0x09, bytes: 6 },
    SIPR: { at: 0x0f, bytes: 4 },
    INTLEVEL: { at: 0x13, bytes: 2 },
    IR: { at: 0x15, bits: 0xf0, clears: true },
    IMR: { at: 0x16, bits: 0xf0 },
    // said to be writable, but each bit follows the Sn_IR of its socket
    SIR: { at: 0x17, readOnly: true },
    SIMR: { at: 0x18 },
    RTR: { at: 0x19, bytes: 2, reset: 0x07d0 },
    RCR: { at: 0x1b, reset: 0x08 },
    PTIMER: { at: 0x1c, reset: 0x28 },
    PMAGIC: { at: 0x1d },
    PHAR: { at: 0x1e, bytes: 6 },
    PSID: { at: 0x24, bytes: 2 },
    PMRU: { at: 0x26, bytes: 2, reset: 0xffff },
    UIPR: { at: 0x28, bytes: 4, readOnly: true },
    UPORTR: { at: 0x2c, bytes: 2, readOnly: true },
    PHYCFGR: { at: 0x2e, reset: 0xb8, bits: 0xf8 },
    VERSIONR: { at: 0x39, reset: 0x04, readOnly: true },
} as const satisfies Record<string, Register>

/** @see W5500 datasheet 4.2 */
export const SOCKET = {
    MR: { at: 0x00 },
    CR: { at: 0x01 },
    IR: { at: 0x02, bits: 0x1f, clears: true },
    SR: { at: 0x03, readOnly: true },
    PORT: { at: 0x04, bytes: 2 },
    DHAR: { at: 0x06, bytes: 6, reset: 0xffff_ffff_ffff },
    DIPR: { at: 0x0c, bytes: 4 },
    DPORT: { at: 0x10, bytes: 2 },
    MSSR: { at: 0x12, bytes: 2 },
    TOS: { at: 0x15 },
    TTL: { at: 0x16, reset: 0x80 },
    RXBUF_SIZE: { at: 0x1e, reset: 2 },
    TXBUF_SIZE: { at: 0x1f, reset: 2 },
    TX_FSR: { at: 0x20, bytes: 2, reset: 0x0800, readOnly: true },
    TX_RD: { at: 0x22, bytes: 2, readOnly: true },
    TX_WR: { at: 0x24, bytes: 2 },
    RX_RSR: { at: 0x26, bytes: 2, readOnly: true },
    RX_RD: { at: 0x28, bytes: 2 },
    RX_WR: { at: 0x2a, bytes: 2, readOnly: true },
    IMR: { at: 0x2c, reset: 0xff },
    FRAG: { at: 0x2d, bytes: 2, reset: 0x4000 },
    KPALVTR: { at: 0x2f },
} as const satisfies Record<string, Register>

export const MR_RST = 0x80

export const PHY_RST = 0x80
export const PHY_OPMD = 0x40
export const PHY_DPX = 0x04
export const PHY_SPD = 0x02
export const PHY_LNK = 0x01

export const SN_MR_MFEN = 0x80
export const SN_MR_BCASTB = 0x40
export const SN_MR_MMB = 0x20
export const SN_MR_MIP6B = 0x10
export const SN_MR_PROTOCOL = 0x0f
export const SN_MR_MACRAW = 0x04

export const COMMANDS = { OPEN: 0x01, CLOSE: 0x10, SEND: 0x20, RECV: 0x40 } as const

export const SN_IR_RECV = 0x04
export const SN_IR_SENDOK = 0x10

export const SOCK_CLOSED = 0x00
export const SOCK_MACRAW = 0x42
