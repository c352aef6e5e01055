/**
 * Preloaded into the editor's development server: what a timer does at intervals, it does after the input that waits.
 * The server hears nothing while it builds. When that takes longer than three seconds, the timer that forgets silent
 * devices comes due before what they said meanwhile is read, the simulator is forgotten, and its answer to the deployment
 * is never matched: on a machine that slow play always fails.
 */
const { setInterval: every } = global
global.setInterval = (callback, milliseconds, ...rest) => every(() => setImmediate(callback, ...rest), milliseconds)
