/** Lines that are wider than the terminal, broken between words. */

/** Blanks by which the rest of a broken line stands in. */
export const HANG = 4

/** @returns a line as several, broken between words if it is wider than `room`; JSON, which is for copying, never is */
export function wrapped(line: string, room: number): string[] {
    if (line.length <= room || /^[[{]/.test(line)) return [line]
    const indent = /^ */.exec(line)![0]
    const hang = indent + " ".repeat(HANG)
    const lines = [indent]
    for (const word of line.trim().split(/(?<= )(?=\S)/)) {
        const last = lines.at(-1)!
        const fits = (last + word.trimEnd()).length <= room
        if (fits || last.trim() === "") lines.push(lines.pop()! + word)
        else lines.push(hang + word)
    }
    return lines.map(text => text.trimEnd())
}
