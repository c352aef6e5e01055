# Frames of voice in MicroPython: what src/ does with them, written for speed. See bench/suites/frame.ts.
#
# There is no native emitter in this port. So: constants that the compiler folds, all that a function needs as locals of
# an enclosing one, lists with constant indices as records, nothing that outgrows a small integer of 31 bits but for
# checksums, and one buffer with two views: its octets `b`, and its little-endian half-words `w`. Frames begin behind a
# prefix of 2 octets, so that every header begins on a half-word. A ones' complement sum is the remainder modulo 65,535
# of all the octets taken as one integer: two native calls, and several times as fast as the built-in `sum`.

import uctypes
from array import array
from micropython import const
from time import ticks_ms

# half-words of the chunk: destination MAC, type, IPv4, UDP, RTP
_W_MAC = const(1)
_W_TYPE = const(7)
_W_IP = const(8)
_W_SRC = const(14)
_W_DST = const(16)
_W_UDP = const(18)
# octets of the chunk
_ETH = const(2)
_TYPE = const(14)
_IP = const(16)
_UDP = const(36)
_RTP = const(44)
_PAYLOAD = const(56)

_SAMPLES = const(160)
_LENGTH_MAX = const(1518)
_BUFFER = const(1520)

# counters
_PHY_RX = const(0)
_PHY_TX = const(1)
_PHY_TX_FULL = const(2)
_PHY_BAD_LENGTH = const(3)
_ETH_SHORT = const(4)
_ETH_FOREIGN = const(5)
_ETH_UNKNOWN = const(6)
_IP_BAD_HEADER = const(7)
_IP_BAD_LENGTH = const(8)
_IP_BAD_CHECKSUM = const(9)
_IP_BAD_SOURCE = const(10)
_IP_FOREIGN = const(11)
_IP_FRAGMENT = const(12)
_IP_UNKNOWN_PROTOCOL = const(13)
_UDP_RX = const(14)
_UDP_TX = const(15)
_UDP_BAD_LENGTH = const(16)
_UDP_BAD_CHECKSUM = const(17)
_UDP_NO_PORT = const(18)
_UDP_FOREIGN_PEER = const(19)
_RTP_BAD = const(20)
_RTP_FOREIGN = const(21)

NAMES = (
    "phyRx phyTx phyTxFull phyBadLength ethShort ethForeign ethUnknown ipBadHeader ipBadLength ipBadChecksum ipBadSource "
    "ipForeign ipFragment ipUnknownProtocol udpRx udpTx udpBadLength udpBadChecksum udpNoPort udpForeignPeer rtpBad rtpForeign"
).split()

# an interface: its address as two half-words, its sockets by port
_I_LOW = const(0)
_I_HIGH = const(1)
_I_SOCKETS = const(2)
_I_RX = const(3)

# a socket with its RTP session: the target as half-words as they stand in a frame
_S_REMOTE_LOW = const(0)
_S_REMOTE_HIGH = const(1)
_S_REMOTE_PORT = const(2)
_S_RX = const(3)
_S_TX = const(4)
_S_DROPS = const(5)
_S_INTERFACE = const(6)
_S_CHECK = const(7)
# what was received: see src/rtp/reception.ts
_R_RECEIVED = const(8)
_R_REORDERED = const(9)
_R_SSRC_LOW = const(10)
_R_SSRC_HIGH = const(11)
_R_FIRST = const(12)
_R_LATEST = const(13)
_R_RECEIVED_BEFORE = const(14)
_R_LOST_BEFORE = const(15)
_R_SUSPECT = const(16)
_R_TRANSIT = const(17)
_R_JITTER = const(18)
# what is sent
_T_FRAME = const(19)
_T_WORDS = const(20)
_T_POSITION = const(21)
_T_DATAGRAM = const(22)
# another source on probation
_P_LOW = const(23)
_P_HIGH = const(24)
_P_RECEIVED = const(25)
_P_ROW = const(26)

_MAX_DROPOUT = const(3000)
_MAX_MISORDER = const(100)
_JITTER_MAX = const(480000)
# differences of times are taken modulo 2^28, which is 9 hours: 32 bits would not be small integers
_TIME = const(0xFFFFFFF)
_TIME_HALF = const(0x7FFFFFF)


def views(size):
    """A buffer as half-words, and the same memory as octets."""
    w = array("H", bytes(size))
    return w, uctypes.bytearray_at(uctypes.addressof(w), size)


def lost_of(s):
    if s[_R_RECEIVED] == 0:
        return 0
    return s[_R_LOST_BEFORE] + s[_R_LATEST] - s[_R_FIRST] + 1 - (s[_R_RECEIVED] - s[_R_RECEIVED_BEFORE])


def begin(s, low, high, sequence):
    s[_R_LOST_BEFORE] = lost_of(s)
    s[_R_RECEIVED_BEFORE] = s[_R_RECEIVED]
    s[_R_SSRC_LOW] = low
    s[_R_SSRC_HIGH] = high
    s[_R_FIRST] = s[_R_LATEST] = sequence
    s[_R_SUSPECT] = 0
    s[_R_JITTER] = 0


def place(s, low, high, sequence):
    """A packet that is not the next one of its source: 0 if it is counted, 1 if it is astray, 2 for a stranger's."""
    received = s[_R_RECEIVED]
    if not received:
        begin(s, low, high, sequence)
    elif low != s[_R_SSRC_LOW] or high != s[_R_SSRC_HIGH]:
        row = s[_P_ROW] + 1
        if low != s[_P_LOW] or high != s[_P_HIGH] or received != s[_P_RECEIVED] or sequence + 1 != s[_R_SUSPECT]:
            row = 1
        if row < 3:
            s[_P_LOW] = low
            s[_P_HIGH] = high
            s[_P_RECEIVED] = received
            s[_P_ROW] = row
            s[_R_SUSPECT] = ((sequence + 1) & 0xFFFF) + 1
            return 2
        begin(s, low, high, sequence)
    else:
        step = (sequence - s[_R_LATEST]) & 0xFFFF
        if step < _MAX_DROPOUT:
            s[_R_LATEST] += step
        elif step > 0x10000 - _MAX_MISORDER:
            s[_R_REORDERED] += 1
        elif sequence + 1 == s[_R_SUSPECT]:
            begin(s, low, high, sequence)
        else:
            s[_R_SUSPECT] = ((sequence + 1) & 0xFFFF) + 1
            return 1
    s[_R_RECEIVED] = received + 1
    return 0


def stack(mac, calls, speech, write, millis=ticks_ms):
    """
    All of it, for these calls. `write` is the PHY's: 0 if it takes the frame.
    A call: (address, local port, remote address, remote port, the frame that it sends first).
    """
    w, b = views(_BUFFER)
    octets = memoryview(b)
    ip_octets = octets[_IP:_UDP]
    from_bytes = int.from_bytes
    counters = [0] * len(NAMES)
    mac0, mac1, mac2 = array("H", mac)
    slot_by_octet = bytearray(256)
    interfaces = [None]
    sockets = []
    parts = [memoryview(speech)[i:i + _SAMPLES] for i in range(0, len(speech), _SAMPLES)]
    last_part = len(parts) - 1

    for address, port, remote, remote_port, first in calls:
        low, high = array("H", address)
        ifc = [low, high, {}, 0]
        slot_by_octet[address[3]] = len(interfaces)
        interfaces.append(ifc)
        frame_words, frame = views(len(first))
        frame[:] = first
        s = [0] * 27
        s[_S_REMOTE_LOW], s[_S_REMOTE_HIGH] = array("H", remote)
        s[_S_REMOTE_PORT] = remote_port >> 8 | (remote_port & 255) << 8
        s[_S_INTERFACE] = ifc
        s[_T_FRAME] = frame
        s[_T_WORDS] = frame_words
        s[_T_DATAGRAM] = memoryview(frame)[_UDP:]
        frame[0] = (len(first) - _ETH) >> 8
        frame[1] = (len(first) - _ETH) & 255
        ifc[_I_SOCKETS][port >> 8 | (port & 255) << 8] = s
        sockets.append(s)

    def receive(n):
        """A chunk of n octets lies in the buffer: one frame behind its length."""
        length = b[0] << 8 | b[1]
        if length > _LENGTH_MAX or length + _ETH != n:
            counters[_PHY_BAD_LENGTH] += 1
            return
        counters[_PHY_RX] += 1
        if length < 34:
            counters[_ETH_SHORT] += 1
            return
        unicast = w[_W_MAC] == mac0 and w[_W_MAC + 1] == mac1 and w[_W_MAC + 2] == mac2
        if not unicast and not b[_ETH] & 1:
            counters[_ETH_FOREIGN] += 1
            return
        if w[_W_TYPE] != 0x0008:
            counters[_ETH_UNKNOWN] += 1
            return

        # IPv4 (RFC 791, RFC 1071)
        if b[_IP] == 0x45:
            header = 20
            total = from_bytes(ip_octets, "little")
        else:
            header = (b[_IP] & 15) << 2
            if b[_IP] >> 4 != 4 or header < 20 or header > length - 14:
                counters[_IP_BAD_HEADER] += 1
                return
            total = from_bytes(octets[_IP:_IP + header], "little")
        if total % 0xFFFF:
            counters[_IP_BAD_CHECKSUM] += 1
            return
        total = b[_IP + 2] << 8 | b[_IP + 3]
        if total < header or total > length - 14:
            counters[_IP_BAD_LENGTH] += 1
            return
        if w[_W_IP + 3] & 0xFF3F:
            counters[_IP_FRAGMENT] += 1
            return
        slot = slot_by_octet[b[_IP + 19]] if unicast else 0
        ifc = interfaces[slot]
        if not slot or ifc[_I_LOW] != w[_W_DST] or ifc[_I_HIGH] != w[_W_DST + 1]:
            counters[_IP_FOREIGN] += 1
            return
        first = b[_IP + 12]
        if first >= 224 or first == 127 or first == 0:
            counters[_IP_BAD_SOURCE] += 1
            return
        ifc[_I_RX] += 1
        if b[_IP + 9] != 17:
            counters[_IP_UNKNOWN_PROTOCOL] += 1
            return

        # UDP (RFC 768)
        udp = _IP + header
        available = total - header
        n = b[udp + 4] << 8 | b[udp + 5] if available >= 8 else 0
        if n < 8 or n > available:
            counters[_UDP_BAD_LENGTH] += 1
            return
        wu = udp >> 1
        port = w[wu + 1]
        found = ifc[_I_SOCKETS]
        if port not in found:
            counters[_UDP_NO_PORT] += 1
            return
        s = found[port]
        if w[wu] != s[_S_REMOTE_PORT] or w[_W_SRC] != s[_S_REMOTE_LOW] or w[_W_SRC + 1] != s[_S_REMOTE_HIGH]:
            counters[_UDP_FOREIGN_PEER] += 1
            s[_S_DROPS] += 1
            return
        if w[wu + 3]:
            total = w[_W_SRC] + w[_W_SRC + 1] + w[_W_DST] + w[_W_DST + 1] + 0x1100 + w[wu + 2]
            if (total + from_bytes(octets[udp:udp + n], "little") % 0xFFFF) % 0xFFFF:
                counters[_UDP_BAD_CHECKSUM] += 1
                s[_S_DROPS] += 1
                return
        counters[_UDP_RX] += 1
        s[_S_RX] += 1

        # RTP (RFC 3550, 5.1)
        rtp = udp + 8
        n -= 8
        if (n < 12 or b[rtp] != 0x80) and not is_rtp(rtp, n):
            counters[_RTP_BAD] += 1
            return
        sequence = b[rtp + 2] << 8 | b[rtp + 3]
        low = w[wu + 8]
        high = w[wu + 9]
        received = s[_R_RECEIVED]
        if b[rtp + 1] & 0x7F:
            counters[_RTP_FOREIGN] += 1
            # it has its place in the sequence of its source
            if b[rtp + 1] & 0x60 != 0x40 and received and low == s[_R_SSRC_LOW] and high == s[_R_SSRC_HIGH]:
                jitter = s[_R_JITTER]
                place(s, low, high, sequence)
                s[_R_JITTER] = jitter
            return
        step = (sequence - s[_R_LATEST]) & 0xFFFF
        if received and low == s[_R_SSRC_LOW] and high == s[_R_SSRC_HIGH] and step < _MAX_DROPOUT:
            s[_R_LATEST] += step
            s[_R_RECEIVED] = received + 1
        else:
            where = place(s, low, high, sequence)
            if where == 2:
                counters[_RTP_FOREIGN] += 1
            if where:
                return
        timestamp = (b[rtp + 4] & 15) << 24 | b[rtp + 5] << 16 | b[rtp + 6] << 8 | b[rtp + 7]
        transit = (((millis() & 0x1FFFFFF) << 3) - timestamp) & _TIME
        if received > s[_R_RECEIVED_BEFORE]:
            d = (transit - s[_R_TRANSIT]) & _TIME
            if d > _TIME_HALF:
                d = _TIME + 1 - d
            if d > _JITTER_MAX:
                d = _JITTER_MAX
            jitter = s[_R_JITTER]
            s[_R_JITTER] = jitter + d - ((jitter + 8) >> 4)
        s[_R_TRANSIT] = transit

    def is_rtp(rtp, n):
        """With contributing sources, an extension or padding."""
        if n < 12 or b[rtp] & 0xC0 != 0x80:
            return False
        header = 12 + 4 * (b[rtp] & 15)
        if b[rtp] & 0x10:
            if n < header + 4:
                return False
            header += 4 + 4 * (b[rtp + header + 2] << 8 | b[rtp + header + 3])
        if header > n:
            return False
        if not b[rtp] & 0x20:
            return True
        padding = b[rtp + n - 1] if n > header else 0
        return padding != 0 and header + padding <= n

    def send(s):
        """The next 20 ms of a call."""
        f = s[_T_FRAME]
        position = s[_T_POSITION]
        f[_PAYLOAD:] = parts[position]
        s[_T_POSITION] = position + 1 if position < last_part else 0
        if s[_S_CHECK]:
            fw = s[_T_WORDS]
            fw[_W_UDP + 3] = 0
            total = fw[_W_SRC] + fw[_W_SRC + 1] + fw[_W_DST] + fw[_W_DST + 1] + 0x1100 + fw[_W_UDP + 2]
            # a computed 0 is sent as all ones
            fw[_W_UDP + 3] = 0xFFFF - (total + from_bytes(s[_T_DATAGRAM], "little") % 0xFFFF) % 0xFFFF
        if write(f):
            counters[_PHY_TX_FULL] += 1
            s[_S_DROPS] += 1
        else:
            # counted once; `figures` adds it to the other totals
            n = s[_S_TX]
            s[_S_TX] = n + 1
            if not n:
                f[_RTP + 1] = 0
        # the next sequence number and timestamp: mostly one octet or two of them change
        low = f[_RTP + 3] + 1
        if low < 256:
            f[_RTP + 3] = low
        else:
            f[_RTP + 3] = 0
            f[_RTP + 2] = (f[_RTP + 2] + 1) & 255
        low = f[_RTP + 7] + _SAMPLES
        if low < 256:
            f[_RTP + 7] = low
        else:
            f[_RTP + 7] = low - 256
            low = f[_RTP + 6] + 1
            if low < 256:
                f[_RTP + 6] = low
            else:
                f[_RTP + 6] = 0
                high = (f[_RTP + 4] << 8 | f[_RTP + 5]) + 1
                f[_RTP + 4] = high >> 8 & 255
                f[_RTP + 5] = high & 255

    return receive, send, sockets, counters, b


def empty(n):
    pass


def accept(f):
    return 0


def time_receive(receive, b, frames):
    for f in frames:
        b[:216] = f
        receive(216)


def time_send(send, sockets, turns):
    for i in range(turns):
        send(sockets[i & 7])


def figures(sockets, counters):
    """As the firmware tells them."""
    told = {"counters": dict(zip(NAMES, counters)), "calls": []}
    told["counters"]["phyTx"] = told["counters"]["udpTx"] = sum(s[_S_TX] for s in sockets)
    for s in sockets:
        told["calls"].append({
            "rx": s[_S_RX], "tx": s[_S_TX], "drops": s[_S_DROPS],
            "ifcRx": s[_S_INTERFACE][_I_RX], "ifcTx": s[_S_TX],
            "received": s[_R_RECEIVED], "lost": lost_of(s), "reordered": s[_R_REORDERED], "jitter": s[_R_JITTER],
        })
    return told
