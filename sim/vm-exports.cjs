/** For scripts that are loaded into the process of the simulator VM before anything else (`node --require`). */
"use strict"

/**
 * Calls `found` with what the VM's module exports, when it is there: its memory, and `jd_em_...`, what its processor does.
 * What `found` returns takes the place of the exports of these names.
 * @see DeviceScript's runtime, runtime/posix/wasm
 */
exports.onVm = found => {
    const instantiate = WebAssembly.instantiate
    WebAssembly.instantiate = async function (...args) {
        const result = await instantiate.apply(this, args)
        const exports = result.instance?.exports
        // Node.js has modules of its own
        if (!exports?.jd_em_process) return result
        return { ...result, instance: { exports: { ...exports, ...found(exports) } } }
    }
}
