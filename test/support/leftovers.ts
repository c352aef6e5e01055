import { readdirSync } from "node:fs"

/** What has stayed in a folder of temporary files; tsx keeps what it has compiled in one of its own. */
export function leftovers(folder: string): string[] {
    return readdirSync(folder).filter(name => !name.startsWith("tsx-") && !name.startsWith("node-compile-cache"))
}
