/**
 * What a program with streams (TCP) imports `from "tuplephone/streams"`, beside the rest. It calls `startStreams()` once, after
 * `startStack`; `socket` knows `SOCK_STREAM` from then on. It is apart because what a program imports is in its image, used
 * or not.
 *
 * @packageDocumentation
 */
export { SHUT_RD, SHUT_RDWR, SHUT_WR, accept, listen, shutdown, startStreams } from "./socket/stream"
