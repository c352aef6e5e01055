import * as ds from "@devicescript/core"
import { restart } from "../uptime"
import { parseDecimal } from "../wire/address"
import { call, hangupCommand, listCalls } from "./calls"
import { Printer, UsageError, noMore } from "./command"
import { arp, ifconfig, lease, netstat, pingCommand, stats } from "./network"

/** A line for each command: its usage, a tab, what it does. One text lies in flash; a table would lie in the heap. */
const HELP = `help	this list
call ADDR:PORT [--codec pcmu|pcma] [--play tone|speech|echo] [--seconds N] [--tuple dhcp|static|common]	place a call, or wait for its end
hangup N|all	end a call, or all
calls [-j]	the calls, also the last that ended
ifconfig [-j]	the interfaces
netstat [-j]	the sockets
arp [-j]	the neighbours
ping ADDR [COUNT]	from the common address
lease [-j] | lease renew IFACE | lease release IFACE | lease ready N	the DHCP leases; N of them are kept ready for calls
stats [-j]	what happened, and drops by reason
sleep SECONDS	wait
reboot	restart the phone
ballast KB	hold memory back`

let ballast: Buffer

async function holdBallast(args: string[], out: Printer): Promise<void> {
    const kb = args.length === 1 ? parseDecimal(args[0], 48) : undefined
    if (kb === undefined) throw new UsageError("say how many KB, 0 to 48")
    // one block, so that the rest is as a smaller heap would be: many small ones would fill its gaps
    ballast = undefined
    if (kb > 0) ballast = Buffer.alloc(kb * 1024)
    await out.line(`${kb} KB held back`)
}

async function sleep(args: string[]): Promise<void> {
    const seconds = args.length === 1 ? parseDecimal(args[0], 86400) : undefined
    if (seconds === undefined) throw new UsageError("say how many seconds, 0 to 86400")
    await ds.sleep(seconds * 1000)
}

async function reboot(args: string[], out: Printer): Promise<void> {
    noMore(args, 0)
    await out.line("restarting")
    // not in the command itself, whose end has to be told first; calls and their addresses end unsaid, as when power fails
    restart.start()
}

async function help(args: string[], out: Printer): Promise<void> {
    noMore(args, 0)
    for (const line of HELP.split("\n")) {
        const [usage, text] = line.split("\t")
        await out.line(usage)
        await out.line(`    ${text}`)
    }
}

function usageOf(name: string): string {
    return HELP.split("\n")
        .find(line => line.startsWith(name))
        .split("\t")[0]
}

/** @returns `false` if there is no such command */
async function dispatch(name: string, args: string[], out: Printer): Promise<boolean> {
    if (name === "help") await help(args, out)
    else if (name === "call") await call(args, out)
    else if (name === "hangup") await hangupCommand(args, out)
    else if (name === "calls") await listCalls(args, out)
    else if (name === "ifconfig") await ifconfig(args, out)
    else if (name === "netstat") await netstat(args, out)
    else if (name === "arp") await arp(args, out)
    else if (name === "ping") await pingCommand(args, out)
    else if (name === "lease") await lease(args, out)
    else if (name === "stats") await stats(args, out)
    else if (name === "sleep") await sleep(args)
    else if (name === "reboot") await reboot(args, out)
    else if (name === "ballast") await holdBallast(args, out)
    else return false
    return true
}

/**
 * Run one line. Whatever is wrong is printed as one line `error: what, and what to do`.
 * @returns whether it succeeded
 */
export async function execute(line: string, out: Printer): Promise<boolean> {
    const args = line.split(" ").filter(word => word.length > 0)
    const name = args.shift()
    if (name === undefined) return true
    try {
        if (await dispatch(name, args, out)) return true
        await out.line(`error: there is no command ${name}; help lists them`)
    } catch (e) {
        const error = e as any
        if (e instanceof UsageError) await out.line(`error: ${error.message}; usage: ${usageOf(name)}`)
        else await out.line(`error: ${error.code ? `${error.code}: ` : ""}${error.message}`)
    }
    return false
}
