/** Completion of command lines, from what the phone's own `help` says of its commands. */
import type { Vocabulary } from "./vocabulary.js"

/** What may stand in one place: words as they are, and names of what is meant, such as `ADDR`. */
interface Slot {
    words: string[]
    kinds: string[]
}

/** One way to write a command. */
export interface Form {
    command: string
    slots: Slot[]
    /** By name; those without a value have no slot. */
    options: Map<string, Slot | undefined>
}

function slotOf(text: string): Slot {
    const words = text.split("|")
    // also sip:URI
    const isKind = (word: string) => /[A-Z]/.test(word)
    return { words: words.filter(word => !isKind(word)), kinds: words.filter(isKind) }
}

/**
 * Reads usages such as `call ADDR:PORT [--codec pcmu|pcma]` and `lease [-j] | lease renew IFACE`.
 * @param help what `help` prints: the usages, and indented under each what it does
 */
export function formsOf(help: string): Form[] {
    const usages = help.split("\n").filter(line => /^[a-z]/.test(line))
    return usages
        .flatMap(usage => usage.split(" | "))
        .map(usage => {
            const [command, ...parts] = usage.match(/\[[^\]]*\]|\S+/g)!
            const form: Form = { command: command!, slots: [], options: new Map() }
            for (const part of parts) {
                const words = part.replace(/^\[|\]$/g, "").split(" ")
                if (words[0]!.startsWith("-")) form.options.set(words[0]!, words[1] === undefined ? undefined : slotOf(words[1]))
                else form.slots.push(...words.map(slotOf))
            }
            return form
        })
}

/** What may come next after these words of a command, or `undefined` if they do not fit the form. */
function next(form: Form, words: string[]): { slot?: Slot; value?: Slot; options: string[] } | undefined {
    const options = new Map(form.options)
    let place = 0
    for (let i = 0; i < words.length; i++) {
        const word = words[i]!
        if (options.has(word)) {
            const value = options.get(word)
            options.delete(word)
            if (value && ++i === words.length) return { value, options: [] }
            continue
        }
        const slot = form.slots[place++]
        if (!slot || (slot.kinds.length === 0 && !slot.words.includes(word))) return undefined
    }
    return { slot: form.slots[place], options: [...options.keys()] }
}

function meant(kind: string, seen: Vocabulary, forms: Form[], phones: number): string[] {
    if (kind === "COMMAND") return forms.map(form => form.command)
    if (kind === "ADDR:PORT") return seen.endpoints
    if (kind === "sip:URI") return numbersOf(phones).map(number => `sip:@${number}`)
    if (kind === "ADDR") return seen.addresses
    if (kind === "IFACE") return [...seen.interfaces]
    // the number of a call
    return kind === "N" ? [...seen.calls] : []
}

/** Those that a phone can be told by: only where there are several. */
function numbersOf(phones: number): number[] {
    return phones > 1 ? Array.from({ length: phones }, (_, i) => i + 1) : []
}

/**
 * @param line what stands before the cursor
 * @param phones how many phones there are, which `@2` and so on choose from, and `sip:@2`
 * @returns the words that the last one may become, and that one
 */
export function complete(forms: Form[], seen: Vocabulary, line: string, phones = 1): [candidates: string[], word: string] {
    const words = line.trimStart().split(/ +/)
    const word = words.pop()!
    const addressed = phones > 1 && /^@\d+$/.test(words[0] ?? "")
    if (addressed) words.shift()
    const candidates = new Set<string>()
    const offer = (texts: string[]) => texts.filter(text => text.startsWith(word)).forEach(text => candidates.add(text))
    if (words.length === 0) {
        offer(forms.map(form => form.command))
        if (!addressed && word !== "") offer(numbersOf(phones).map(number => `@${number}`))
    }
    const options = new Set<string>()
    for (const form of forms.filter(f => f.command === words[0])) {
        const can = next(form, words.slice(1))
        if (!can) continue
        // N as the value of an option counts something else than calls
        if (can.value)
            offer([...can.value.words, ...can.value.kinds.filter(kind => kind !== "N").flatMap(kind => meant(kind, seen, forms, phones))])
        if (can.slot) offer([...can.slot.words, ...can.slot.kinds.flatMap(kind => meant(kind, seen, forms, phones))])
        can.options.forEach(option => options.add(option))
    }
    // options are many: they are offered when asked for, or when nothing else can come
    if (word.startsWith("-") || candidates.size === 0) offer([...options])
    return [[...candidates], word]
}
