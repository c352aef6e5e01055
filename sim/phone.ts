/** One phone: the firmware in a VM process of its own, and the console that talks to it. */
import { type ChildProcess, spawn } from "node:child_process"
import { mkdtempSync } from "node:fs"
import { rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { DEVICE_PACKET_ANNOUNCE, type JDDevice } from "jacdac-ts"
import { Bus } from "./bus.js"
import { ConsoleClient } from "./console-client.js"
import { CLI, PROJECT, type PhyKind } from "./firmware.js"
import { Runner } from "./runner.js"
import { W5500Server } from "./w5500/server.js"

const BOOT_TIMEOUT = 40_000
const END_TIMEOUT = 3_000
const RECENT_LINES = 60

export interface PhoneOptions {
    /** Path of the firmware's image. */
    image: string
    /** 16 hexadecimal digits; the MAC address is made from the last ten. */
    deviceId: string
    /** `HOST:PORT` of the LAN. */
    lan: string
    /** The image's; `stream` by default. */
    phy?: PhyKind
    /** Scripts for the VM's process to load first, before `sim/board.cjs`. */
    preload?: string[]
}

/** Emits `log` with each line that the firmware writes. */
export class Phone extends Runner<{ log: [line: string] }> {
    private readonly recent: string[] = []

    private vm: ChildProcess
    private onReset = () => {}
    /** Settles when the phone is there again after its latest restart. */
    private back = Promise.resolve()

    private constructor(
        private readonly bus: Bus,
        private readonly spawnVm: () => ChildProcess,
        private readonly folder: string,
        /** The model of the board's Ethernet controller, if it has one. */
        readonly controller: W5500Server | undefined
    ) {
        super()
        this.vm = this.startVm()
    }

    private startVm(): ChildProcess {
        const vm = this.spawnVm()
        const isOurs = () => vm === this.vm
        for (const stream of [vm.stdout!, vm.stderr!]) createInterface({ input: stream }).on("line", line => isOurs() && this.onLine(line))
        vm.on("exit", (code, signal) => isOurs() && this.fail(`the simulator has ended (${signal ?? code})`))
        vm.on("error", error => isOurs() && this.fail(`the simulator does not start: ${error.message}`))
        return vm
    }

    /** Boots the firmware. Resolves when its console answers. */
    static async boot(options: PhoneOptions): Promise<Phone> {
        const bus = await Bus.open()
        const controller = options.phy === "w5500" ? await W5500Server.start({ lan: options.lan }) : undefined
        // the VM keeps its flash in the folder in which it runs
        const folder = mkdtempSync(join(tmpdir(), "tuplephone-"))
        const scripts = [...(options.preload ?? []), join(PROJECT, "sim/board.cjs")].flatMap(path => ["--require", path])
        const args = [...scripts, CLI, "-v", "-v", "run", "--tcp", options.image, "--device-id", options.deviceId]
        const spawnVm = () =>
            spawn(process.execPath, args, {
                cwd: folder,
                env: {
                    ...process.env,
                    TUPLEPHONE_BUS: String(bus.port),
                    TUPLEPHONE_LAN: controller ? `127.0.0.1:${controller.port}` : options.lan,
                    TUPLEPHONE_PHY: options.phy ?? "stream",
                    NO_UPDATE_NOTIFIER: "1",
                },
                stdio: ["ignore", "pipe", "pipe", "ipc"],
                // Ctrl-C is for the launcher alone, which ends its phones in order
                detached: true,
            })
        const phone = new Phone(bus, spawnVm, folder, controller)
        await phone.find(bus.jacdac, BOOT_TIMEOUT, () => phone.told(`the firmware does not boot within ${BOOT_TIMEOUT / 1000} s`))
        return phone
    }

    /** Runs a command; after `reboot`, and while the phone restarts by itself, waits until it is there again. */
    override async execute(line: string, onText: (text: string) => void): Promise<boolean> {
        await this.back
        const isReboot = line.trim() === "reboot"
        const reset = new Promise<void>(resolve => isReboot && (this.onReset = resolve))
        const succeeded = await super.execute(line, onText)
        if (!succeeded || !isReboot) return succeeded
        await Promise.race([reset, this.failed])
        await this.back
        return true
    }

    /** A reset stops the VM and not its process. What a board does then is done here, with the flash as it was. */
    private reset(): void {
        this.vm.kill("SIGKILL")
        this.vm = this.startVm()
        if (!this.client) return
        this.client.interrupt(new Error("the phone has restarted; run the command again"))
        this.back = this.isBack()
        // `failed` tells of it
        this.back.catch(() => {})
        this.onReset()
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
            this.client = await Promise.race([ConsoleClient.find(this.bus.jacdac), this.failed])
        } finally {
            clearTimeout(timer)
        }
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
        const line = raw.replace(/\x1b\[[0-9;]*m/g, "").replace(/^(WASM)?> ?/, "")
        this.recent.push(line)
        if (this.recent.length > RECENT_LINES) this.recent.shift()
        this.emit("log", line)
        if (/target reset$/.test(line)) this.reset()
        const panic = /Exception: (\w+)|Unhandled exception|^PANIC/.exec(line)
        // the VM goes on to print where it was: give it the time for that
        if (panic) setTimeout(() => this.fail(`the firmware has stopped (${panic[1] ?? panic[0]})`), 200)
    }

    private fail(message: string): void {
        this.failWith(this.told(message))
    }

    private told(message: string): Error {
        return new Error(`${message}; it last said:\n${this.recent.join("\n")}`)
    }
}
