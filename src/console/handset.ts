/** The handset's Jacdac service, see `services/handset.md`: what its packets are. */
import * as ds from "@devicescript/core"
import { SPEAKER_OCTETS } from "../base/config"
import { onHook, onKey, onVoice, startHandset } from "../telephone/handset"
import { serve } from "./service"

/** Codes of the commands. */
enum Command {
    Voice = 0x80,
    Hook,
    Key,
    Ringer,
}

export function serveHandset(): void {
    const spec = ds.Handset.spec
    const voice = spec.lookup("voice").response.encode([0, 0, Buffer.alloc(SPEAKER_OCTETS)])
    const ring = spec.lookup("ringer").response.encode([0])
    const send = serve(spec, onPacket)
    const sendRing = async () => await send(ring)
    startHandset(voice.payload, async () => await send(voice), ring.payload, sendRing)

    async function onPacket(packet: ds.Packet): Promise<boolean> {
        const b = packet.payload
        const command = packet.serviceCommand
        if (command === Command.Voice) onVoice(b)
        else if (command === Command.Hook) onHook(b[0])
        else if (command === Command.Key) await onKey(b[0])
        else if (command === Command.Ringer) await sendRing()
        else return false
        return true
    }
}
