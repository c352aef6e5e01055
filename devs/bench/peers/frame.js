// Frames of voice in QuickJS: what src/ does with them, written for speed. See bench/suites/frame.ts.
//
// QuickJS interprets and inlines nothing. So: one function for each direction, one buffer with views of octets and
// little-endian half-words, constants as literals (a `const` of an enclosing function is looked up and checked at each
// use), integers of 32 bits, and no allocation. Frames begin behind a prefix of 2 octets. Octets of the chunk:
//     2 destination  8 source  14 type
//     16 IPv4: 16 version and IHL  18 total length  22 fragment  25 protocol  28 source  32 destination
//     36 UDP: 36 source port  38 destination port  40 length  42 checksum
//     44 RTP: 44 flags  45 type  46 sequence  48 timestamp  52 SSRC  56 payload

/** What happened. */
class Counters {
    phyRx = 0
    phyTx = 0
    phyTxFull = 0
    phyBadLength = 0
    ethShort = 0
    ethForeign = 0
    ethUnknown = 0
    ipBadHeader = 0
    ipBadLength = 0
    ipBadChecksum = 0
    ipBadSource = 0
    ipForeign = 0
    ipFragment = 0
    ipUnknownProtocol = 0
    udpRx = 0
    udpTx = 0
    udpBadLength = 0
    udpBadChecksum = 0
    udpNoPort = 0
    udpForeignPeer = 0
    rtpBad = 0
    rtpForeign = 0
}

/** Two octets as a little-endian machine reads them. */
const half = (b, at) => b[at] | (b[at + 1] << 8)

class Interface {
    rx = 0
    sockets = null

    constructor(address) {
        this.low = half(address, 0)
        this.high = half(address, 2)
    }
}

/** A socket with its RTP session; addresses and ports as they stand in a frame. */
class Socket {
    next = null
    rx = 0
    tx = 0
    drops = 0
    check = false
    // what was received: see src/rtp/reception.ts
    received = 0
    reordered = 0
    ssrcLow = 0
    ssrcHigh = 0
    first = 0
    latest = 0
    receivedBefore = 0
    lostBefore = 0
    suspect = 0
    transit = 0
    jitter = 0
    // another source on probation
    strangerLow = 0
    strangerHigh = 0
    strangerReceived = 0
    row = 0
    // what is sent
    position = 0

    constructor(ifc, port, remote, remotePort, first) {
        this.ifc = ifc
        this.port = (port >> 8) | ((port & 255) << 8)
        this.remoteLow = half(remote, 0)
        this.remoteHigh = half(remote, 2)
        this.remotePort = (remotePort >> 8) | ((remotePort & 255) << 8)
        this.frame = first
        first[0] = (first.length - 2) >> 8
        first[1] = first.length - 2
        this.words = new Uint16Array(first.buffer)
    }

    lost() {
        return this.received === 0 ? 0 : this.lostBefore + this.latest - this.first + 1 - (this.received - this.receivedBefore)
    }

    begin(low, high, sequence) {
        this.lostBefore = this.lost()
        this.receivedBefore = this.received
        this.ssrcLow = low
        this.ssrcHigh = high
        this.first = sequence
        this.latest = sequence
        this.suspect = 0
        this.jitter = 0
    }

    /** A packet that is not the next one of its source. @returns 0 if it is counted, 1 if it is astray, 2 for a stranger's */
    place(low, high, sequence) {
        const received = this.received
        if (received === 0) this.begin(low, high, sequence)
        else if (low !== this.ssrcLow || high !== this.ssrcHigh) {
            let row = this.row + 1
            if (
                low !== this.strangerLow ||
                high !== this.strangerHigh ||
                received !== this.strangerReceived ||
                sequence + 1 !== this.suspect
            )
                row = 1
            if (row < 3) {
                this.strangerLow = low
                this.strangerHigh = high
                this.strangerReceived = received
                this.row = row
                this.suspect = ((sequence + 1) & 0xffff) + 1
                return 2
            }
            this.begin(low, high, sequence)
        } else {
            const step = (sequence - this.latest) & 0xffff
            if (step < 3000) this.latest += step
            else if (step > 65536 - 100) this.reordered++
            else if (sequence + 1 === this.suspect) this.begin(low, high, sequence)
            else {
                this.suspect = ((sequence + 1) & 0xffff) + 1
                return 1
            }
        }
        this.received = received + 1
        return 0
    }
}

/**
 * All of it, for these calls.
 * @param calls {address, port, remote, remotePort, first: the frame that it sends first}
 * @param write the PHY's: 0 if it takes the frame
 */
function stack(mac, calls, speech, write, millis) {
    const buffer = new ArrayBuffer(1520)
    const b = new Uint8Array(buffer)
    const w = new Uint16Array(buffer)
    const counters = new Counters()
    const mac0 = half(mac, 0)
    const mac1 = half(mac, 2)
    const mac2 = half(mac, 4)
    const slotByOctet = new Uint8Array(256)
    const interfaces = [null]
    const sockets = []
    const parts = []
    for (let at = 0; at < speech.length; at += 160) parts.push(speech.subarray(at, at + 160))
    const lastPart = parts.length - 1

    for (const c of calls) {
        const ifc = new Interface(c.address)
        const s = new Socket(ifc, c.port, c.remote, c.remotePort, c.first)
        ifc.sockets = s
        slotByOctet[c.address[3]] = interfaces.length
        interfaces.push(ifc)
        sockets.push(s)
    }

    /** A chunk of n octets lies in the buffer: one frame behind its length. */
    function receive(n) {
        const length = (b[0] << 8) | b[1]
        if (length > 1518 || length + 2 !== n) {
            counters.phyBadLength++
            return
        }
        counters.phyRx++
        if (length < 34) {
            counters.ethShort++
            return
        }
        const unicast = w[1] === mac0 && w[2] === mac1 && w[3] === mac2
        if (!unicast && (b[2] & 1) === 0) {
            counters.ethForeign++
            return
        }
        if (w[7] !== 0x0008) {
            counters.ethUnknown++
            return
        }

        // IPv4 (RFC 791, RFC 1071)
        let header = 20
        let total
        if (b[16] === 0x45) total = w[8] + w[9] + w[10] + w[11] + w[12] + w[13] + w[14] + w[15] + w[16] + w[17]
        else {
            header = (b[16] & 15) << 2
            if (b[16] >> 4 !== 4 || header < 20 || header > length - 14) {
                counters.ipBadHeader++
                return
            }
            total = 0
            for (let i = 8; i < 8 + (header >> 1); i++) total += w[i]
        }
        if (total % 0xffff !== 0) {
            counters.ipBadChecksum++
            return
        }
        total = (b[18] << 8) | b[19]
        if (total < header || total > length - 14) {
            counters.ipBadLength++
            return
        }
        if ((w[11] & 0xff3f) !== 0) {
            counters.ipFragment++
            return
        }
        const slot = unicast ? slotByOctet[b[35]] : 0
        const ifc = interfaces[slot]
        if (slot === 0 || ifc.low !== w[16] || ifc.high !== w[17]) {
            counters.ipForeign++
            return
        }
        const first = b[28]
        if (first >= 224 || first === 127 || first === 0) {
            counters.ipBadSource++
            return
        }
        ifc.rx++
        if (b[25] !== 17) {
            counters.ipUnknownProtocol++
            return
        }

        // UDP (RFC 768)
        const udp = 16 + header
        const available = total - header
        n = available >= 8 ? (b[udp + 4] << 8) | b[udp + 5] : 0
        if (n < 8 || n > available) {
            counters.udpBadLength++
            return
        }
        const wu = udp >> 1
        const port = w[wu + 1]
        let s = ifc.sockets
        while (s !== null && s.port !== port) s = s.next
        if (s === null) {
            counters.udpNoPort++
            return
        }
        if (w[wu] !== s.remotePort || w[14] !== s.remoteLow || w[15] !== s.remoteHigh) {
            counters.udpForeignPeer++
            s.drops++
            return
        }
        if (w[wu + 3] !== 0) {
            total = w[14] + w[15] + w[16] + w[17] + 0x1100 + w[wu + 2] + sum(w, wu, wu + (n >> 1))
            if ((n & 1) !== 0) total += b[udp + n - 1]
            if (total % 0xffff !== 0) {
                counters.udpBadChecksum++
                s.drops++
                return
            }
        }
        counters.udpRx++
        s.rx++

        // RTP (RFC 3550, 5.1)
        const rtp = udp + 8
        n -= 8
        if ((n < 12 || b[rtp] !== 0x80) && !isRtp(rtp, n)) {
            counters.rtpBad++
            return
        }
        const sequence = (b[rtp + 2] << 8) | b[rtp + 3]
        const low = w[wu + 8]
        const high = w[wu + 9]
        const received = s.received
        if ((b[rtp + 1] & 0x7f) !== 0) {
            counters.rtpForeign++
            // it has its place in the sequence of its source
            if ((b[rtp + 1] & 0x60) !== 0x40 && received !== 0 && low === s.ssrcLow && high === s.ssrcHigh) {
                const jitter = s.jitter
                s.place(low, high, sequence)
                s.jitter = jitter
            }
            return
        }
        const step = (sequence - s.latest) & 0xffff
        if (received !== 0 && low === s.ssrcLow && high === s.ssrcHigh && step < 3000) {
            s.latest += step
            s.received = received + 1
        } else {
            const where = s.place(low, high, sequence)
            if (where === 2) counters.rtpForeign++
            if (where !== 0) return
        }
        const timestamp = (b[rtp + 4] << 24) | (b[rtp + 5] << 16) | (b[rtp + 6] << 8) | b[rtp + 7]
        const transit = (((millis() * 8) | 0) - timestamp) | 0
        if (received > s.receivedBefore) {
            let d = (transit - s.transit) | 0
            if (d < 0) d = -d
            if (d > 480000) d = 480000
            const jitter = s.jitter
            s.jitter = jitter + d - ((jitter + 8) >> 4)
        }
        s.transit = transit
    }

    /** With contributing sources, an extension or padding. */
    function isRtp(rtp, n) {
        if (n < 12 || (b[rtp] & 0xc0) !== 0x80) return false
        let header = 12 + 4 * (b[rtp] & 15)
        if ((b[rtp] & 0x10) !== 0) {
            if (n < header + 4) return false
            header += 4 + 4 * ((b[rtp + header + 2] << 8) | b[rtp + header + 3])
        }
        if (header > n) return false
        if ((b[rtp] & 0x20) === 0) return true
        const padding = n > header ? b[rtp + n - 1] : 0
        return padding !== 0 && header + padding <= n
    }

    /** Of half-words. */
    function sum(w, at, end) {
        let total = 0
        while (at + 8 <= end) {
            total += w[at] + w[at + 1] + w[at + 2] + w[at + 3] + w[at + 4] + w[at + 5] + w[at + 6] + w[at + 7]
            at += 8
        }
        while (at < end) total += w[at++]
        return total
    }

    /** The next 20 ms of a call. */
    function send(s) {
        const f = s.frame
        const position = s.position
        f.set(parts[position], 56)
        s.position = position < lastPart ? position + 1 : 0
        if (s.check) {
            const fw = s.words
            fw[21] = 0
            // a computed 0 is sent as all ones
            fw[21] = 0xffff - ((fw[14] + fw[15] + fw[16] + fw[17] + 0x1100 + fw[20] + sum(fw, 18, fw.length)) % 0xffff)
        }
        // counted once; `figures` adds it to the other totals
        if (write(f) === 0) {
            if (s.tx++ === 0) f[45] = 0
        } else {
            counters.phyTxFull++
            s.drops++
        }
        // the next sequence number and timestamp: mostly one octet or two of them change
        if (++f[47] > 255) f[46]++
        const low = f[51] + 160
        f[51] = low
        if (low > 255) {
            f[50]++
            if (f[50] === 0) {
                f[49]++
                if (f[49] === 0) f[48]++
            }
        }
    }

    return { receive, send, sockets, counters, b }
}

function empty() {}

function accept() {
    return 0
}

function timeReceive(receive, b, frames) {
    for (let i = 0; i < frames.length; i++) {
        b.set(frames[i])
        receive(216)
    }
}

function timeSend(send, sockets, turns) {
    for (let i = 0; i < turns; i++) send(sockets[i & 7])
}

/** As the firmware tells them. */
function figures(sockets, counters) {
    const calls = sockets.map(s => ({
        rx: s.rx,
        tx: s.tx,
        drops: s.drops,
        ifcRx: s.ifc.rx,
        ifcTx: s.tx,
        received: s.received,
        lost: s.lost(),
        reordered: s.reordered,
        jitter: s.jitter,
    }))
    const tx = sockets.reduce((sum, s) => sum + s.tx, 0)
    return { counters: { ...counters, phyTx: tx, udpTx: tx }, calls }
}
