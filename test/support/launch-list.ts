/** The launch list of the editor, `.vscode/launch.json`, and what the DeviceScript extension makes of it. */
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import ts from "typescript"
import { PROJECT } from "../../sim/firmware.js"

export interface Launch {
    name: string
    type: string
    request: string
    program: string
    deviceId?: string
    preLaunchTask?: string
    [attribute: string]: unknown
}

/** What stands for the simulator's identifier. */
export const SIMULATOR = "${command:deviceScriptSimulator}"

/** Reads a file of the editor's, which may have comments. */
export function readEditorFile<T>(name: string): T {
    const { config, error } = ts.parseConfigFileTextToJson(name, readFileSync(join(PROJECT, ".vscode", name), "utf8"))
    if (error) throw new Error(`.vscode/${name}: ${ts.flattenDiagnosticMessageText(error.messageText, "\n")}`)
    return config as T
}

export function readLaunchList(): Launch[] {
    return readEditorFile<{ configurations: Launch[] }>("launch.json").configurations
}

/** The programs that the extension builds: https://github.com/microsoft/devicescript, vscode/src/devtoolsserver.ts, `entryPoints`. */
export function entryPoints(): string[] {
    const files = readdirSync(join(PROJECT, "src"), { withFileTypes: true })
    return files.filter(file => file.isFile() && file.name.startsWith("main") && file.name.endsWith(".ts")).map(file => `src/${file.name}`)
}

/**
 * What is built for a program of the launch list: as `build` in the same file does it, in an editor that has not built
 * anything yet.
 * @returns undefined if the extension asks its user
 */
export function builtFor(program: string, entries = entryPoints()): string | undefined {
    const relative = program.replace("${workspaceFolder}/", "")
    if (entries.includes(relative)) return relative
    return entries.length === 1 ? entries[0] : undefined
}
