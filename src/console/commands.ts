/**
 * The console's commands: one table, by which a line finds what runs it, and from which `help` and every usage come. Each
 * group of commands has a file: `calls.ts`, `network.ts`, `names.ts`, `system.ts`; `command.ts` has what they share.
 */
import { split } from "../base/text"
import { call, hangupCommand, listCalls } from "./calls"
import { Command, Printer, UsageError, noMore } from "./command"
import { arp, ifconfig, lease, netstat, pingCommand, stats } from "./network"
import { resolveCommand } from "./names"
import { holdBallast, reboot, sleep, uptime } from "./system"

/**
 * For each command its text and its function. The first line of the text is the usage, which begins with the command's
 * name; the second says what it does; the others, what else there is to know. Texts lie in flash and are no code; the one
 * array takes 16 bytes of the heap for a command, where an object for each would take a hundred.
 */
export let commands: any[]
const FIELDS = 2

/** Make the table: in a function, so that the names of all that is made before the console get the short codes. */
export function makeCommands(): void {
    commands = [
        `help [COMMAND]
    this list, or all about a command`,
        help,

        `call ADDR:PORT [--codec pcmu|pcma] [--play tone|speech|echo|handset] [--seconds N] [--tuple dhcp|static|common]
    place a call, or wait for its end
    It answers when the call is up; with --seconds when it has ended.
    Without options: pcmu, a tone, until hangup, an address as the setting TUPLE says (a lease of its own).
    ADDR may be a name. At most 8 calls are up at once. On the embedded LAN 10.77.0.2:4000 and 10.77.0.3:4000 send all voice back.`,
        call,

        `hangup N|all
    end a call, or all
    It answers when the addresses are given back. N is a call's number in calls.`,
        hangupCommand,

        `calls [-j]
    the calls, also the last that ended
    txFrames, rxFrames: frames of 20 ms, sent and received. lost: sent by the other side, and not received.
    error: why a call has ended that nobody hung up.
    skipped (with -j): frames left out since the phone was more than 200 ms late.`,
        listCalls,

        `ifconfig [-j]
    the interfaces, one for each address
    source: common is the phone's own address, dhcp a lease, static a reserved one. expiresIn: seconds until a lease ends.`,
        ifconfig,

        `netstat [-j]
    the sockets
    process: the process group that owns a socket. Each call is one; 0 is the console.`,
        netstat,

        `arp [-j]
    the neighbours and their MAC addresses
    state: reachable, probing (asked again whether it is there), or incomplete (it has not answered yet).
    seconds: until it is asked, or asked again.`,
        arp,

        `ping ADDR [COUNT]
    from the common address
    3 times without COUNT, at most 100. ADDR may be a name.`,
        pingCommand,

        `resolve NAME
    the addresses that a name has
    Of a service, such as _sip._udp.example.com, the hosts and ports. A name without a dot is in the domain of the network.
    It asks the DNS servers that the DHCP server names, and remembers what they say as long as it holds.`,
        resolveCommand,

        `lease [-j] | lease renew IFACE | lease release IFACE | lease ready N
    the DHCP leases; N of them are kept ready for calls
    IFACE is a name in ifconfig. A call whose lease is released ends.
    With -j also what the server says of the network: dns, domain, ntp, tftp, bootFile, sip.`,
        lease,

        `stats [-j]
    what happened, and drops by reason
    A name begins with the layer that counted: phy, eth, arp, ip, icmp, udp, dhcp, dns, rtp. Zeros are left out without -j.`,
        stats,

        `sleep SECONDS
    wait
    0 to 86400. In a script it lets calls go on before the next command.`,
        sleep,

        `uptime
    for how many seconds the phone has been running
    A restart begins at 0 again.`,
        uptime,

        `reboot
    restart the phone
    Calls end unsaid, as when power fails.`,
        reboot,

        `ballast KB [--whole]
    hold memory back, to see what the rest is enough for
    In blocks of 512 bytes, as much as fits for sure; --whole takes blocks as large as a packet, which may end the phone.`,
        holdBallast,
    ]
}

/** The lines of a command's text. */
function linesOf(entry: number): string[] {
    return split(commands[entry], "\n")
}

/** Where the table has a command. @throws Error if it is none */
function entryOf(name: string): number {
    for (let entry = 0; entry < commands.length; entry += FIELDS) if (split(linesOf(entry)[0], " ")[0] === name) return entry
    throw new Error(`there is no command ${name}; help lists them`)
}

async function help(args: string[], out: Printer): Promise<void> {
    const name = args.shift()
    noMore(args)
    if (name) for (const line of linesOf(entryOf(name))) await out.print(line)
    else
        for (let entry = 0; entry < commands.length; entry += FIELDS) {
            const [usage, what] = linesOf(entry)
            await out.print(usage)
            await out.print(what)
        }
}

/**
 * Run one line. Whatever is wrong is printed as one line `error: what, and what to do`.
 * @returns whether it succeeded
 */
export async function execute(line: string, out: Printer): Promise<boolean> {
    const args = split(line, " ").filter(word => word.length > 0)
    let name = args.shift()
    if (name === undefined) return true
    let entry: number
    try {
        if (name === "?") name = "help"
        entry = entryOf(name)
        const run: Command = commands[entry + 1]
        await run(args, out)
        return !out.cancelled
    } catch (e) {
        const error = e as any
        let text: string = error.message
        if (e instanceof UsageError) text += `; usage: ${linesOf(entry)[0]}`
        else if (error.code) text = `${error.code}: ${text}`
        await out.print(`error: ${text}`)
    }
    return false
}
