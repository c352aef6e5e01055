/** Runs console commands one after the other: `--exec`. */
import type { CommandRunner } from "./console-client.js"

/** A command may begin with `@N`, the phone that it is for; without it is for the first. */
export function addressee(phones: CommandRunner[], line: string): { phone: CommandRunner; command: string } {
    const [, number, command] = /^@(\d+)\s+(.*)$/.exec(line) ?? [, "1", line]
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
        succeeded = (await phone.execute(command, text => process.stdout.write(text))) && succeeded
    }
    return succeeded
}
