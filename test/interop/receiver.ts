/**
 * ffmpeg as the far end of a call: receives one RTP stream and writes what it hears. It sends nothing
 * on the LAN: its receiver reports go to the address of its SDP, which is the host's own.
 */
import { readFile, writeFile } from "node:fs/promises"
import wavefile from "wavefile"
import { HOST, listening, type Lan } from "./lan.js"
import { type HostProcess } from "./process.js"

export class RtpReceiver {
    private constructor(
        /** The RTP port; RTCP has the next. */
        readonly port: number,
        private readonly wav: string,
        private readonly ffmpeg: HostProcess
    ) {}

    /** Listen at a port; resolves when a packet would be heard. */
    static async start(lan: Lan, port: number): Promise<RtpReceiver> {
        const sdp = lan.file(`${port}.sdp`)
        const wav = lan.file(`${port}.wav`)
        const lines = ["v=0", `o=- 0 0 IN IP4 ${HOST}`, "s=-", `c=IN IP4 ${HOST}`, "t=0 0"]
        await writeFile(sdp, [...lines, `m=audio ${port} RTP/AVP 0`, ""].join("\r\n"))
        const ffmpeg = lan.spawn(
            `ffmpeg at ${port}`,
            "ffmpeg",
            [
                ["-hide_banner", "-nostdin", "-loglevel", "info", "-nostats"],
                ["-protocol_whitelist", "file,udp,rtp"],
                // Seconds for which it waits for the first packet: the firmware has to boot.
                ["-listen_timeout", "60"],
                ["-i", sdp],
                ["-c:a", "pcm_s16le", "-f", "wav", wav],
            ].flat(),
            { endWith: "SIGINT" }
        )
        await ffmpeg.ready("RTP port", async () => (await listening("udp", port)) && (await listening("udp", port + 1)))
        return new RtpReceiver(port, wav, ffmpeg)
    }

    /** When the call has ended, which the phone tells ffmpeg by a BYE: what was heard, samples of 16 bits at 8 kHz. */
    async stop(): Promise<Int16Array> {
        await this.ffmpeg.ended()
        await this.ffmpeg.stop()
        const bytes = await readFile(this.wav).catch(() => {
            throw this.ffmpeg.error("heard nothing")
        })
        return new wavefile.WaveFile(bytes).getSamples(false, Int16Array) as unknown as Int16Array
    }
}
