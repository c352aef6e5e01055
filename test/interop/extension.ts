/**
 * What the DeviceScript extension says to its development server, as a program: a request in each line of the input, as
 * JSON; what matters of each answer in a line of the output. Needs Node's --experimental-websocket before version 22.
 * @see https://github.com/microsoft/devicescript, cli/src/sideprotocol.ts
 */
import { createInterface } from "node:readline"

const URL = "ws://127.0.0.1:8081/"
const RETRY = 100

/** The server may be starting. */
async function connect(): Promise<WebSocket> {
    for (;;) {
        const socket = new WebSocket(URL)
        const isOpen = await new Promise<boolean>(resolve => {
            socket.onopen = () => resolve(true)
            socket.onerror = () => resolve(false)
        })
        if (isOpen) return socket
        await new Promise(resolve => setTimeout(resolve, RETRY))
    }
}

const socket = await connect()
socket.onmessage = ({ data }) => {
    // the others are Jacdac packets
    if (typeof data !== "string") return
    const { resp, seq, data: answer } = JSON.parse(data)
    if (resp)
        console.log(JSON.stringify({ resp, seq, success: answer.success, deployStatus: answer.deployStatus, message: answer.message }))
}
for await (const line of createInterface({ input: process.stdin })) socket.send(line)
process.exit()
