/**
 * A phone on a Jacdac bus that another program carries: the DeviceScript extension's development server, or `devs
 * devtools`, which is the same program. Each time it builds, it is deaf for some seconds, and the phone restarts; so a
 * phone that leaves the bus is waited for, and only the end of the bus is the end.
 */
import { once } from "node:events"
import { connect, type Socket } from "node:net"
import { JDBus, SRV_DEVICE_SCRIPT_MANAGER, type JDDevice } from "jacdac-ts"
import { TcpTransport } from "./bus.js"
import { ConsoleClient } from "./console-client.js"
import { Runner } from "./runner.js"

export interface BusAddress {
    host: string
    port: number
}

/** Where `devs devtools` carries its bus over TCP. Its 8081 is for browsers (WebSocket), its 8083 for debuggers. */
export const DEVTOOLS: BusAddress = { host: "127.0.0.1", port: 8082 }

/** Milliseconds for the connection. */
const CONNECT_TIMEOUT = 3_000
/** Milliseconds in which every device has announced itself: each does so twice a second. */
const ANNOUNCED = 1_100
/** Milliseconds until the console must have shown itself: a build may be under way. */
const FIND_TIMEOUT = 10_000

export function showAddress({ host, port }: BusAddress): string {
    return `${host}:${port}`
}

const nameOf = (device: JDDevice) => `${device.shortId} (${device.deviceId})`

/** @throws if nothing listens there */
async function open(address: BusAddress): Promise<Socket> {
    const socket = connect({ ...address, timeout: CONNECT_TIMEOUT })
    socket.once("timeout", () => socket.destroy(new Error("no answer")))
    try {
        await once(socket, "connect")
    } catch (error) {
        const { code, message } = error as NodeJS.ErrnoException
        throw new Error(
            `there is no Jacdac bus at ${showAddress(address)} (${code ?? message}); press play in the editor, or use npm start`
        )
    }
    socket.setTimeout(0)
    return socket
}

export class BusPhone extends Runner {
    private readonly bus: JDBus
    private readonly transport = new TcpTransport()
    private stopping = false

    private constructor(
        private readonly address: BusAddress,
        /** Which phone: its identifier on the bus, short or long. */
        private wanted: string | undefined
    ) {
        super()
        this.bus = new JDBus([this.transport], { client: true, disableRoleManager: true })
        this.watchLeave(this.bus, () => {
            this.client!.interrupt(new Error("the phone has left the bus, as when its program is built or stopped; run the command again"))
            this.client!.stop()
            this.client = undefined
        })
    }

    /** Joins the bus. Resolves when the phone's console is there. */
    static async open(address: BusAddress, wanted: string | undefined, watch: (phone: BusPhone) => void = () => {}): Promise<BusPhone> {
        const socket = await open(address)
        const phone = new BusPhone(address, wanted)
        watch(phone)
        try {
            await phone.join(socket)
            await Promise.race([phone.choose(), phone.failed])
        } catch (error) {
            await phone.stop()
            throw error
        }
        return phone
    }

    /** Leaves the bus. */
    async stop(): Promise<void> {
        this.stopping = true
        this.failure ??= new Error("the console was closed")
        await this.bus.stop()
        await this.bus.disconnect()
    }

    /** Runs a command, on a phone that is back if it was gone. */
    override async execute(line: string, onText: (text: string) => void, cancel?: AbortSignal): Promise<boolean> {
        if (!this.client && !this.failure) {
            this.emit("notice", "waiting for the phone to come back ...")
            await Promise.race([this.findPhone(), this.failed])
        }
        return await super.execute(line, onText, cancel)
    }

    private async join(socket: Socket): Promise<void> {
        const where = showAddress(this.address)
        // a server for browsers says so, or hangs up
        let isBus = false
        socket.once("data", chunk => (isBus = chunk.toString("latin1", 0, 5) !== "HTTP/"))
        socket.once("close", () => {
            if (this.stopping) return
            if (isBus)
                this.failWith(
                    new Error(`the bus at ${where} is gone: the program that carried it has ended; start it and this console again`)
                )
            else this.failWith(new Error(`what listens at ${where} is no Jacdac bus; that of devs devtools is at port ${DEVTOOLS.port}`))
        })
        this.transport.attach(socket)
        this.bus.autoConnect = true
        this.bus.start()
        await this.bus.connect(true)
    }

    /** Takes the one phone that there is. @throws if it is not clear which */
    private async choose(): Promise<void> {
        await new Promise(resolve => setTimeout(resolve, ANNOUNCED))
        const phones = ConsoleClient.devices(this.bus)
        if (this.wanted === undefined && phones.length > 1)
            throw new Error(`there are ${phones.length} phones on the bus: ${phones.map(nameOf).join(", ")}; say which with --device`)
        await this.findPhone()
        this.wanted = this.client!.device.deviceId
    }

    private async findPhone(): Promise<void> {
        let timer: NodeJS.Timeout | undefined
        const late = new Promise<never>((_, reject) => (timer = setTimeout(() => reject(this.silence()), FIND_TIMEOUT)))
        const isWanted = ({ deviceId, shortId }: JDDevice) =>
            this.wanted === undefined || [deviceId.toLowerCase(), shortId.toLowerCase()].includes(this.wanted.toLowerCase())
        try {
            this.client = await Promise.race([ConsoleClient.find(this.bus, text => this.emit("event", text), isWanted), late])
        } finally {
            clearTimeout(timer)
        }
    }

    private silence(): Error {
        const where = showAddress(this.address)
        const phones = ConsoleClient.devices(this.bus)
        if (phones.length > 0)
            return new Error(`there is no phone ${this.wanted} on the bus at ${where}; there is ${phones.map(nameOf).join(", ")}`)
        const devices = this.bus.devices({ serviceClass: SRV_DEVICE_SCRIPT_MANAGER })
        if (devices.length > 0)
            return new Error(
                `there is a DeviceScript device on the bus at ${where}, but no Tuplephone runs on it; press play in the editor`
            )
        return new Error(`there is no phone on the bus at ${where}; press play in the editor, which starts the simulator`)
    }
}
