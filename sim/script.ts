/** Runs console commands one after the other: `--exec`. A terminal gets their answers as at the prompt, a pipe as the phone gives them. */
import type { CommandRunner } from "./console-client.js"
import { show } from "./terminal/session.js"

/** A command may begin with `@N`, the phone that it is for; without it is for the first. */
export function addressee(phones: CommandRunner[], line: string): { phone: CommandRunner; command: string } {
    const [, number, command] = /^@(\d+)\s+(.*)$/.exec(line) ?? ["", "1", line]
    const phone = phones[Number(number) - 1]
    if (!phone) throw new Error(`there is no phone ${number}; there ${phones.length === 1 ? "is 1" : `are ${phones.length}`} (--phones)`)
    return { phone, command: command! }
}

/** @returns whether each command succeeded; all are run all the same, so that the last ones can tell what happened */
export async function run(phones: CommandRunner[], commands: string): Promise<boolean> {
    let succeeded = true
    for (const line of commands.split(";").map(c => c.trim())) {
        if (!line) continue
        const { phone, command } = addressee(phones, line)
        succeeded = (await show(phone, command)) && succeeded
    }
    return succeeded
}
