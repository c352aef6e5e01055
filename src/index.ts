/**
 * What a program imports `from "tuplephone"`. It begins with `startStack(await readSettings())`, once, and then has sockets.
 * `npm run program -- FILE.ts` builds and runs it in the simulator, until its last line is done, its fibers have ended and no
 * socket has a receiver any more; Ctrl-C ends it sooner. What it needs of the language is in `@devicescript/core`, such as
 * `sleep`. Whole programs are in `examples/`.
 *
 * - **An address** is a number of 32 bits, its first octet in the lowest byte: 10.77.0.2 is `0x02004d0a`. `parseAddress`
 *   reads one and `formatAddress` shows one; two are compared with `===`. It may be negative, and 0 stands for none.
 * - **A socket** is known by its descriptor, a small number. Ports belong to addresses: two sockets may have the same port
 *   if their addresses differ.
 * - **A stream** (`SOCK_STREAM`, TCP) needs what `tuplephone/streams` has: a program that imports it calls `startStreams` once,
 *   after `startStack`. A program that does not has no TCP in its image.
 * - **Data** are a `Buffer`: `Buffer.from("text")` makes one, `toString()` reads it.
 * - **A call that waits** is to be awaited, and only the fiber that called it waits. Times are milliseconds.
 * - **An error** is a {@link SocketError} with a POSIX code in `code`, and in `message` what it means and what to do. Whatever
 *   takes a descriptor throws `EBADF` if that is not open and `EACCES` if it belongs to another process group; the other
 *   codes are listed at each call.
 *
 * Numbers of claims are those of [claims.md](claims.md). `npm run docs` makes this page from the comments in `src/`.
 *
 * @packageDocumentation
 */
export { readSettings, startStack } from "./boot"
export { SocketError } from "./base/errors"
export type { Settings } from "./settings"
export { enterProcess, getpgrp } from "./base/process"
export {
    AF_INET,
    AF_INET_TUPLE,
    IPPROTO_TCP,
    IPPROTO_UDP,
    SOCK_DGRAM,
    SOCK_STREAM,
    type SocketAddress,
    bind,
    close,
    connect,
    getpeername,
    getsockname,
    leaveProcess,
    reach,
    recv,
    recvfrom,
    send,
    sendto,
    setreceiver,
    socket,
} from "./socket/api"
export { TUPLE_COMMON, TUPLE_DEFER, TUPLE_DHCP, TUPLE_STATIC, tupleOf } from "./socket/tuple"
export { listSockets } from "./socket/list"
export { SocketOption } from "./socket/socket"
export { getsockopt, setsockopt } from "./socket/options"
export type { Datagram } from "./socket/datagram"
export type { Receiver, SocketRow } from "./socket/socket"
export { formatAddress, parseAddress } from "./wire/address"
