/**
 * What happened, counted where it happened; `stats` shows them.
 * A drop is never silent: each reason has its counter.
 */
class Counters {
    // fields are searched from the first on: those of each frame come first
    phyRx = 0
    phyTx = 0
    udpRx = 0
    udpTx = 0
    /** transmit queue of the PHY full: frame dropped */
    phyTxFull = 0
    /** no link: frame dropped */
    phyTxDown = 0
    phyReconnects = 0
    /** a length on the stream that no frame can have: stream given up and reopened */
    phyBadLength = 0
    /** more bytes waiting than the VM may hold: stream given up and reopened */
    phyOverrun = 0
    ethShort = 0
    ethForeign = 0
    ethUnknown = 0
    arpRx = 0
    arpTx = 0
    arpBad = 0
    arpConflict = 0
    arpFailed = 0
    arpPendingDropped = 0
    ipBadHeader = 0
    ipBadLength = 0
    ipBadChecksum = 0
    ipBadSource = 0
    ipForeign = 0
    ipFragment = 0
    ipUnknownProtocol = 0
    icmpRx = 0
    icmpTx = 0
    icmpBad = 0
    icmpErrorsLimited = 0
    udpBadLength = 0
    udpBadChecksum = 0
    udpNoPort = 0
    udpForeignPeer = 0
    udpQueueFull = 0
    dhcpTx = 0
    dhcpRx = 0
    /** malformed, or fields that no server may send */
    dhcpBad = 0
    /** well-formed, but not an answer to anything we asked */
    dhcpForeign = 0
    /** an address that another interface of ours has: the server knows clients by their hardware address alone */
    dhcpSameClient = 0
    dhcpNak = 0
    dhcpExpired = 0
    rtpBad = 0
    /** packets of a payload type or source that the call did not agree on */
    rtpForeign = 0
    /** exceptions caught at the edge of the stack: each one is a defect */
    internalErrors = 0
    /** conflicts that were answered by an announcement (RFC 5227, 2.4) */
    arpDefended = 0
    /** leased addresses that another host has */
    dhcpDeclined = 0
}

export const counters = new Counters()
