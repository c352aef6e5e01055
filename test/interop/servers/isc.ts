/**
 * ISC dhcpd. Its file is a history: what it says last of an address counts.
 */
import { writeFile } from "node:fs/promises"
import { HOST, POOL, TAP } from "../lan.js"
import { type HostProcess } from "../process.js"
import { DhcpServer, hex, now, type Lease } from "./server.js"

const FILE = "dhcpd.leases"

export class IscDhcpd extends DhcpServer {
    protected async launch(): Promise<HostProcess> {
        const { lease, t1, t2 } = this.times
        const configuration = this.lan.file("dhcpd.conf")
        const lines = [
            `default-lease-time ${lease};`,
            `max-lease-time ${lease};`,
            `min-lease-time ${lease};`,
            `option dhcp-renewal-time ${t1};`,
            `option dhcp-rebinding-time ${t2};`,
            // Else who renews in the first quarter of its lease gets no more time, only what is left.
            "dhcp-cache-threshold 0;",
            // Else it waits a second for an answer to a ping before each offer.
            "ping-check false;",
            "authoritative;",
            "ddns-update-style none;",
            // Times as seconds since 1970.
            "db-time-format local;",
            `subnet ${HOST.replace(/\d+$/, "0")} netmask 255.255.255.0 { range ${POOL.join(" ")}; }`,
        ]
        await writeFile(configuration, `${lines.join("\n")}\n`)
        // It wants its file to be there.
        await writeFile(this.lan.file(FILE), "", { flag: "a" })
        return this.lan.spawn("dhcpd", "dhcpd", [
            ...["-4", "-f", "-d", "--no-pid"],
            ...["-cf", configuration, "-lf", this.lan.file(FILE)],
            TAP,
        ])
    }

    async leases(): Promise<Lease[]> {
        const text = (await this.lines(FILE)).join("\n")
        const last = new Map<string, string>()
        for (const [, address, body] of text.matchAll(/^lease ([\d.]+) \{\n(.*?)^\}/gms)) last.set(address!, body!)
        const leases: Lease[] = []
        for (const [address, body] of last) {
            const expires = Number(/^ *ends epoch (\d+);/m.exec(body)?.[1])
            if (!/^ *binding state active;/m.test(body) || !(expires > now())) continue
            leases.push({
                address,
                mac: /^ *hardware ethernet ([\da-f:]+);/m.exec(body)?.[1] ?? "",
                clientId: hex(unquote(/^ *uid "(.*)";$/m.exec(body)?.[1] ?? "")),
                expires,
            })
        }
        return leases
    }
}

/** The bytes of a string of its file: three octal digits, or a character that stands for itself, behind a backslash. */
function unquote(text: string): number[] {
    const parts = text.matchAll(/\\([0-7]{3})|\\?(.)/gs)
    return Array.from(parts, ([, octal, character]) => (octal ? parseInt(octal, 8) : character!.charCodeAt(0)))
}
