/**
 * Kea, with its leases in memory and in a file of comma-separated values to which each change is appended.
 */
import { writeFile } from "node:fs/promises"
import { HOST, POOL, TAP, type Lan } from "../lan.js"
import { type HostProcess } from "../process.js"
import { DhcpServer, now, type Lease, type Times } from "./server.js"

const FILE = "kea.csv"

/** Kea's `state` of a lease: given, or found in use by a stranger. */
const ASSIGNED = "0"
const DECLINED = "1"

export class Kea extends DhcpServer {
    /** @param network what it knows of the LAN, in the words of its configuration: `subnet4` or `shared-networks` */
    constructor(
        lan: Lan,
        times: Times,
        private readonly network: object = { subnet4: [{ subnet: HOST.replace(/\d+$/, "0/24"), pools: [{ pool: POOL.join(" - ") }] }] }
    ) {
        super(lan, times)
    }

    protected async launch(): Promise<HostProcess> {
        const { lease, t1, t2 } = this.times
        const configuration = this.lan.file("kea.json")
        const Dhcp4 = {
            "interfaces-config": { interfaces: [TAP] },
            // No clean-up of the file: it would be a process of its own.
            "lease-database": { type: "memfile", name: this.lan.file(FILE), "lfc-interval": 0 },
            "valid-lifetime": lease,
            "renew-timer": t1,
            "rebind-timer": t2,
            authoritative: true,
            ...this.network,
            loggers: [{ name: "kea-dhcp4", severity: "INFO", output_options: [{ output: "stdout" }] }],
        }
        await writeFile(configuration, JSON.stringify({ Dhcp4 }))
        const env = { ...process.env, KEA_LOCKFILE_DIR: this.lan.directory, KEA_PIDFILE_DIR: this.lan.directory }
        return this.lan.spawn("kea-dhcp4", "kea-dhcp4", ["-c", configuration], { env })
    }

    async leases(): Promise<Lease[]> {
        const rows = (await this.rows()).filter(row => row.state === ASSIGNED && Number(row.expire) > now())
        return rows.map(row => ({ address: row.address!, mac: row.hwaddr!, clientId: row.client_id!, expires: Number(row.expire) }))
    }

    /** The addresses that a client found in use, and that are given to nobody for now. */
    async declined(): Promise<string[]> {
        return (await this.rows()).filter(row => row.state === DECLINED).map(row => row.address!)
    }

    /** What the file says last of each address, without those that are given back: they are written with no time left. */
    private async rows(): Promise<Record<string, string>[]> {
        const [header, ...lines] = (await this.lines(FILE)).map(line => line.split(","))
        const rows = lines.map(line => Object.fromEntries(line.map((value, i) => [header![i], value])))
        const last = new Map(rows.map(row => [row.address, row]))
        return [...last.values()].filter(row => row.valid_lifetime !== "0")
    }
}
