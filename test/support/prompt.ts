/** The prompt in front of a phone that is none: what it does is up to what is typed. For tests, at a terminal or a pipe. */
import type { CommandRunner } from "../../sim/console-client.js"
import { runProgram } from "../../sim/program.js"
import { prompt } from "../../sim/prompt.js"
import { answer } from "../../sim/terminal/output.js"
import { tell } from "../../sim/terminal/session.js"
import { sleep } from "./rig.js"

const HELP = `help [COMMAND]
    this list
hangup N|all
    end a call
ping ADDR
    ask
pause
    wait
`

/** @returns when the command is to end */
function cancelled(cancel: AbortSignal | undefined): Promise<void> {
    return new Promise(resolve => cancel?.addEventListener("abort", () => resolve()))
}

async function saySlowly(text: string, say: (text: string) => void): Promise<void> {
    await sleep(700)
    say(`slow ${text},`)
    await sleep(300)
    say(" and the end\nno")
    await sleep(300)
    say(" more")
}
/** What is to be over before the program ends. */
let slowest = Promise.resolve()

const phone: CommandRunner = {
    failure: undefined,
    async execute(line, say, cancel) {
        const [command, ...words] = line.split(" ")
        const text = words.join(" ")
        switch (command) {
            case "help":
                // slow enough for keys to come meanwhile
                await sleep(100)
                say(HELP)
                return true
            case "say":
                await sleep(100)
                say(`said ${text}\n`)
                return true
            case "calls":
                say("call 3 is up\ncall 4 is up\n")
                return true
            case "ping":
                say(`${text}: yes\n`)
                return true
            case "wrong":
                say(`error: ${text} is wrong\n`)
                return false
            // nobody answers; it says so unless it is cancelled
            case "call":
                await cancelled(cancel)
                // long enough for a second Ctrl-C
                if (text.includes(".241:")) await sleep(4000)
                return false
            // ends when it is cancelled
            case "pause":
                say("pausing\n")
                await cancelled(cancel)
                say("paused\n")
                return false
            case "stubborn":
                say("never\n")
                await cancelled(cancel)
                await sleep(Number(text))
                say("too late\n")
                return false
            // an event in the middle of a line
            case "torn":
                say("the first half,")
                tell(phone, "call 3 has ended")
                await sleep(100)
                say(" the second\nand more\n")
                return true
            // slowly, in pieces that are no lines
            case "slow":
                slowest = saySlowly(text, say)
                await slowest
                return true
            // an event after a while
            case "event":
                setTimeout(() => tell(phone, text), 700)
                return true
        }
        throw new Error(`there is no command ${command}`)
    },
}

// the second word is what runs before the first prompt, if anything does
const [, , hint, first] = process.argv
const begin = async () => {
    answer("begun\n")
    await sleep(1000)
    answer("ready\n")
}
const work = async () => {
    await prompt([phone], { hint, first: first === undefined ? undefined : begin })
    answer("orderly\n")
    return true
}
await runProgram(work, [() => slowest])
