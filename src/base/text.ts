/** Texts cut into parts: what settings, addresses and commands are parsed with. */

/**
 * The parts of a text between separators. The library's `split` takes 340 bytes of code and looks at each character.
 */
export function split(text: string, separator: string): string[] {
    const parts: string[] = []
    let at = 0
    let end = 0
    while (end >= 0) {
        end = text.indexOf(separator, at)
        parts.push(text.slice(at, end < 0 ? undefined : end))
        at = end + separator.length
    }
    return parts
}

/** The position of `name` in `names`, which have blanks between them; `undefined` if it is none of them. */
export function choiceOf(names: string, name: string): number {
    const at = split(names, " ").indexOf(name)
    return at < 0 ? undefined : at
}

/** The name of a value of an enumeration. @param names in its order, with blanks between them */
export function nameOf(names: string, value: number): string {
    return split(names, " ")[value]
}

/**
 * Octets from the network as a text. The runtime's `toString` looks one octet too far where the last one begins a character, or is in the middle of
 * one, and takes what lies in the heap there for the rest: twice, and it stops if that has changed meanwhile. So a text ends with ASCII.
 */
export function textAt(b: Buffer, at: number, end: number): string {
    const text = b.slice(at, end)
    const last = end - at - 1
    if (text[last] > 0x7f) text[last] = 0x3f
    return text.toString()
}

/** Octets from the network as text for a terminal: what is no character of ASCII is a question mark. */
export function printable(b: Buffer, at: number, length: number): string {
    const text = Buffer.alloc(length)
    for (let i = 0; i < length; i++) {
        let c = b[at + i]
        if (c < 0x20) c = 0x3f
        if (c > 0x7e) c = 0x3f
        text[i] = c
    }
    return text.toString()
}
