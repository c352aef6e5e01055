/**
 * A recording of every frame on the LAN, and Wireshark's opinion of it.
 */
import { createSocket } from "node:dgram"
import { randomBytes } from "node:crypto"
import { readFile } from "node:fs/promises"
import { HOST, TAP, type Lan } from "./lan.js"
import { run, type HostProcess } from "./process.js"

const BROADCAST = "10.88.0.255"
/** RFC 863: whatever comes to this port is thrown away. */
const DISCARD_PORT = 9

/** What must not be in a capture, as display filters of Wireshark. */
const FAULTS = {
    "malformed packet": "_ws.malformed",
    "wrong checksum": [
        "ip.checksum.status == Bad",
        "udp.checksum.status == Bad",
        // Linux may write a sum of 0 as 0xffff, which is the same in one's complement (RFC 1071, 2): one segment of 65,536
        `(tcp.checksum.status == Bad && !(ip.src == ${HOST} && tcp.checksum == 0xffff))`,
        "icmp.checksum.status == Bad",
    ].join(" || "),
    "two devices with one address": "arp.duplicate-address-detected",
    "error noted by an expert": "_ws.expert.severity == Error",
}

/** Dissect as: the ports at which the tests receive calls, and the phone those by SIP, carry RTP, and RTCP one above. */
const RTP_PORTS = [4000, 4002, 4004, 4006, 4008, 4010, 4012, 4014, 5004]
/** Dissect as nothing: the ports at which the tests have streams of any octets. */
const STREAM_PORTS = [7, 9, 19]

export class Capture {
    private constructor(
        private readonly path: string,
        private readonly dumpcap: HostProcess
    ) {}

    /** Record from now on; resolves when a frame would be recorded. */
    static async start(lan: Lan): Promise<Capture> {
        const path = lan.file("capture.pcapng")
        const dumpcap = lan.spawn("dumpcap", "dumpcap", ["-q", "-B", "16", "-i", TAP, "-w", path])
        // It names its file after it has opened the interface.
        await dumpcap.ready("capture", () => dumpcap.stderr.includes("File: "))
        return new Capture(path, dumpcap)
    }

    /**
     * Stop recording. Whatever was on the LAN before is in the file then: the end is marked by a
     * broadcast to the discard port and awaited.
     */
    async stop(): Promise<void> {
        const mark = randomBytes(16)
        const socket = createSocket("udp4")
        try {
            await new Promise<void>(resolve => socket.bind(0, resolve))
            socket.setBroadcast(true)
            await new Promise<void>((resolve, reject) =>
                socket.send(mark, DISCARD_PORT, BROADCAST, error => (error ? reject(error) : resolve()))
            )
        } finally {
            socket.close()
        }
        await this.dumpcap.ready("end of the capture", async () => (await readFile(this.path)).includes(mark))
        await this.dumpcap.stop()
        const dropped = /received\/dropped on interface[^:]*: \d+\/(\d+)/.exec(this.dumpcap.stderr)
        if (dropped?.[1] !== "0") throw this.dumpcap.error("frames are missing in the capture")
    }

    /**
     * Fields of the packets that a display filter selects.
     *
     * @returns one array of values for each packet
     */
    async fields(filter: string, ...names: string[]): Promise<string[][]> {
        const output = await this.tshark("-Y", filter, "-T", "fields", ...names.flatMap(name => ["-e", name]))
        return output
            .split("\n")
            .filter(line => line.length > 0)
            .map(line => line.split("\t"))
    }

    /** The packets that a display filter selects, a line each. */
    async packets(filter: string): Promise<string[]> {
        const output = await this.tshark("-Y", filter)
        return output.split("\n").filter(line => line.length > 0)
    }

    /**
     * Everything on the LAN that breaks a rule, a line each, with the rule.
     *
     * @see FAULTS
     */
    async faults(): Promise<string[]> {
        // Each look at a capture takes a second: one is enough where there is nothing to see.
        const any = Object.values(FAULTS).map(filter => `(${filter})`)
        if ((await this.packets(any.join(" || "))).length === 0) return []
        const faults: string[] = []
        for (const [fault, filter] of Object.entries(FAULTS))
            for (const packet of await this.packets(filter)) faults.push(`${fault}: ${packet.trim()}`)
        return faults
    }

    private async tshark(...args: string[]): Promise<string> {
        const checks = ["ip", "udp", "tcp"].flatMap(protocol => ["-o", `${protocol}.check_checksum:TRUE`])
        const decode = RTP_PORTS.flatMap(port => ["-d", `udp.port==${port},rtp`, "-d", `udp.port==${port + 1},rtcp`])
        const streams = STREAM_PORTS.flatMap(port => ["-d", `tcp.port==${port},data`])
        return await run("tshark", ["-n", "-r", this.path, ...checks, ...decode, ...streams, ...args], 60_000)
    }
}
