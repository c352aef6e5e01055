/** Commands run for the user in front of a terminal, or for the reader of a pipe, who gets what the phone prints as it is. */
import type { CommandRunner } from "../console-client.js"
import { complete, formsOf, type Form } from "./completion.js"
import type { Foreground } from "./foreground.js"
import { answer, aside, endAnswer, notice, widthOf } from "./output.js"
import { Lines, Painter } from "./paint.js"
import { styleFor } from "./style.js"
import { Vocabulary } from "./vocabulary.js"

/** Commands of the prompt, which the phone knows nothing of, as its `help` would list them. */
const OWN_HELP = `exit
    leave; so do quit, Ctrl-D, and Ctrl-C twice
`
/** Beside those that the phone lists. */
const OWN_FORMS = formsOf("exit\nquit\n")
const CALL = /^call( |$)/
const ENDS = ["exit", "quit"]

interface Knowledge {
    seen: Vocabulary
    forms?: Promise<Form[]>
}

const known = new WeakMap<CommandRunner, Knowledge>()

function knowledgeOf(phone: CommandRunner): Knowledge {
    if (!known.has(phone)) known.set(phone, { seen: new Vocabulary() })
    return known.get(phone)!
}

function painter(write = answer): Painter {
    const out = process.stdout
    return new Painter(write, () => widthOf(out), styleFor(out))
}

/** Whether a line at the prompt is its end. */
export function isEnd(line: string): boolean {
    return ENDS.includes(line)
}

/** Something happened in a phone that nobody had asked for. @param name of the phone, if there are several */
export function tell(phone: CommandRunner, event: string, name?: string): void {
    knowledgeOf(phone).seen.learn("", event)
    notice(name === undefined ? event : `${name}: ${event}`)
}

/**
 * Runs a command and shows its output.
 * @param foreground what ends it before its time
 * @see CommandRunner.execute
 */
export async function show(phone: CommandRunner, command: string, foreground?: Foreground): Promise<boolean> {
    if (!process.stdout.isTTY) return await pass(phone, command)
    const shown = painter()
    let output = ""
    let succeeded = false
    try {
        succeeded = await phone.execute(
            command,
            text => {
                output += text
                if (!foreground?.isLeft) shown.add(text)
            },
            foreground?.signal
        )
        return succeeded
    } finally {
        if (!foreground?.isLeft) {
            // the phone says nothing of a call that it has not told of yet
            if (foreground?.signal.aborted && output === "" && CALL.test(command)) shown.add("the call was cancelled before it was up\n")
            shown.end()
            endAnswer()
        }
        // a mistyped address is not worth being offered
        if (succeeded) knowledgeOf(phone).seen.learn(command, output)
    }
}

/**
 * Runs a command while others run, or are typed: its output comes in whole lines, as it comes.
 * @param audience whether what it says is for nobody any more
 * @see CommandRunner.execute
 */
export async function showBeside(phone: CommandRunner, command: string, audience = { isLeft: false }): Promise<boolean> {
    const write = (text: string) => {
        if (!audience.isLeft) aside(text)
    }
    const shown = process.stdout.isTTY ? painter(write) : new Lines(write)
    let output = ""
    let succeeded = false
    try {
        succeeded = await phone.execute(command, text => {
            output += text
            shown.add(text)
        })
        return succeeded
    } finally {
        shown.end()
        if (succeeded) knowledgeOf(phone).seen.learn(command, output)
    }
}

/** Runs a command and prints what the phone does, as it is. @see CommandRunner.execute */
export async function pass(phone: CommandRunner, command: string): Promise<boolean> {
    let ended = false
    try {
        const succeeded = await phone.execute(command, answer)
        ended = true
        return succeeded
    } finally {
        // what is wrong with an answer that broke off is said on a line of its own
        endAnswer(!ended)
    }
}

/** `help` at the prompt: the phone's, and what the prompt itself does. */
export async function help(phone: CommandRunner, command: string, foreground: Foreground): Promise<void> {
    const [, about] = command.split(/ +/)
    if (about === undefined || !isEnd(about)) await show(phone, command, foreground)
    if (about !== undefined && !isEnd(about)) return
    if (process.stdout.isTTY && !foreground.isLeft) answer(OWN_HELP)
}

/** Shows an error of ours as one of the phone's is shown. @param write takes whole lines */
export function showError(error: Error, write = answer): void {
    if (!process.stdout.isTTY) return write(`error: ${error.message}\n`)
    const shown = painter(write)
    shown.add(`error: ${error.message}`)
    shown.end()
}

/** The phone is asked once what its commands are. */
async function formsFor(phone: CommandRunner): Promise<Form[]> {
    const knowledge = knowledgeOf(phone)
    const ask = async () => {
        let help = ""
        await phone.execute("help", text => (help += text))
        return [...formsOf(help), ...OWN_FORMS]
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
