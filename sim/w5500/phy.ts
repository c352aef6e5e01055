/** The part of the chip that has the cable. @see W5500 datasheet 4.1, PHYCFGR */
import { COMMON, PHY_DPX, PHY_LNK, PHY_OPMD, PHY_RST, PHY_SPD } from "./registers.js"

const STATUS = PHY_DPX | PHY_SPD | PHY_LNK
const OPMDC_SHIFT = 3
const OPMDC_ALL = 7
/** Status with a link, for each operation mode: 10 and 100 Mb/s, half and full duplex. 5 is not used, 6 is powered down. */
const LINKED = [
    PHY_LNK,
    PHY_LNK | PHY_DPX,
    PHY_LNK | PHY_SPD,
    PHY_LNK | PHY_SPD | PHY_DPX,
    PHY_LNK | PHY_SPD,
    undefined,
    undefined,
    PHY_LNK | PHY_SPD | PHY_DPX,
]
/** One byte at 100 Mb/s, in nanoseconds. */
const BYTE_100 = 80
const BYTE_10 = 800

export class EthernetPhy {
    plugged = false
    private config: number = COMMON.PHYCFGR.reset
    /** Taken over from `config` when its reset ends. */
    private mode = OPMDC_ALL

    reset(): void {
        this.config = COMMON.PHYCFGR.reset
        this.mode = OPMDC_ALL
    }

    read(): number {
        return (this.config & ~STATUS) | this.status
    }

    /** A new operation mode is in force after a reset of the PHY: RST to 0, and to 1 again. */
    write(value: number): void {
        if (~this.config & value & PHY_RST) this.mode = value & PHY_OPMD ? (value >> OPMDC_SHIFT) & 7 : OPMDC_ALL
        this.config = value
    }

    get link(): boolean {
        return this.status !== 0
    }

    /** How long one byte takes on the wire, in nanoseconds. */
    get byteTime(): number {
        return this.status & PHY_SPD ? BYTE_100 : BYTE_10
    }

    private get status(): number {
        return (this.plugged && this.config & PHY_RST && LINKED[this.mode]) || 0
    }
}
