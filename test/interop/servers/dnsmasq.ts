/**
 * dnsmasq. It gives no lease for less than two minutes, whatever it is told; T1 and T2 can be set apart from that.
 */
import { POOL, TAP, type Lan } from "../lan.js"
import { type HostProcess } from "../process.js"
import { DhcpServer, now, type Lease, type Times } from "./server.js"

const LEAST_LEASE = 120
const FILE = "dnsmasq.leases"

export class Dnsmasq extends DhcpServer {
    /**
     * @param rapid whether it answers a DISCOVER in one round trip (RFC 4039)
     * @param more of its own options, such as `--dhcp-option=...`
     * @param pool its first and last address: it chooses one by a hash of the client
     */
    constructor(
        lan: Lan,
        times: Times,
        private readonly rapid = false,
        private readonly more: readonly string[] = [],
        private readonly pool: readonly string[] = POOL
    ) {
        super(lan, times)
    }

    override get leaseSeconds(): number {
        return Math.max(this.times.lease, LEAST_LEASE)
    }

    protected async launch(): Promise<HostProcess> {
        const { lease, t1, t2 } = this.times
        return this.lan.spawn("dnsmasq", "dnsmasq", [
            "--keep-in-foreground",
            "--conf-file=/dev/null",
            "--no-hosts",
            "--no-resolv",
            // no DNS, unless it is told of names
            ...(this.more.some(option => option.startsWith("--port=")) ? [] : ["--port=0"]),
            "--user=root",
            "--pid-file=",
            "--log-facility=-",
            "--log-dhcp",
            `--interface=${TAP}`,
            "--bind-interfaces",
            `--dhcp-leasefile=${this.lan.file(FILE)}`,
            `--dhcp-range=${this.pool.join()},255.255.255.0,${lease}`,
            `--dhcp-option=option:T1,${t1}`,
            `--dhcp-option=option:T2,${t2}`,
            ...(this.rapid ? ["--dhcp-rapid-commit"] : []),
            "--dhcp-authoritative",
            // Else it waits three seconds for an answer to a ping before each offer.
            "--no-ping",
            ...this.more,
        ])
    }

    async leases(): Promise<Lease[]> {
        const leases = (await this.lines(FILE)).map(line => {
            const [expires, mac, address, , clientId] = line.split(" ")
            return { address: address!, mac: mac!, clientId: clientId === "*" ? "" : clientId!, expires: Number(expires) }
        })
        return leases.filter(lease => lease.expires > now())
    }
}
