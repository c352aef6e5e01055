/** `devs/bench/peers/frame.py` in MicroPython's WebAssembly port. */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { loadMicroPython } from "@micropython/micropython-webassembly-pyscript"
import { PROJECT } from "../../sim/firmware.js"
import { type Figures, type Peer, type Plan, processorTime } from "./peer.js"

/** What stands between the host and the stack; octets come as hexadecimal digits. */
const GLUE = `
import json

clock = 0
sent = []

def keep(f):
    sent.append(bytes(f))
    return 0

def told_time():
    return clock

def reset(plan):
    global verified, timed
    p = json.loads(plan)
    calls = [(bytes.fromhex(c[0]), c[1], bytes.fromhex(c[2]), c[3], bytes.fromhex(c[4])) for c in p["calls"]]
    mac = bytes.fromhex(p["mac"])
    speech = bytes.fromhex(p["speech"])
    verified = stack(mac, calls, speech, keep, told_time)
    timed = stack(mac, calls, speech, accept)

def receive_one(chunk, ms):
    global clock
    clock = ms
    receive, send, sockets, counters, b = verified
    data = bytes.fromhex(chunk)
    b[:len(data)] = data
    receive(len(data))

def send_some(n):
    receive, send, sockets, counters, b = verified
    for i in range(n):
        send(sockets[i & 7])
    told = " ".join(f.hex() for f in sent)
    sent.clear()
    return told

def told_figures():
    return json.dumps(figures(verified[2], verified[3]))

def check(on):
    for made in verified, timed:
        for s in made[2]:
            s[_S_CHECK] = on

def load(chunks):
    global frames
    frames = [bytes.fromhex(c) for c in chunks.split()]

def run_receive():
    time_receive(timed[0], timed[4], frames)

def run_bare_receive():
    time_receive(empty, timed[4], frames)

def run_send(turns):
    time_send(timed[1], timed[2], turns)

def run_bare_send(turns):
    time_send(accept, timed[2], turns)
`

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex")

export async function startMicroPython(): Promise<Peer> {
    const python = await loadMicroPython()
    python.runPython(readFileSync(join(PROJECT, "devs/bench/peers/frame.py"), "utf8") + GLUE)
    const get = (name: string) => python.globals.get(name)
    const reset = get("reset")
    const receive = get("receive_one")
    const send = get("send_some")
    const figures = get("told_figures")
    const check = get("check")
    const load = get("load")
    const runReceive = get("run_receive")
    const runBareReceive = get("run_bare_receive")
    const runSend = get("run_send")
    const runBareSend = get("run_bare_send")
    return {
        name: "MicroPython",
        reset: ({ mac, calls, speech }: Plan) =>
            reset(
                JSON.stringify({
                    mac: hex(mac),
                    speech: hex(speech),
                    calls: calls.map(c => [hex(c.address), c.port, hex(c.remote), c.remotePort, hex(c.first)]),
                })
            ),
        receive: (chunk, clock) => receive(hex(chunk), clock),
        send: frames => (send(frames) as string).split(" ").map(f => Buffer.from(f, "hex")),
        figures: () => JSON.parse(figures()) as Figures,
        check,
        load: chunks => load(chunks.map(hex).join(" ")),
        timeReceive: () => processorTime(runReceive),
        timeBareReceive: () => processorTime(runBareReceive),
        timeSend: turns => processorTime(() => runSend(turns)),
        timeBareSend: turns => processorTime(() => runBareSend(turns)),
        stop: () => {},
    }
}
