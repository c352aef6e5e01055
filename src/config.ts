/** Everything of a fixed size is sized here: on this platform running out of memory ends the program. */

/** Descriptors: 8 calls of RTP and RTCP, signalling, spare. */
export const SOCKETS = 24
/** Network-layer interfaces: the common one and one per call. */
export const INTERFACES = 9
/** Entries of the neighbour (ARP) cache. */
export const NEIGHBOURS = 16
/** Datagrams that wait in one socket without a handler. */
export const DATAGRAMS = 4
/** Bytes of datagrams that wait in all sockets together. */
export const DATAGRAM_BYTES = 6144
/** Reserved addresses, at most: more of them than interfaces are for those that other hosts turn out to use. */
export const POOL = 64
/** Calls at once. */
export const CALLS = 8

/** Largest IPv4 packet, bytes. */
export const MTU = 1500
/** Received frames handled before other fibers get a turn; far below the 131,072 steps that the VM allows. */
export const FRAMES_PER_TURN = 32
/** Frames that may wait for the Ethernet controller; a power of two. */
export const MACRAW_QUEUE = 32
/** Clock of the SPI bus; the W5500 takes 33 MHz, long wires do not. */
export const SPI_HZ = 20000000
/** Milliseconds between looks at an Ethernet controller that is silent. */
export const W5500_POLL = 4
/** Bytes of the stream that may wait to be parsed; more than that is given up and the stream reopened. */
export const STREAM_BACKLOG = 12288

/** First and last ephemeral port (RFC 6335, 6). */
export const EPHEMERAL_FIRST = 49152
export const EPHEMERAL_LAST = 65535

/** Milliseconds for which a neighbour is trusted without confirmation (RFC 1122, 2.3.2.1 asks for about a minute). */
export const NEIGHBOUR_REACHABLE = 60000
/** Milliseconds between ARP requests for one neighbour (RFC 1122, 2.3.2.1: at most one a second), and their number. */
export const ARP_INTERVAL = 1000
export const ARP_ATTEMPTS = 3

/** Milliseconds that a caller waits for an address before `EADDRNOTAVAIL`. */
export const ADDRESS_TIMEOUT = 9500
/** Milliseconds before the first retransmission of a DHCP message (RFC 2131, 4.1), doubled each time, +-1 s. */
export const DHCP_RETRANSMIT = 4000
export const DHCP_RETRANSMIT_MAX = 64000

/** ICMP errors sent in a second at most (RFC 1812, 4.3.2.8 recommends a limit). */
export const ICMP_ERRORS_PER_SECOND = 10

/** Leases kept ready for the next calls, without a `READY` setting. */
export const DEFAULT_READY = 2

/** Milliseconds of voice in a packet (RFC 3551, 4.2) and its samples at 8 kHz. */
export const PTIME = 20
export const SAMPLES_PER_FRAME = 160
/** Bytes of a frame of voice: Ethernet, IPv4, UDP and RTP headers, payload. */
export const VOICE_FRAME = 14 + 20 + 8 + 12 + SAMPLES_PER_FRAME
/** Local port of a call on an address of its own (RFC 3551, 8: the default for RTP). */
export const RTP_PORT = 5004
/** Payloads that `--play echo` holds back at most. */
export const ECHO_FRAMES = 4

/** Where the PHY connects without a `LAN` setting. */
export const DEFAULT_LAN = "tcp://127.0.0.1:4789"
/** Reserved addresses without a `POOL` setting: the embedded LAN's. Only used on a LAN with this prefix. */
export const DEFAULT_POOL = "10.77.0.200-10.77.0.207/24"
