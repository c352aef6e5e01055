import * as ds from "@devicescript/core"
import { AF_INET_TUPLE, SOCK_STREAM, connect, recv, send, socket } from "../../../src/socket/api"
import { htonl } from "../../../src/wire/order"
import { ipv4 } from "./lan"
import { get16, put16 } from "./support"
import { ACK, FIN, PSH, SYN, seal } from "./tcp"
import { phy, seen } from "./world"

/** A peer of TCP without a memory: it opens whatever is opened, sends all data back, and closes whatever is closed. */

/** What it answers; `off` for what it takes no notice of. */
export const echo = {
    off: false,
    /** Source and target of the last SYN, as `octet:port octet:port`. */
    path: "",
}

/** The last octets of source and target of a segment, with their ports. */
function pathOf(f: Buffer): string {
    return `${f[29]}:${get16(f, 34)} ${f[33]}:${get16(f, 36)}`
}

/** Run it, on a fiber of its own. */
export async function serveEcho(): Promise<void> {
    while (true) {
        await ds.sleep(1)
        while (!echo.off && seen.length > 0) answer(seen.shift())
    }
}

function answer(f: Buffer): void {
    if (f[23] !== 6) return
    const flags = f[34 + 13]
    const header = (f[34 + 12] >> 4) * 4
    const n = get16(f, 16) - 20 - header
    if ((flags & (SYN | FIN)) === 0) if (n === 0) return
    if ((flags & SYN) !== 0) echo.path = pathOf(f)
    const t = Buffer.alloc(20 + n)
    put16(t, 0, get16(f, 36))
    put16(t, 2, get16(f, 34))
    // a number of its own at first, then the one that is expected
    if ((flags & ACK) !== 0) t.blitAt(4, f, 34 + 8, 4)
    t.setAt(8, "i32", htonl((htonl(f.getAt(34 + 4, "i32")) + n + ((flags & (SYN | FIN)) !== 0 ? 1 : 0)) | 0))
    t[12] = 0x50
    t[13] = ACK | (flags & (SYN | FIN)) | (n > 0 ? PSH : 0)
    put16(t, 14, 8000)
    t.blitAt(20, f, 34 + header, n)
    phy.arrive(seal(ipv4(6, f.getAt(30, "i32"), f.getAt(26, "i32"), t)))
}

/** A stream socket. */
export async function stream(tuple: number): Promise<number> {
    return await socket(AF_INET_TUPLE, SOCK_STREAM, 0, tuple)
}

/** Send through a connected socket, and hear it back. @throws Error if that is something else */
export async function expectEcho(sd: number, text: string): Promise<void> {
    await send(sd, Buffer.from(text))
    const back = (await recv(sd, 1000)).toString()
    if (back !== text) throw new Error(`sent "${text}", heard "${back}"`)
}

/** The same, through one that is connected first. */
export async function expectTalk(sd: number, address: number, text: string): Promise<void> {
    await connect(sd, { address, port: 7 })
    await expectEcho(sd, text)
}
