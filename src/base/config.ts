/**
 * Sizes, limits and times that more than one file needs, or that a board may want changed. Every table has a fixed size from
 * here: on this platform running out of memory ends the program.
 */

/** Descriptors: RTP and RTCP of 8 calls, signalling, spare. */
export const SOCKETS = 24
/** Network-layer interfaces: the common one and one per call. */
export const INTERFACES = 9
/** Timers: two for each interface (conflict detection, its lease), neighbours, what follows the leases, fragments; two for each connection. */
export const TIMERS = 37
/** Entries of the neighbour (ARP) cache. */
export const NEIGHBOURS = 16
/** Datagrams that wait in one socket without a handler. */
export const DATAGRAMS = 4
/** Calls that the log remembers. */
export const CALL_LOG = 20
/** Bytes of datagrams that wait in all sockets together. */
export const DATAGRAM_BYTES = 6144
/** The same, for one more in a socket that may have more than `DATAGRAMS`, and has as many: a burst of short ones is not lost, and a flood does not fill the heap. */
export const LONG_QUEUE_BYTES = 3072
/** Reserved addresses, at most. More than interfaces, because other hosts may turn out to use some. */
export const POOL = 64
/** Calls at once. */
export const CALLS = 8
/**
 * KB of ballast that fit while no call is up and leave enough heap for eight. A PHY with buffers of its own takes its part of
 * them (`Phy.heap`). `BALLAST_PIECES` is the part that is lost once calls have cut the heap into pieces.
 */
export const BALLAST_SURE = 12
export const BALLAST_PIECES = 4
/** Console commands that run at the same time, each on a fiber of its own. */
export const COMMANDS_AT_ONCE = 8

/** Largest IPv4 packet, bytes. */
export const MTU = 1500
/** Received frames before other fibers get a turn: far below the 131,072 steps that the VM allows. */
export const FRAMES_PER_TURN = 32
/** Frames that may wait for the Ethernet controller; a power of two. */
export const MACRAW_QUEUE = 32
/** Clock of the SPI bus; the W5500 takes 33 MHz, long wires do not. */
export const SPI_HZ = 20000000
/** Milliseconds between looks at an Ethernet controller that is silent. */
export const W5500_POLL = 4
/** Bytes of the stream that may wait to be parsed. If more wait, the PHY opens a new stream. */
export const STREAM_BACKLOG = 12288

/** First and last ephemeral port (RFC 6335, 6). */
export const EPHEMERAL_FIRST = 49152
export const EPHEMERAL_LAST = 65535

/** Milliseconds for which a neighbour is trusted without confirmation (RFC 1122, 2.3.2.1 asks for about a minute). */
export const NEIGHBOUR_REACHABLE = 60000
/** Milliseconds between ARP requests for one neighbour (RFC 1122, 2.3.2.1: at most one a second), and their number. */
export const ARP_INTERVAL = 1000
export const ARP_ATTEMPTS = 3
/** How many more there are when the link has come up: a switch with spanning tree carries nothing for half a minute (IEEE 802.1D, 8.10). */
export const NEW_LINK_ATTEMPTS = 30
/** Milliseconds for which a peer that was heard is there, whatever others say of it. */
export const HEARD = 3000
/** Default routers of an interface that are kept, of those that the server names. */
export const ROUTERS = 3

/** Milliseconds for which a caller waits for an address before it gets `EADDRNOTAVAIL`. */
export const ADDRESS_TIMEOUT = 9500
/** Milliseconds before the first retransmission of a DHCP message (RFC 2131, 4.1), doubled each time, +-1 s. */
export const DHCP_RETRANSMIT = 4000
export const DHCP_RETRANSMIT_MAX = 64000

/** ICMP errors and TCP resets to strangers in a second at most (RFC 1812, 4.3.2.8 recommends a limit). */
export const ICMP_ERRORS_PER_SECOND = 10

/**
 * Connections of TCP, listeners and those that only wait for their end included; and how many of them may have buffers, if the program
 * does not say: beside eight calls the heap has room for two. Octets of a buffer, one for each direction: two segments, so that a peer
 * acknowledges at once and a hole can be kept. A segment is as long as any host takes (RFC 9293, 3.7.1): a heap in use has few longer pieces.
 */
export const TCP_CONNECTIONS = 8
export const TCP_STREAMS = 2
export const TCP_BUFFER = 2 * 536
/** Milliseconds before the first retransmission (RFC 6298, 2.1), after a SYN was lost, and at least and at most: a peer may hold its ACK back for 200. */
export const TCP_RTO_FIRST = 1000
export const TCP_RTO_LOST_SYN = 3000
export const TCP_RTO_MIN = 300
export const TCP_RTO_MAX = 60000
/** Milliseconds for which an ACK that says nothing new may be due to a segment that was overtaken, or doubled, on its way. */
export const TCP_REORDERING = 20
/** Retransmissions before a connection is given up: more than 100 s for data, 180 s for a SYN (RFC 9293, 3.8.3). */
export const TCP_ATTEMPTS = 8
/** The same for one that a stranger has begun, and for one whose peer answers with a closed window. */
export const TCP_HALF_OPEN_ATTEMPTS = 3
export const TCP_PROBE_ATTEMPTS = 6
/** Milliseconds for which an ACK is held back (RFC 9293, 3.8.6.3: at most 500). */
export const TCP_ACK_DELAY = 100
/** Milliseconds between answers to what must not be believed (RFC 5961, 7). */
export const TCP_CHALLENGE_INTERVAL = 500
/** Milliseconds between the last word of both sides and the end, and for which a closed socket's peer may take for its last word. */
export const TCP_TIME_WAIT = 10000
export const TCP_FIN_WAIT = 60000
/** Milliseconds of silence before `SO_KEEPALIVE` asks, and between its questions (RFC 9293, 3.8.4). */
export const TCP_KEEP_IDLE = 7200000
export const TCP_KEEP_INTERVAL = 75000

/** Bytes of a datagram that comes in fragments, without its IPv4 header, and its fragments, at most: those of a link of 576 bytes are eight. */
export const REASSEMBLY_MOST = 4096
export const FRAGMENTS = 16
/** Milliseconds for which fragments wait for the others. RFC 1122, 3.3.2 recommends a minute or two: so long they would be in the way of calls. */
export const REASSEMBLY_TIMEOUT = 15000

/**
 * DNS servers that are asked, of those that DHCP names; how often each of them; for how many milliseconds the first time, then twice as
 * long (RFC 1035, 7.2); and how many names one may have.
 */
export const DNS_SERVERS = 3
export const DNS_ROUNDS = 2
export const DNS_TIMEOUT = 2000
export const DNS_ALIASES = 8
/** Bytes for answers of DNS servers that still hold. That to a question for an address takes 50 to 100, that for a service 100 to 200. */
export const DNS_CACHE = 512
/**
 * Of a SIP message: its lines, folded ones counted each, and octets of a body in a stream, at most; and octets of one that it writes, a
 * datagram that needs no fragments (RFC 3261, 18.1.1), with some room for what a tunnel adds.
 */
export const SIP_LINES = 64
export const SIP_BODY = 4096
export const SIP_MESSAGE = 1400
/** The port of SIP (RFC 3261, 19.1.2); milliseconds for others between two messages that are read: 100 a second are far more than calls need. */
export const SIP_PORT = 5060
export const SIP_PACE = 10
/** Messages that may wait: two responses for each of eight calls that are placed at once. */
export const SIP_QUEUE = 16
/**
 * Octets for what all dialogs keep of the other sides' messages: 300 for a call that is up, 800 and more while it rings. Who calls when there
 * is no room for it is told that the phone is busy.
 */
export const SIP_TEXTS = 2560
/** Milliseconds before the first retransmission, and at most (RFC 3261, 17.1.1.1 and 17.1.2.2); and for which a call may ring (16.6, timer C). */
export const SIP_T1 = 500
export const SIP_T2 = 4000
export const SIP_RING = 180000
/** Milliseconds between what keeps an address translator's way to us open (RFC 5626, 4.4.1). */
export const SIP_KEEPALIVE = 25000

/** Leases kept ready for the next calls if there is no setting `READY`. */
export const DEFAULT_READY = "2"

/** Milliseconds of voice in a packet (RFC 3551, 4.2) and its samples at 8 kHz. */
export const PTIME = 20
export const SAMPLES_PER_FRAME = 160
/** Milliseconds by which the media clock may be late and still send every frame. */
export const LATE_MAX = 200
/**
 * Bytes of the Ethernet frame that is sent most. Sockets and PHYs keep buffers of this size, so that such a frame allocates
 * nothing. Here it is a voice frame: Ethernet, IPv4, UDP and RTP headers, payload.
 */
export const USUAL_FRAME = 14 + 20 + 8 + 12 + SAMPLES_PER_FRAME
/** Local port of a call on an address of its own (RFC 3551, 8: the default for RTP). */
export const RTP_PORT = 5004
/**
 * Samples of the jitter buffer: what was heard last, from which what is missing is made, and what may wait, which is how late a packet can be:
 * 120 ms. The first packet of a source waits for so many.
 */
export const PLAYOUT_PAST = 320
export const PLAYOUT_FUTURE = 960
export const PLAYOUT_FIRST = 160
/** Octets of voice in a packet for the loudspeaker, 29 ms: the runtime sends 50 packets a second at most, those of the console among them. */
export const SPEAKER_OCTETS = 232
/** Octets of voice that wait while the console sends its own. */
export const SPEAKER_WAITING = 6 * SPEAKER_OCTETS
/** Octets of voice that `--play echo` holds back at most: 80 ms, or more than the longest packet (RFC 3551, 4.2 asks for up to 200). */
export const ECHO_OCTETS = 4 * SAMPLES_PER_FRAME

/** Where the PHY connects if there is no setting `LAN`. */
export const DEFAULT_LAN = "tcp://127.0.0.1:4789"
/** Reserved addresses if there is no setting `POOL`: the embedded LAN's. Used only on a LAN with this prefix. */
export const DEFAULT_POOL = "10.77.0.200-10.77.0.207/24"
