/** `npm run build`: compiles the firmware, and says what to do if its code does not fit. */
import { spawn } from "node:child_process"
import { existsSync, readFileSync, rmSync } from "node:fs"
import { CODE_MOST, readImage } from "./image-format.js"
import { CLI } from "../sim/firmware.js"

const MAIN = "src/main.ts"
/** Below the folder in which the compiler runs. */
const IMAGE = ".devicescript/bin/bytecode.devs"

// an image of before says nothing of this build
rmSync(IMAGE, { force: true })
const compiler = spawn(process.execPath, [CLI, "build", MAIN, ...process.argv.slice(2)], { stdio: "inherit" })
const code = await new Promise<number>(resolve => compiler.on("close", status => resolve(status ?? 1)))
// the compiler leaves the image there also if the runtime's verifier refuses it
const used = existsSync(IMAGE) ? readImage(readFileSync(IMAGE)).codeEnd : 0
if (used > CODE_MOST) {
    console.error(
        `error: the code does not fit: ${used.toLocaleString("en")} bytes, ${(used - CODE_MOST).toLocaleString("en")} more than the runtime takes; ` +
            `make the dearest functions smaller (npm run bench -- image lists them), or leave out an import of src/phone.ts: texts and data do not count`
    )
    process.exitCode = 1
} else {
    if (used > 0) console.log(`code: ${used.toLocaleString("en")} of ${CODE_MOST.toLocaleString("en")} bytes`)
    process.exitCode = code
}
