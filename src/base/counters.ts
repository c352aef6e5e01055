/**
 * What happened, counted where it happened; `stats` shows it. A drop is never silent: each reason has its counter.
 * Numbers in one buffer, and their names in one text in flash: an object with as many fields takes six times the code.
 */

/** The counters. `COUNTERS` has their names. */
export enum Counter {
    PhyRx,
    PhyTx,
    UdpRx,
    UdpTx,
    /** transmit queue of the PHY full: frame dropped */
    PhyTxFull,
    /** no link: frame dropped */
    PhyTxDown,
    PhyReconnects,
    /** a length on the stream that no frame can have: stream given up and reopened */
    PhyBadLength,
    /** more bytes waiting than the VM may hold: stream given up and reopened */
    PhyOverrun,
    EthShort,
    EthForeign,
    EthUnknown,
    /** from a group address */
    EthBadSource,
    ArpRx,
    ArpTx,
    ArpBad,
    ArpConflict,
    ArpFailed,
    ArpPendingDropped,
    IpBadHeader,
    IpBadLength,
    IpBadChecksum,
    IpBadSource,
    IpForeign,
    /** fragments that nobody puts together: in an image without reassembly, too long, twice, or of what is given up */
    IpFragment,
    IpUnknownProtocol,
    IcmpRx,
    IcmpTx,
    IcmpBad,
    IcmpErrorsLimited,
    /** errors about a peer that is heard, or from somebody who cannot know */
    IcmpUnbelieved,
    UdpBadLength,
    UdpBadChecksum,
    UdpNoPort,
    UdpForeignPeer,
    UdpQueueFull,
    DhcpTx,
    DhcpRx,
    /** malformed, or fields that no server may send */
    DhcpBad,
    /** options that are flawed, and so as if they were not there */
    DhcpBadOption,
    /** well-formed, but not an answer to anything we asked */
    DhcpForeign,
    /** an address that another interface of ours has: the server knows clients by their hardware address alone */
    DhcpSameClient,
    DhcpNak,
    DhcpExpired,
    RtpBad,
    /** packets of a payload type or source that the call did not agree on */
    RtpForeign,
    /** exceptions caught at the edge of the stack: each one is a defect */
    InternalErrors,
    /** conflicts that were answered by an announcement (RFC 5227, 2.4) */
    ArpDefended,
    /** leased addresses that another host has */
    DhcpDeclined,
    TcpRx,
    TcpTx,
    /** lengths or ports that no segment can have */
    TcpBad,
    TcpBadChecksum,
    /** segments to a port that nobody has */
    TcpRefused,
    /** segments that are outside of the window, or were there before */
    TcpOutside,
    /** SYNs when all connections are in use */
    TcpNoRoom,
    TcpRetransmitted,
    /** datagrams that came in fragments, and were put together */
    IpReassembled,
    /** those that were not: another one has taken their place, their fragments contradict one another or are too many, or did not all come in time */
    IpReassemblyDisplaced,
    IpReassemblyOverlap,
    IpReassemblyTimeout,
    /** answers of a DNS server that are malformed, or to another question */
    DnsBad,
    /** no messages, or malformed ones that cannot be answered */
    SipBad,
    /** responses that answer nothing, and with `ONLYPROXY` what others ask */
    SipForeign,
    /** voice that came when what follows it, or the same, was played already */
    RtpLate,
    /** packets of a handset in a format that it does not have, too long, or too many */
    HandsetBad,
    /** 20 ms of voice that the loudspeaker does not say, since the console has too much to say */
    SpeakerFull,
    /** No counter, but how many there are. */
    Total,
}

/** In the order of `Counter`: the same names, with a small first letter, and a space behind each. */
export const COUNTERS =
    "phyRx phyTx udpRx udpTx phyTxFull phyTxDown phyReconnects phyBadLength phyOverrun ethShort ethForeign ethUnknown ethBadSource arpRx " +
    "arpTx arpBad arpConflict arpFailed arpPendingDropped ipBadHeader ipBadLength ipBadChecksum ipBadSource ipForeign " +
    "ipFragment ipUnknownProtocol icmpRx icmpTx icmpBad icmpErrorsLimited icmpUnbelieved udpBadLength udpBadChecksum udpNoPort " +
    "udpForeignPeer udpQueueFull dhcpTx dhcpRx dhcpBad dhcpBadOption dhcpForeign dhcpSameClient dhcpNak dhcpExpired rtpBad rtpForeign " +
    "internalErrors arpDefended dhcpDeclined tcpRx tcpTx tcpBad tcpBadChecksum tcpRefused tcpOutside tcpNoRoom tcpRetransmitted " +
    "ipReassembled ipReassemblyDisplaced ipReassemblyOverlap ipReassemblyTimeout dnsBad " +
    "sipBad sipForeign rtpLate handsetBad speakerFull "

const SIZE = 4
export const counts = Buffer.alloc(SIZE * Counter.Total)

/** What is counted for each frame of voice, where a call would cost too much. */
export const received = { frames: 0, datagrams: 0 }

/** Count what happened `n` times. */
export function countMany(c: Counter, n: number): void {
    counts.setAt(SIZE * c, "u32", counts.getAt(SIZE * c, "u32") + n)
}

/** Count what happened. */
export function count(c: Counter): void {
    countMany(c, 1)
}

/** How often it happened. */
export function countOf(c: Counter): number {
    if (c === Counter.PhyRx) return received.frames
    if (c === Counter.UdpRx) return received.datagrams
    return counts.getAt(SIZE * c, "u32")
}
