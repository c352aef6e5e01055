export const Section: Record<
    "Functions" | "FunctionData" | "Floats" | "AsciiStrings" | "Utf8Strings" | "Buffers" | "StringData" | "ServiceSpecs",
    number
>
/** Bytes of a function's description. */
export const DESCRIPTION: number
/** Where the first section begins; the others follow without gaps. */
export const FIRST: number
/** Copies of the fixed header and of the sections. */
export function split(image: Uint8Array): { head: Buffer; sections: Buffer[] }
