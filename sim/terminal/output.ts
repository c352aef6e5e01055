/**
 * What the user reads: answers on stdout, whatever else there is to say on stderr. The latter comes at any time, as do answers
 * of commands that run beside others, and never inside a line of an answer, nor on the line that is being typed.
 */
import { clearScreenDown, cursorTo, moveCursor } from "node:readline"
import type { Interface } from "node:readline/promises"
import { wrapped } from "./wrap.js"

/** Of what is no terminal, or one that does not know. */
const WIDTH = 80

/** Milliseconds until what there is to say does not wait for the end of a line any more. */
const LINE_TIMEOUT = 1_000

/** Whole lines that come at any time. */
interface Remark {
    print(): void
    /** Whether it goes where answers go: it waits for the end of their line, however long that takes. */
    isAnswer: boolean
}

/** The prompt at which a line is being typed, if there is one. */
let editor: Interface | undefined
/** Whether the last that was written of an answer is not a whole line. */
let inLine = false
/** What waits for the end of that line. */
const held: Remark[] = []
let timer: NodeJS.Timeout | undefined

export function widthOf(stream: { columns?: number }): number {
    return stream.columns || WIDTH
}

/** A line is being typed at this prompt from now on, or none. */
export function setEditor(prompt: Interface | undefined): void {
    editor = prompt
}

/** Writes a piece of an answer. */
export function answer(text: string): void {
    const newline = text.indexOf("\n") + 1
    if (held.length > 0 && newline > 0) {
        write(text.slice(0, newline))
        release()
        text = text.slice(newline)
    }
    write(text)
}

/** An answer has ended, perhaps `broken` off: what follows begins a line. */
export function endAnswer(broken = false): void {
    if (inLine && (broken || held.length > 0)) write("\n")
    inLine = false
    release()
}

/** No more is typed or answered: what follows begins a line. */
export function endAll(): void {
    if (editor?.terminal) process.stdout.write("\n")
    editor = undefined
    endAnswer(true)
}

function write(text: string): void {
    if (text === "") return
    process.stdout.write(text)
    inLine = !text.endsWith("\n")
}

function release(): void {
    clearTimeout(timer)
    timer = undefined
    for (const remark of held.splice(0)) say(remark)
}

/** The rest of the line may never come. Only on a screen it is torn: an answer in a pipe stays whole. */
function releaseInLine(): void {
    timer = undefined
    if (process.stdout.isTTY) {
        write("\n")
        return release()
    }
    for (const remark of held.splice(0)) {
        if (remark.isAnswer) held.push(remark)
        else say(remark)
    }
}

/** As it fits a stream: broken between words on a terminal, as it is elsewhere. */
export function fitted(text: string, stream: { isTTY?: boolean; columns?: number }): string {
    if (!stream.isTTY) return text
    return text
        .split("\n")
        .flatMap(line => wrapped(line, widthOf(stream)))
        .join("\n")
}

/** Says something that is no answer: above the line that is being typed, or after the line of an answer. */
export function notice(text: string): void {
    add({ print: () => console.error(fitted(text, process.stderr)), isAnswer: false })
}

/** Writes whole lines of an answer that nobody waits for, in the same places. */
export function aside(lines: string): void {
    add({ print: () => process.stdout.write(lines), isAnswer: true })
}

function add(remark: Remark): void {
    if (!inLine) return say(remark)
    held.push(remark)
    timer ??= setTimeout(releaseInLine, LINE_TIMEOUT).unref()
}

function say({ print }: Remark): void {
    if (editor?.terminal) above(editor, print)
    else print()
}

/** Takes the line that is being typed away, and writes it again below what `print` writes. */
function above(prompt: Interface, print: () => void): void {
    const out = process.stdout
    if (process.env.TERM === "dumb") {
        out.write("\n")
        print()
        prompt.prompt(true)
        return void out.write(prompt.line)
    }
    moveCursor(out, 0, -prompt.getCursorPos().rows)
    cursorTo(out, 0)
    clearScreenDown(out)
    print()
    redraw(prompt)
}

/** Writes prompt and typed text where the cursor is. */
export function redraw(prompt: Interface): void {
    // readline counts on being where it was when it wrote the line last
    Object.assign(prompt, { prevRows: 0 })
    prompt.prompt(true)
}
