/** Commands run for the user in front of a terminal, or for the reader of a pipe, who gets what the phone prints as it is. */
import type { CommandRunner } from "../console-client.js"
import { complete, formsOf, type Form } from "./completion.js"
import { Painter } from "./paint.js"
import { styleFor } from "./style.js"
import { Vocabulary } from "./vocabulary.js"

const WIDTH = 80

interface Knowledge {
    seen: Vocabulary
    forms?: Promise<Form[]>
}

const known = new WeakMap<CommandRunner, Knowledge>()

function knowledgeOf(phone: CommandRunner): Knowledge {
    if (!known.has(phone)) known.set(phone, { seen: new Vocabulary() })
    return known.get(phone)!
}

function painter(): Painter {
    const out = process.stdout
    return new Painter(text => out.write(text), () => out.columns || WIDTH, styleFor(out))
}

/** Runs a command and shows its output. @see CommandRunner.execute */
export async function show(phone: CommandRunner, command: string): Promise<boolean> {
    if (!process.stdout.isTTY) return await pass(phone, command)
    const shown = painter()
    let output = ""
    try {
        return await phone.execute(command, text => {
            output += text
            shown.add(text)
        })
    } finally {
        shown.end()
        knowledgeOf(phone).seen.learn(command, output)
    }
}

async function pass(phone: CommandRunner, command: string): Promise<boolean> {
    let inLine = false
    try {
        return await phone.execute(command, text => {
            process.stdout.write(text)
            inLine = !text.endsWith("\n")
        })
    } catch (error) {
        // what is wrong with an answer that broke off is said on a line of its own
        if (inLine) console.log()
        throw error
    }
}

/** Shows an error of ours as one of the phone's is shown. */
export function showError(error: Error): void {
    if (!process.stdout.isTTY) return console.log(`error: ${error.message}`)
    const shown = painter()
    shown.add(`error: ${error.message}`)
    shown.end()
}

/** The phone is asked once what its commands are. */
async function formsFor(phone: CommandRunner): Promise<Form[]> {
    const knowledge = knowledgeOf(phone)
    const ask = async () => {
        let help = ""
        await phone.execute("help", text => (help += text))
        return formsOf(help)
    }
    knowledge.forms ??= ask()
    try {
        return await knowledge.forms
    } catch {
        // the next time it may answer
        knowledge.forms = undefined
        return []
    }
}

/** As readline wants it: the whole words that may be meant, and the part of one that is there. */
export async function completions(phone: CommandRunner, line: string, phones: number): Promise<[string[], string]> {
    const [candidates, word] = complete(await formsFor(phone), knowledgeOf(phone).seen, line, phones)
    // one that is sure is finished with a blank, so that the next can follow
    return [candidates.length === 1 ? [`${candidates[0]} `] : candidates, word]
}
