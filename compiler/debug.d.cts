/** Pieces of code that have one place in the sources, in the order of their code. */
export function placesOf(debug: { srcmap: number[] }): { position: number; length: number; pc: number }[]
/** Tells which file has a place of the sources, which count as one text. */
export function fileOf(debug: { sources: { path: string; length: number }[] }): (position: number) => string
