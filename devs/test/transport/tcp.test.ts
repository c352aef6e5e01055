import * as ds from "@devicescript/core"
import { beforeEach, describe, expect, test } from "@devicescript/test"
import { AF_INET, SOCK_STREAM, bind, close, connect, recv, send, socket } from "../../../src/socket/api"
import { accept, listen, startStreams } from "../../../src/socket/stream"
import { HOST } from "../support/lan"
import { run } from "../support/support"
import { ACK, FIN, PSH, SYN, heard, peer, says } from "../support/tcp"
import { startWorld, tidy } from "../support/world"

await startWorld()
startStreams(4)

describe("a connection", () => {
    beforeEach(tidy)

    test("is opened by us, carries data both ways, and is closed by us", async () => {
        const sd = await socket(AF_INET, SOCK_STREAM)
        let done = ""
        const opening = async () => {
            try {
                await connect(sd, { address: HOST, port: 80 })
                done = "open"
            } catch (e) {
                done = `${(e as any).code} ${(e as Error).message}`
            }
        }
        opening.start()
        peer.port = 80
        expect(await heard()).toBe("S 0")
        expect(await says(SYN | ACK, 0, 1)).toBe("A 1 1")
        await ds.sleep(5)
        expect(done).toBe("open")
        expect(await send(sd, Buffer.from("hello"))).toBe(5)
        expect(await heard()).toBe("PA 1 1 <hello>")
        expect(await says(ACK | PSH, 1, 6, "world")).toBe("")
        expect((await recv(sd, 100)).toString()).toBe("world")
        await ds.sleep(200)
        expect(await heard()).toBe("A 6 6")
        await close(sd)
        expect(await heard()).toBe("FA 6 6")
        expect(await says(FIN | ACK, 6, 7)).toBe("A 7 7")
    })

    test("is opened by the peer", async () => {
        const sd = await socket(AF_INET, SOCK_STREAM)
        const { port } = await bind(sd, {})
        listen(sd, 2)
        peer.ours = port
        peer.port = 4001
        expect(await says(SYN, 0, 0)).toBe("SA 0 1")
        expect(await says(ACK, 1, 1)).toBe("")
        const a = await accept(sd, 100)
        expect(await says(ACK | PSH, 1, 1, "abc")).toBe("")
        expect((await recv(a, 100)).toString()).toBe("abc")
        expect(await says(FIN | ACK, 4, 1)).toBe("A 1 5")
        expect((await recv(a, 100)).length).toBe(0)
        await close(a)
        expect(await heard()).toBe("FA 1 5")
        expect(await says(ACK, 5, 2)).toBe("")
        await close(sd)
    })
})

await run()
