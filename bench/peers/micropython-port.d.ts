/** The package has no types; this is what we use of it. */
declare module "@micropython/micropython-webassembly-pyscript" {
    export function loadMicroPython(): Promise<{
        runPython(code: string): unknown
        globals: { get(name: string): (...args: (string | number | boolean)[]) => any }
    }>
}
