/** The process of a simulator VM. */
import { type ChildProcess, spawn } from "node:child_process"
import { join } from "node:path"
import { CLI, PROJECT, type PhyKind } from "./firmware.js"

export interface VmOptions {
    /** Path of the image that it runs. */
    image: string
    /** 16 hexadecimal digits; the MAC address is made from the last ten. */
    deviceId: string
    /** `HOST:PORT` to which its stream leads: the LAN, or the model of its Ethernet controller. */
    lan: string
    /** The image's; `stream` by default. */
    phy?: PhyKind
    /** The TCP port of its Jacdac bus. */
    bus: number
    /** Where it runs and keeps its flash: one of its own. */
    folder: string
    /** Scripts for the process to load first, before `sim/board.cjs`. */
    preload?: string[]
    /** Whether it prints all that the runtime says, and not only what matters. */
    verbose?: boolean
    env?: Record<string, string>
}

/** It ends when this process does. */
export function spawnVm(options: VmOptions): ChildProcess {
    const scripts = [...(options.preload ?? []), join(PROJECT, "sim/board.cjs")].flatMap(path => ["--require", path])
    const verbose = options.verbose ? ["-v", "-v"] : []
    const args = [...scripts, CLI, ...verbose, "run", "--tcp", options.image, "--device-id", options.deviceId]
    return spawn(process.execPath, args, {
        cwd: options.folder,
        env: {
            ...process.env,
            ...options.env,
            TUPLEPHONE_BUS: String(options.bus),
            TUPLEPHONE_LAN: options.lan,
            TUPLEPHONE_PHY: options.phy ?? "stream",
            NO_UPDATE_NOTIFIER: "1",
        },
        stdio: ["ignore", "pipe", "pipe", "ipc"],
        // Ctrl-C is for the launcher alone, which ends its VMs in order
        detached: true,
    })
}
