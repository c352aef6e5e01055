/**
 * BusyBox udhcpd. It knows its clients by their hardware address (`chaddr`) alone: the client identifier it passes over.
 */
import { existsSync } from "node:fs"
import { copyFile, stat, writeFile } from "node:fs/promises"
import { POOL, TAP, type Lan } from "../lan.js"
import { run, type HostProcess } from "../process.js"
import { DhcpServer, now, type Key, type Lease, type Times } from "./server.js"

const FILE = "udhcpd.leases"
/** Bytes before the first lease in it: when it was written. */
const HEADER = 8
/** Seconds for which it keeps an address that it has offered: more than any lease here. */
const OFFER = 60

export class Udhcpd extends DhcpServer {
    /** @param more of its `opt` lines, without that word: `router 10.88.0.9`, `0x06 0a580001` */
    constructor(
        lan: Lan,
        times: Times,
        private readonly more: readonly string[] = []
    ) {
        super(lan, times)
    }

    override readonly key: Key = "hardware address"

    protected async launch(): Promise<HostProcess> {
        const { lease, t1, t2 } = this.times
        const configuration = this.lan.file("udhcpd.conf")
        const lines = [
            `start ${POOL[0]}`,
            `end ${POOL[1]}`,
            `interface ${TAP}`,
            `lease_file ${this.lan.file(FILE)}`,
            `pidfile ${this.lan.file("udhcpd.pid")}`,
            // It writes its file each second.
            "auto_time 1",
            `offer_time ${OFFER}`,
            `opt lease ${lease}`,
            `opt 0x3a ${word(t1)}`,
            `opt 0x3b ${word(t2)}`,
            "opt subnet 255.255.255.0",
            ...this.more.map(option => `opt ${option}`),
        ]
        await writeFile(configuration, `${lines.join("\n")}\n`)
        return this.lan.spawn("udhcpd", "udhcpd", ["-f", "-a", "0", configuration])
    }

    /** Its file is binary, and has a reader of its own. What is only offered is in it too. */
    async leases(): Promise<Lease[]> {
        if (!existsSync(this.lan.file(FILE))) return []
        // The reader wants a header, and the server may just be writing.
        const copy = this.lan.file("udhcpd.seen")
        await copyFile(this.lan.file(FILE), copy)
        if ((await stat(copy)).size < HEADER) return []
        const [, ...lines] = (await run("dumpleases", ["-a", "-d", "-f", copy])).split("\n")
        return lines
            .map(line => /^([\da-f:]{17}) ([\d.]+) .*?(\d+|expired) *$/.exec(line))
            .filter(match => match !== null && match[3] !== "expired")
            .map(match => ({ mac: match![1]!, address: match![2]!, clientId: "", expires: Number(match![3]) }))
            .filter(lease => lease.expires <= now() + this.times.lease)
    }
}

/** Four bytes as the value of an option that the server knows by its number alone. */
function word(value: number): string {
    return value.toString(16).padStart(8, "0")
}
