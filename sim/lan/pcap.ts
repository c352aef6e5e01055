/**
 * Capture files that Wireshark and tcpdump read.
 * @see draft-ietf-opsawg-pcap
 */
import { closeSync, openSync, writeSync } from "node:fs"

const MAGIC_MICROSECONDS = 0xa1b2c3d4
const LINKTYPE_ETHERNET = 1
const SNAP_LENGTH = 65535

export class PcapWriter {
    private fd: number | undefined

    /** Makes or empties the file. Throws what the file system says. */
    constructor(private readonly path: string) {
        const header = Buffer.alloc(24)
        header.writeUInt32LE(MAGIC_MICROSECONDS, 0)
        header.writeUInt16LE(2, 4)
        header.writeUInt16LE(4, 6)
        header.writeUInt32LE(SNAP_LENGTH, 16)
        header.writeUInt32LE(LINKTYPE_ETHERNET, 20)
        this.fd = openSync(path, "w")
        writeSync(this.fd, header)
    }

    /** Appends a frame with the present time. Written at once, so that the file is whole even if the program is killed. */
    write(frame: Buffer): void {
        if (this.fd === undefined) return
        const microseconds = Math.round((performance.timeOrigin + performance.now()) * 1000)
        const record = Buffer.alloc(16 + frame.length)
        record.writeUInt32LE(Math.floor(microseconds / 1_000_000), 0)
        record.writeUInt32LE(microseconds % 1_000_000, 4)
        record.writeUInt32LE(frame.length, 8)
        record.writeUInt32LE(frame.length, 12)
        frame.copy(record, 16)
        try {
            writeSync(this.fd, record)
        } catch (error) {
            // a full disk must not end the telephone calls that are being captured
            this.close()
            process.emitWarning(`capture to ${this.path} ended: ${(error as Error).message}`)
        }
    }

    close(): void {
        if (this.fd !== undefined) closeSync(this.fd)
        this.fd = undefined
    }
}
