/** Runs console commands one after the other: `--exec`. A terminal gets their answers as at the prompt, a pipe as the phone gives them. */
import type { CommandRunner } from "./console-client.js"
import { show, showBeside } from "./terminal/session.js"

/** Stands for the URI of a phone, as a word of its own. */
const PHONE_URI = /(?<=^|\s)sip:@(\d+)(?=\s|$)/g
/** Ends a command that runs beside those that follow it. */
const BESIDE = /\s&$/

/** A command line, and whether what follows it does not wait for its end. */
export interface Command {
    line: string
    isBeside: boolean
}

/** @param text a command, which may end in ` &` */
export function commandOf(text: string): Command {
    const line = text.trim()
    return { line: line.replace(BESIDE, "").trim(), isBeside: BESIDE.test(line) }
}

/** `;` ends a command, and so does ` &`, with or without a `;` behind it. */
export function commandsOf(text: string): Command[] {
    const texts = text.split(";").flatMap(part => part.split(/(?<=\s&)\s/))
    return texts.map(commandOf).filter(({ line }) => line !== "")
}

/** @throws if there is none of that number */
function phoneOf(phones: CommandRunner[], number: string): CommandRunner {
    const phone = phones[Number(number) - 1]
    if (!phone) throw new Error(`there is no phone ${number}; there ${phones.length === 1 ? "is 1" : `are ${phones.length}`} (--phones)`)
    return phone
}

/** Where a phone is called. @throws if there is none of that number, or it has no address */
async function uriOf(phones: CommandRunner[], number: string): Promise<string> {
    let answer = ""
    const succeeded = await phoneOf(phones, number).execute("ifconfig -j", text => (answer += text))
    const interfaces: { source: string; address: string | null }[] = succeeded ? JSON.parse(answer) : []
    const address = interfaces.find(({ source }) => source === "common")?.address
    if (!address) throw new Error(`phone ${number} has no address yet, at which it could be called; see @${number} lease`)
    return `sip:phone${Number(number)}@${address}`
}

/**
 * A command may begin with `@N`, the phone that it is for; without, it is for the first. In it `sip:@N` is where phone N is called.
 * @throws if there is no phone N
 */
export async function addressee(phones: CommandRunner[], line: string): Promise<{ phone: CommandRunner; command: string }> {
    const [, number, text] = /^@(\d+)\s+(.*)$/s.exec(line) ?? ["", "1", line]
    const phone = phoneOf(phones, number!)
    const uris: string[] = []
    for (const [, called] of text!.matchAll(PHONE_URI)) uris.push(await uriOf(phones, called!))
    return { phone, command: text!.replace(PHONE_URI, () => uris.shift()!) }
}

/** @returns whether each command succeeded; all are run all the same, so that the last ones can tell what happened */
export async function run(phones: CommandRunner[], commands: string): Promise<boolean> {
    let succeeded = true
    const beside: Promise<boolean>[] = []
    for (const { line, isBeside } of commandsOf(commands)) {
        const { phone, command } = await addressee(phones, line)
        if (!isBeside) {
            succeeded = (await show(phone, command)) && succeeded
            continue
        }
        const work = showBeside(phone, command)
        // it may fail while nobody waits for it yet
        work.catch(() => {})
        beside.push(work)
    }
    for (const work of beside) succeeded = (await work) && succeeded
    return succeeded
}
