/**
 * Holds a pseudo-terminal for the process that forked it, in a process of its own: a program that is started beside it
 * would inherit our end, and then nothing could hang the terminal up.
 *
 * Tells the name of the other end first, then the bytes from there; takes bytes to go there. Ends with its parent.
 */
import { spawn } from "@lydell/node-pty"

// the process holds the other end open, so that programs may come and go
const terminal = spawn("sh", ["-c", "stty raw -echo; tty; exec sleep 1000000"], { encoding: null })
let named = false
let said = Buffer.alloc(0)

terminal.onData(data => {
    const bytes = Buffer.from(data)
    if (named) return void process.send!(bytes)
    said = Buffer.concat([said, bytes])
    const [, path] = /^(\S+)\r?\n/.exec(said.toString()) ?? []
    if (path === undefined) return
    named = true
    process.send!(path)
})
// it takes bytes as well, which its types do not know
process.on("message", bytes => terminal.write(bytes as string))
process.on("disconnect", () => process.exit())
