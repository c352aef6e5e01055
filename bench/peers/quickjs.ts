/** `devs/bench/peers/frame.js` in QuickJS, compiled to WebAssembly. */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import release from "@jitl/quickjs-wasmfile-release-sync"
import { newQuickJSWASMModuleFromVariant, type QuickJSHandle } from "quickjs-emscripten-core"
import { PROJECT } from "../../sim/firmware.js"
import { type Figures, type Peer, type Plan, processorTime } from "./peer.js"

/** What stands between the host and the stack; octets come as buffers. */
const GLUE = `
let clock = 0
let sent = []
let verified
let timed
let frames

function keep(f) {
    sent.push(f.slice())
    return 0
}

function reset(plan, octets) {
    let at = 0
    const take = n => new Uint8Array(octets.slice(at, at += n))
    const p = JSON.parse(plan)
    const make = (write, millis) => {
        at = 0
        const mac = take(6)
        const speech = take(p.speech)
        const calls = p.calls.map(c => ({ address: take(4), port: c[0], remote: take(4), remotePort: c[1], first: take(c[2]) }))
        return stack(mac, calls, speech, write, millis)
    }
    verified = make(keep, () => clock)
    timed = make(accept, Date.now)
}

function receiveOne(chunk, ms) {
    clock = ms
    verified.b.set(new Uint8Array(chunk))
    verified.receive(chunk.byteLength)
}

function sendSome(n) {
    for (let i = 0; i < n; i++) verified.send(verified.sockets[i & 7])
    const all = new Uint8Array(sent.reduce((n, f) => n + f.length, 0))
    let at = 0
    for (const f of sent) {
        all.set(f, at)
        at += f.length
    }
    sent = []
    return all.buffer
}

function toldFigures() {
    return JSON.stringify(figures(verified.sockets, verified.counters))
}

function check(on) {
    for (const made of [verified, timed]) for (const s of made.sockets) s.check = on
}

function load(octets, n) {
    frames = []
    for (let i = 0; i < octets.byteLength; i += n) frames.push(new Uint8Array(octets, i, n))
}

function runReceive() {
    timeReceive(timed.receive, timed.b, frames)
}

function runBareReceive() {
    timeReceive(empty, timed.b, frames)
}

function runSend(turns) {
    timeSend(timed.send, timed.sockets, turns)
}

function runBareSend(turns) {
    timeSend(accept, timed.sockets, turns)
}
`

export async function startQuickJs(): Promise<Peer> {
    const context = (await newQuickJSWASMModuleFromVariant(release)).newContext()
    context.unwrapResult(context.evalCode(readFileSync(join(PROJECT, "devs/bench/peers/frame.js"), "utf8") + GLUE, "frame.js")).dispose()

    type Argument = string | number | boolean | Uint8Array
    const handleOf = (a: Argument) => {
        if (typeof a === "string") return context.newString(a)
        if (typeof a === "number") return context.newNumber(a)
        if (typeof a === "boolean") return a ? context.true : context.false
        return context.newArrayBuffer(Uint8Array.from(a).buffer)
    }
    const used: QuickJSHandle[] = []
    /** The function of that name, which may give something back. */
    function use<T>(name: string, read?: (result: QuickJSHandle) => T): (...args: Argument[]) => T {
        const f = context.getProp(context.global, name)
        used.push(f)
        return (...args) => {
            const handles = args.map(handleOf)
            const result = context.unwrapResult(context.callFunction(f, context.undefined, ...handles))
            const value = read ? read(result) : (undefined as T)
            result.dispose()
            for (const h of handles) h.dispose()
            return value
        }
    }
    const octetsOf = (result: QuickJSHandle) => {
        const lifetime = context.getArrayBuffer(result)
        const octets = Buffer.from(lifetime.value)
        lifetime.dispose()
        return octets
    }

    const reset = use("reset")
    const receive = use("receiveOne")
    const send = use("sendSome", octetsOf)
    const figures = use("toldFigures", context.getString.bind(context))
    const check = use("check")
    const load = use("load")
    const runReceive = use("runReceive")
    const runBareReceive = use("runBareReceive")
    const runSend = use("runSend")
    const runBareSend = use("runBareSend")
    return {
        name: "QuickJS",
        reset: ({ mac, calls, speech }: Plan) =>
            reset(
                JSON.stringify({ speech: speech.length, calls: calls.map(c => [c.port, c.remotePort, c.first.length]) }),
                Buffer.concat([mac, speech, ...calls.flatMap(c => [c.address, c.remote, c.first])])
            ),
        receive: (chunk, clock) => receive(chunk, clock),
        send: frames => {
            const octets = send(frames)
            const n = octets.length / frames
            return Array.from({ length: frames }, (_, i) => octets.subarray(i * n, (i + 1) * n))
        },
        figures: () => JSON.parse(figures()) as Figures,
        check: on => check(on),
        load: chunks => load(Buffer.concat(chunks), chunks[0]!.length),
        timeReceive: () => processorTime(runReceive),
        timeBareReceive: () => processorTime(runBareReceive),
        timeSend: turns => processorTime(() => runSend(turns)),
        timeBareSend: turns => processorTime(() => runBareSend(turns)),
        stop: () => {
            for (const f of used) f.dispose()
            context.dispose()
        },
    }
}
