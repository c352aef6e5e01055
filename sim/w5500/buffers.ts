/**
 * 16 KB of buffer memory, of which each socket has a part: those of lower sockets lie before it. Host and chip address
 * a part with pointers of 16 bits that count on and on; the low bits are the place in it.
 * @see W5500 datasheet 3.3
 */
const MEMORY_BYTES = 16 * 1024
/** In KB. */
const SIZES = [0, 1, 2, 4, 8, 16]

export const isBufferSize = (kilobytes: number): boolean => SIZES.includes(kilobytes)

export class BufferMemory {
    private readonly memory = Buffer.alloc(MEMORY_BYTES)

    /** @param kilobytes the present size of each socket's part */
    constructor(private readonly kilobytes: () => readonly number[]) {}

    sizeOf(socket: number): number {
        return this.kilobytes()[socket] * 1024
    }

    get overbooked(): boolean {
        return this.kilobytes().reduce((sum, size) => sum + size, 0) * 1024 > MEMORY_BYTES
    }

    /** Of a socket whose buffer has a size. */
    read(socket: number, pointer: number, length: number): Buffer {
        const place = this.places(socket)
        const bytes = Buffer.alloc(length)
        for (let i = 0; i < length; i++) bytes[i] = this.memory[place(pointer + i)]
        return bytes
    }

    write(socket: number, pointer: number, bytes: Buffer): void {
        const place = this.places(socket)
        bytes.forEach((byte, i) => (this.memory[place(pointer + i)] = byte))
    }

    private places(socket: number): (pointer: number) => number {
        const sizes = this.kilobytes()
        const base = sizes.slice(0, socket).reduce((sum, size) => sum + size, 0) * 1024
        const mask = sizes[socket] * 1024 - 1
        return pointer => (base + (pointer & mask)) % MEMORY_BYTES
    }
}
