/** The serial ports of this machine, and which of them may be a board. */
import { readdir } from "node:fs/promises"
import type { SerialPort } from "serialport"

export interface Port {
    path: string
    manufacturer?: string
    serialNumber?: string
    /** USB identifiers, 4 hexadecimal digits each. */
    vendorId?: string
    productId?: string
}

/** What USB serial ports are called where the system does not tell more of them. */
const USB_NAME = /^tty(USB|ACM)\d+$/

/** The package has a part for each system, so it is an optional one. @throws if it is not there */
export async function serialPackage(): Promise<typeof SerialPort> {
    try {
        return (await import("serialport")).SerialPort
    } catch {
        throw new Error("the package serialport is missing, or does not work on this system; run: npm install serialport")
    }
}

/** All serial ports, those that may be a board first. */
export async function listPorts(): Promise<Port[]> {
    const ports = await (await serialPackage()).list().catch(usbPorts)
    const order = (port: Port) => (isLikely(port) ? 0 : 1)
    return ports.sort((a, b) => order(a) - order(b) || a.path.localeCompare(b.path, "en", { numeric: true }))
}

/** Without udev, which tells what they are, the names must do. */
async function usbPorts(): Promise<Port[]> {
    const names = await readdir("/dev").catch(() => [])
    return names.filter(name => USB_NAME.test(name)).map(name => ({ path: `/dev/${name}` }))
}

/** A board is on USB; a computer's own ports are not. */
export function isLikely(port: Port): boolean {
    return port.vendorId !== undefined || USB_NAME.test(port.path.replace("/dev/", ""))
}

/** The port to take if none is named. @throws if it is not clear which */
export function choosePort(ports: Port[]): Port {
    const likely = ports.filter(isLikely)
    if (likely.length === 1) return likely[0]!
    if (likely.length > 1) throw new Error(`there are ${likely.length} ports: ${likely.map(describe).join(", ")}; say which with --serial`)
    if (ports.length === 0) throw new Error("there is no serial port; plug the board in, or name its port with --serial")
    throw new Error("none of the serial ports is on USB; plug the board in, or name its port with --serial (--list shows them)")
}

/** The port's path, and what is known of it. */
export function describe(port: Port): string {
    const usb = port.vendorId && `${port.vendorId}:${port.productId}`
    const known = [port.manufacturer, port.serialNumber, usb].filter(Boolean).join(" ")
    return known ? `${port.path} (${known})` : port.path
}
