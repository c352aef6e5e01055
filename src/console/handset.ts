/** The handset's Jacdac service, see `services/handset.md`: what its packets are. */
import * as ds from "@devicescript/core"
import { SPEAKER_OCTETS } from "../base/config"
import { Packets, onHook, onKey, onVoice, startHandset, tellRing } from "../telephone/handset"
import { serve } from "./service"

/** Codes of the commands. */
enum Command {
    Voice = 0x80,
    Hook,
    Key,
    Ringer,
}

let send: (packet: ds.Packet) => Promise<void>

export function serveHandset(): void {
    send = serve(ds.Handset.spec, onPacket)
    startHandset(makePackets)
}

function makePackets(): Packets {
    const spec = ds.Handset.spec
    const voice = spec.lookup("voice").response.encode([0, 0, Buffer.alloc(SPEAKER_OCTETS)])
    const ring = spec.lookup("ringer").response.encode([0])
    return {
        voice: voice.payload,
        ring: ring.payload,
        sendVoice: async () => await send(voice),
        sendRing: async () => await send(ring),
    }
}

async function onPacket(packet: ds.Packet): Promise<boolean> {
    const b = packet.payload
    const command = packet.serviceCommand
    if (command === Command.Voice) onVoice(b)
    else if (command === Command.Hook) await onHook(b[0])
    else if (command === Command.Key) await onKey(b[0])
    else if (command === Command.Ringer) await tellRing()
    else return false
    return true
}
