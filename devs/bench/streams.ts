/** For `bench/suites/streams.ts`: a program with streams and no telephone, which says when its heap is to be looked at. */
import * as ds from "@devicescript/core"
import { commonReady } from "../../src/address/common"
import { readSettings, startStack } from "../../src/boot"
import { AF_INET, SOCK_STREAM, connect, recv, send, socket } from "../../src/socket/api"
import { startStreams } from "../../src/socket/stream"
import { addressOf } from "../../src/wire/address"
import { say } from "./measure"

const STREAMS = 4
const ECHO = { address: addressOf(10, 77, 0, 2), port: 7 }
const OCTETS = 100
/** Milliseconds, with the probe for conflicts. */
const COMMON_WAIT = 10000
/** Milliseconds in which whoever looks sees the heap as it is. */
const LOOK = 5
/** Bytes of a piece of the heap, and how many make the collector run twice: there may be no piece of 16 KB. */
const PIECE = 32
const PIECES = 1024

/** Have the heap looked at. It is collected twice before: what the first collection has left by chance is gone after the second. */
async function look(what: string): Promise<void> {
    for (let i = 0; i < PIECES; i++) Buffer.alloc(PIECE)
    say({ what })
    await ds.sleep(LOOK)
}

startStack(await readSettings())
say({ ready: true })
await commonReady(COMMON_WAIT)
await look("stack")
startStreams(STREAMS)
await look("buffers")
for (let i = 0; i < STREAMS; i++) {
    const sd = await socket(AF_INET, SOCK_STREAM)
    await connect(sd, ECHO)
    await send(sd, Buffer.alloc(OCTETS))
    await recv(sd)
}
await look("open")
