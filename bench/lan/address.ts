/**
 * The time to a bound address, on a real Ethernet with a real DHCP server: ours, and that of a Linux host which makes one
 * more interface for it. Runs in namespaces of its own, where `bench/suites/address.ts` starts it:
 *
 *     firmware == vde_switch == tap0 10.88.0.1, dnsmasq
 *                     ||
 *                 tap1 = macvlan, udhcpc or dhclient
 *
 * Writes its figures as one line of JSON on the standard output, what goes on on the standard error.
 */
import { execFile } from "node:child_process"
import { createSocket } from "node:dgram"
import { existsSync } from "node:fs"
import { chmod, mkdir, readFile, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { promisify } from "node:util"
import { Bus } from "../../sim/bus.js"
import { CLI, PROJECT } from "../../sim/firmware.js"
import { Lan, POOL, TAP, STREAM_PORT, listening } from "../../test/interop/lan.js"
import { type HostProcess, until } from "../../test/interop/process.js"
import { median } from "../suite.js"

/** Milliseconds, of each run, by what was measured. */
export type Times = Record<"rapid" | "plain" | "warm" | "udhcpc" | "udhcpcAlone" | "dhclient", number[]>

/** The other device's port on the switch, and its new interface. */
const PORT = "tap1"
const LINK = "call0"
const CONTROL_PORT = 7000
const DHCP_SERVER_PORT = 67
const ANSWER_TIMEOUT = 12_000
const BOOT_TIMEOUT = 60_000

/** The least that a client's script can do: the packages' own set routes and resolvers too, and take longer. */
const SCRIPT = `#!/bin/sh
case "$1$reason" in
    bound) exec ip address replace "$ip/$mask" dev "$interface" ;;
    BOUND) exec ip address replace "$new_ip_address/$new_subnet_mask" dev "$interface" ;;
esac
`

const execute = promisify(execFile)

/** A server that answers at once. @param rapid whether in one round trip (RFC 4039) */
async function serve(lan: Lan, rapid: boolean): Promise<HostProcess> {
    const options = ["--keep-in-foreground", "--conf-file=/dev/null", "--no-hosts", "--no-resolv", "--port=0", "--user=root", "--pid-file="]
    const dhcp = [
        `--dhcp-leasefile=${lan.file("leases")}`,
        `--dhcp-range=${POOL[0]},${POOL[1]},255.255.255.0,1h`,
        "--no-ping",
        "--dhcp-authoritative",
    ]
    const server = lan.spawn("dnsmasq", "dnsmasq", [
        ...options,
        ...dhcp,
        "--log-facility=-",
        `--interface=${TAP}`,
        "--bind-interfaces",
        ...(rapid ? ["--dhcp-rapid-commit"] : []),
    ])
    await server.ready("DHCP service", () => listening("udp", DHCP_SERVER_PORT))
    return server
}

/** The firmware's stack under a program that measures, `devs/bench/address.ts`. */
class Board {
    private readonly socket = createSocket("udp4")

    private constructor(private readonly address: string) {}

    static async boot(lan: Lan, bus: Bus): Promise<Board> {
        const folder = lan.file("board")
        await mkdir(folder)
        const args = ["--require", join(PROJECT, "sim/board.cjs"), CLI, "run", "--tcp", "--ignore-missing-config"]
        const program = lan.spawn("firmware", process.execPath, [...args, join(PROJECT, "devs/bench/address.ts")], {
            cwd: folder,
            env: { ...process.env, TUPLEPHONE_BUS: String(bus.port), TUPLEPHONE_LAN: `127.0.0.1:${STREAM_PORT}` },
        })
        const [, address] = await program.ready("boot", () => /ready at ([\d.]+):/.exec(program.output) ?? false, BOOT_TIMEOUT)
        return new Board(address)
    }

    /** From the moment when the program asks for a socket with an address until it is bound to it. @param how with a lease that is kept ready, or without */
    async measure(server: HostProcess, how: "cold" | "warm" = "cold"): Promise<number> {
        let answer = ""
        this.socket.once("message", message => (answer = message.toString()))
        this.socket.send(how, CONTROL_PORT, this.address)
        await until("an answer of the firmware", () => answer !== "", ANSWER_TIMEOUT)
        const [took, address] = answer.split(" ")
        if (address === this.address || !server.output.includes(`DHCPACK(${TAP}) ${address}`))
            throw server.error(`${address} is no new address`)
        return Number(took)
    }

    stop(): void {
        this.socket.close()
    }
}

/** A DHCP client of the other device: how it is started so that it ends, or goes to the background, once the address is set. */
interface Client {
    command: string
    stop?(): Promise<void>
}

/** Milliseconds that one command of a shell takes. */
async function timed(command: string): Promise<number> {
    const began = performance.now()
    await execute("sh", ["-c", command], { timeout: ANSWER_TIMEOUT })
    return performance.now() - began
}

/** With one MAC address, so that the server has one address for it, as it has for our lease. */
const MAKE = `ip link add link ${PORT} name ${LINK} address 02:00:0a:58:00:02 up type macvlan mode bridge`

/** @param alone whether the interface is there before the clock starts */
async function measureClient(client: Client, alone = false): Promise<number> {
    if (alone) await execute("sh", ["-c", MAKE])
    try {
        const took = await timed(alone ? client.command : `${MAKE} && ${client.command}`)
        const { stdout } = await execute("ip", ["-4", "address", "show", "dev", LINK])
        if (!/inet 10\.88\./.test(stdout)) throw new Error(`there is no address after: ${client.command}`)
        return took
    } finally {
        await client.stop?.()
        await execute("ip", ["link", "delete", LINK])
    }
}

async function clients(lan: Lan): Promise<{ udhcpc: Client; dhclient?: Client }> {
    const script = lan.file("client.sh")
    await writeFile(script, SCRIPT)
    await chmod(script, 0o755)
    const udhcpc = { command: `exec udhcpc -i ${LINK} -s ${script} -n -q -f` }
    const installed = await execute("sh", ["-c", "command -v dhclient"]).then(
        () => true,
        () => false
    )
    if (!installed) return { udhcpc }
    const pid = lan.file("dhclient.pid")
    const dhclient = {
        command: `exec dhclient -1 -sf ${script} -lf ${lan.file("dhclient.leases")} -cf /dev/null -pf ${pid} ${LINK}`,
        async stop() {
            process.kill(Number(await readFile(pid, "utf8")), "SIGKILL")
            // what it remembers of its last lease would make the next one a renewal
            await rm(lan.file("dhclient.leases"), { force: true })
        },
    }
    return { udhcpc, dhclient }
}

/** @param tries in each run, whose median is its figure */
async function measure(runs: number, tries: number): Promise<Times> {
    const times: Times = { rapid: [], plain: [], warm: [], udhcpc: [], udhcpcAlone: [], dhclient: [] }
    await execute("ip", ["link", "set", "lo", "up"])
    await execute("mount", ["-t", "tmpfs", "tmpfs", "/run"])
    process.env.TMPDIR = "/run"
    const lan = await Lan.start()
    const bus = await Bus.open()
    try {
        lan.spawn("second port", "vde_plug2tap", ["-s", lan.file("switch"), PORT])
        await until("the second port", () => existsSync(`/proc/sys/net/ipv4/conf/${PORT}`))
        await execute("ip", ["link", "set", PORT, "up"])
        const { udhcpc, dhclient } = await clients(lan)
        let server = await serve(lan, true)
        const board = await Board.boot(lan, bus)
        try {
            for (let i = 1; i <= runs; i++) {
                const round: Times = { rapid: [], plain: [], warm: [], udhcpc: [], udhcpcAlone: [], dhclient: [] }
                console.error(`run ${i} of ${runs}: one round trip, udhcpc${dhclient ? ", dhclient" : ""}`)
                for (let n = 0; n < tries; n++) {
                    round.rapid.push(await board.measure(server))
                    round.warm.push(await board.measure(server, "warm"))
                    round.udhcpc.push(await measureClient(udhcpc))
                    round.udhcpcAlone.push(await measureClient(udhcpc, true))
                    if (dhclient) round.dhclient.push(await measureClient(dhclient))
                }
                await server.stop()
                console.error(`run ${i} of ${runs}: two round trips`)
                server = await serve(lan, false)
                for (let n = 0; n < tries; n++) round.plain.push(await board.measure(server))
                await server.stop()
                server = await serve(lan, true)
                for (const key of Object.keys(times) as (keyof Times)[]) if (round[key].length > 0) times[key].push(median(round[key]))
            }
        } finally {
            board.stop()
        }
    } finally {
        await bus.close()
        await lan.stop()
    }
    return times
}

// our own end ends all in this namespace
process.stdin.on("end", () => process.exit(1)).resume()
try {
    process.stdout.write(`${JSON.stringify(await measure(Number(process.argv[2]), Number(process.argv[3])))}\n`, () => process.exit())
} catch (error) {
    console.error((error as Error).message)
    process.exit(1)
}
