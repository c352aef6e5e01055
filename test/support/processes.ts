/** Processes that a test has started, and what they have open. */
import { existsSync, readFileSync, readdirSync, readlinkSync } from "node:fs"
import { connect } from "node:net"

/** What is here reads /proc. */
export const isLinux = existsSync("/proc/net/tcp")

export function isAlive(pid: number): boolean {
    try {
        process.kill(pid, 0)
        return true
    } catch {
        return false
    }
}

/** All processes that come from this one, itself included. */
export function family(root: number): number[] {
    const children = new Map<number, number[]>()
    for (const pid of readdirSync("/proc").map(Number).filter(Boolean)) {
        try {
            // the name in parentheses may hold anything
            const parent = Number(
                readFileSync(`/proc/${pid}/stat`, "utf8")
                    .replace(/^.*\) /s, "")
                    .split(" ")[1]
            )
            children.set(parent, [...(children.get(parent) ?? []), pid])
        } catch {
            // it has just ended
        }
    }
    const all = [root]
    for (const pid of all) all.push(...(children.get(pid) ?? []))
    return all
}

/** TCP ports on which these processes listen. */
export function listening(pids: number[]): number[] {
    const inodes = new Set<string>()
    for (const pid of pids)
        for (const fd of readdirSync(`/proc/${pid}/fd`)) {
            try {
                const link = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))
                if (link) inodes.add(link[1])
            } catch {
                // it has just been closed
            }
        }
    const LISTEN = "0A"
    const rows = readFileSync("/proc/net/tcp", "utf8")
        .trim()
        .split("\n")
        .slice(1)
        .map(row => row.trim().split(/\s+/))
    return rows.filter(row => row[3] === LISTEN && inodes.has(row[9])).map(row => parseInt(row[1].split(":")[1], 16))
}

export function isRefused(port: number): Promise<boolean> {
    return new Promise(resolve => {
        const socket = connect(port, "127.0.0.1")
        socket.on("error", () => resolve(true))
        socket.on("connect", () => {
            socket.destroy()
            resolve(false)
        })
    })
}
