/** Simulated time is one clock for two processes that have more than one connection. */
import assert from "node:assert/strict"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { createServer, type AddressInfo, type Server } from "node:net"
import { it } from "node:test"
import { fileURLToPath } from "node:url"
import "../support/time/clock.js"
import { until } from "../support/rig.js"

const TWO_LINKS = fileURLToPath(new URL("../support/time/two-links.cjs", import.meta.url))
const SECONDS = 60

it("goes on when two connections have one port, as they may if they go to different ones", async () => {
    const ports: number[] = []
    const heard = [0, 0]
    const listen = async (index: number): Promise<Server> => {
        const server = createServer(socket => {
            ports[index] = socket.remotePort!
            socket.on("data", chunk => {
                heard[index] += chunk.length
                socket.write(chunk)
            })
            socket.on("error", () => {})
        }).listen(0, "127.0.0.1")
        await once(server, "listening")
        return server
    }
    const servers = [await listen(0), await listen(1)]
    const to = servers.map(server => String((server.address() as AddressInfo).port))
    const vm = spawn(process.execPath, [TWO_LINKS, ...to], { stdio: ["ignore", "ignore", "pipe"] })
    vm.stderr.pipe(process.stderr)
    const ended = once(vm, "exit")
    try {
        const minute = () => {
            assert.equal(vm.exitCode, null, "the other process has ended")
            return Math.min(...heard) >= SECONDS
        }
        await until("a minute of both", minute, 2 * SECONDS * 1000)
        assert.equal(ports[0], ports[1])
        assert.ok(Math.abs(heard[0] - heard[1]) <= 1, `heard ${heard}`)
    } finally {
        vm.kill()
        await ended
        for (const server of servers) server.close()
    }
})
