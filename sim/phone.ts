/** One phone: the firmware in a VM process of its own, and the console that talks to it. */
import type { ChildProcess } from "node:child_process"
import { mkdtempSync } from "node:fs"
import { rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { DEVICE_PACKET_ANNOUNCE, type JDDevice } from "jacdac-ts"
import { Bus } from "./bus.js"
import { withNames, type PhyKind } from "./firmware.js"
import { writeFlash } from "./flash.js"
import { Handset } from "./handset.js"
import { Runner } from "./runner.js"
import { spawnVm } from "./vm.js"
import { W5500Server } from "./w5500/server.js"

const BOOT_TIMEOUT = 40_000
const END_TIMEOUT = 3_000
const RECENT_LINES = 60

/** What an end of the firmware means, and what to do. @param why as the runtime names it */
function stopped(why: string): string {
    if (why === "OutOfMemory")
        return `the firmware has run out of memory (${why}); start again, with fewer calls or commands at once, or less ballast`
    return `the firmware has stopped (${why}); start again, and if it happens again, report it with the lines above`
}

export interface PhoneOptions {
    /** Path of the firmware's image. */
    image: string
    /** 16 hexadecimal digits; the MAC address is made from the last ten. */
    deviceId: string
    /** `HOST:PORT` of the LAN. */
    lan: string
    /** The image's; `stream` by default. */
    phy?: PhyKind
    /** What its flash holds when it boots for the first time, beside `LAN`. */
    settings?: Record<string, string>
    /** Scripts for the VM's process to load first, before `sim/board.cjs`. */
    preload?: string[]
}

export class Phone extends Runner {
    private readonly recent: string[] = []
    private vm!: ChildProcess
    /** Those who wait for the next restart. */
    private readonly onReset: (() => void)[] = []
    /** Settles when the phone is there again after its latest restart. */
    private back = Promise.resolve()

    private constructor(
        private readonly bus: Bus,
        private readonly start: () => ChildProcess,
        private readonly folder: string,
        private readonly image: string,
        /** The model of the board's Ethernet controller, if it has one. */
        readonly controller: W5500Server | undefined
    ) {
        super()
    }

    private startVm(): void {
        const vm = this.start()
        this.vm = vm
        const isOurs = () => vm === this.vm
        for (const stream of [vm.stdout!, vm.stderr!]) createInterface({ input: stream }).on("line", line => isOurs() && this.onLine(line))
        vm.on("exit", (code, signal) => isOurs() && this.fail(`the simulator has ended (${signal ?? code})`))
        vm.on("error", error => isOurs() && this.fail(`the simulator does not start: ${error.message}`))
    }

    /** Boots the firmware. Resolves when its console answers. @param watch is given the phone before the firmware says its first line */
    static async boot(options: PhoneOptions, watch: (phone: Phone) => void = () => {}): Promise<Phone> {
        // the VM keeps its flash in the folder in which it runs
        const folder = mkdtempSync(join(tmpdir(), "tuplephone-"))
        const bus = await Bus.open()
        const controller = options.phy === "w5500" ? await W5500Server.start({ lan: options.lan }) : undefined
        const lan = controller ? `127.0.0.1:${controller.port}` : options.lan
        writeFlash(folder, { ...options.settings, LAN: `tcp://${lan}` })
        const start = () => spawnVm({ ...options, lan, bus: bus.port, folder, verbose: true })
        const phone = new Phone(bus, start, folder, options.image, controller)
        watch(phone)
        phone.startVm()
        await phone.find(bus.jacdac, BOOT_TIMEOUT, () => phone.told(`the firmware does not boot within ${BOOT_TIMEOUT / 1000} s`))
        return phone
    }

    /** Runs a command; after `reboot`, and while the phone restarts by itself, waits until it is there again. */
    override async execute(line: string, onText: (text: string) => void, cancel?: AbortSignal): Promise<boolean> {
        await this.back
        const isReboot = line.trim() === "reboot"
        const reset = new Promise<void>(resolve => isReboot && this.onReset.push(resolve))
        const succeeded = await super.execute(line, onText, cancel)
        if (!succeeded || !isReboot) return succeeded
        await Promise.race([reset, this.failed])
        await this.back
        return true
    }

    /** A reset stops the VM and not its process. What a board does then is done here, with the flash as it was. */
    private reset(): void {
        this.vm.kill("SIGKILL")
        this.startVm()
        if (!this.client) return
        this.client.interrupt(new Error("the phone has restarted; run the command again"))
        this.back = this.isBack()
        // `failed` tells of it
        this.back.catch(() => {})
        for (const resolve of this.onReset.splice(0)) resolve()
    }

    /** Waits until the console, which the bus may have given up meanwhile, announces itself. */
    private async isBack(): Promise<void> {
        const { deviceId } = this.client!.device
        const timer = setTimeout(() => this.fail(`the firmware does not boot again within ${BOOT_TIMEOUT / 1000} s`), BOOT_TIMEOUT)
        const announced = new Promise<void>(resolve => {
            const stop = this.bus.jacdac.subscribe(DEVICE_PACKET_ANNOUNCE, (device: JDDevice) => {
                if (device.deviceId !== deviceId) return
                stop()
                resolve()
            })
        })
        try {
            await Promise.race([announced, this.failed])
            this.client!.stop()
            this.client = await Promise.race([this.console(this.bus.jacdac), this.failed])
        } finally {
            clearTimeout(timer)
        }
    }

    /** Connects a handset to the phone: whoever does so stops it before the phone. @param sound what its microphone hears, as mu-law */
    connectHandset(sound?: Uint8Array): Handset {
        return new Handset(this.bus.jacdac, this.client!.device.deviceId, sound)
    }

    /** Runs a command and parses its output as JSON. */
    async query<T>(line: string): Promise<T> {
        const { ok, text } = await this.answer(line)
        if (!ok) throw new Error(text.trim())
        return JSON.parse(text) as T
    }

    /** Ends the VM and leaves nothing behind. */
    async stop(): Promise<void> {
        this.failWith(new Error("the phone was stopped"))
        if (this.vm.exitCode === null && this.vm.signalCode === null && this.vm.pid !== undefined) {
            const ended = new Promise(resolve => this.vm.once("exit", resolve))
            this.vm.kill("SIGTERM")
            const timer = setTimeout(() => this.vm.kill("SIGKILL"), END_TIMEOUT)
            await ended
            clearTimeout(timer)
        }
        await this.bus.close()
        await this.controller?.stop()
        await rm(this.folder, { recursive: true, force: true })
    }

    private onLine(raw: string): void {
        const line = withNames(raw.replace(/\x1b\[[0-9;]*m/g, "").replace(/^(WASM)?> ?/, ""), this.image)
        this.recent.push(line)
        if (this.recent.length > RECENT_LINES) this.recent.shift()
        this.emit("log", line)
        if (/target reset$/.test(line)) this.reset()
        const panic = /Exception: (\w+)|Unhandled exception|^PANIC/.exec(line)
        // the VM goes on to print where it was: give it the time for that
        if (panic) setTimeout(() => this.fail(stopped(panic[1] ?? panic[0])), 200)
    }

    private fail(message: string): void {
        this.failWith(this.told(message))
    }

    /** What went wrong in one line, and for its cause what the phone said before it. */
    private told(message: string): Error {
        return new Error(message, { cause: `the phone last said:\n${this.recent.join("\n")}` })
    }
}
