/** Simulated time goes on when a connection is cut whose other end does not read for now, and so cannot know of it. */
import assert from "node:assert/strict"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { createServer, type AddressInfo, type Socket } from "node:net"
import { it } from "node:test"
import { fileURLToPath } from "node:url"
import "../support/time/clock.js"
import { sleep, until } from "../support/rig.js"

const FULL_WINDOW = fileURLToPath(new URL("../support/time/full-window.cjs", import.meta.url))
/** As in that program. */
const CHUNK = 1024
const PAUSE = 1000
const CHUNKS = 4

it("goes on when a connection is cut whose window is full; what was sent before is heard, each part in its time", async () => {
    const sockets: Socket[] = []
    const said: string[] = []
    const server = createServer(socket => {
        const i = sockets.push(socket) - 1
        socket.on("data", chunk => {
            said[i] = (said[i] ?? "") + chunk.toString()
        })
        socket.on("error", () => {})
    }).listen(0, "127.0.0.1")
    await once(server, "listening")
    const vm = spawn(process.execPath, [FULL_WINDOW, String((server.address() as AddressInfo).port)], {
        stdio: ["ignore", "ignore", "pipe"],
    })
    vm.stderr.pipe(process.stderr)
    const ended = once(vm, "exit")
    try {
        await until("the first word", () => said[0])
        sockets[0]!.write(Buffer.alloc(CHUNKS * CHUNK))
        await sleep(PAUSE / 2)
        const cut = performance.now()
        sockets[0]!.destroy()
        await until("the next connection", () => said[1], 60 * PAUSE)
        assert.deepEqual(said, ["0", String(CHUNKS * CHUNK)])
        // the pauses after each chunk, of which the first had begun, and the one before the next connection
        const waited = performance.now() - cut
        assert.ok(waited >= (CHUNKS - 1) * PAUSE && waited <= (CHUNKS + 2) * PAUSE, `${waited} ms`)
    } finally {
        vm.kill()
        await ended
        for (const socket of sockets) socket.destroy()
        server.close()
    }
})
