/** The bytes of one block of registers, and the rules of access to them. */
import type { Register } from "./registers.js"

export class RegisterFile {
    private readonly bytes: Buffer
    /** Which register a byte is of; nothing at reserved addresses. */
    private readonly owners: (Register | undefined)[] = []

    constructor(private readonly map: Readonly<Record<string, Register>>) {
        for (const register of Object.values(map)) for (let i = 0; i < (register.bytes ?? 1); i++) this.owners[register.at + i] = register
        this.bytes = Buffer.alloc(this.owners.length)
        this.reset()
    }

    reset(): void {
        for (const register of Object.values(this.map)) this.set(register, register.reset ?? 0)
    }

    /** The register that has a byte at this address; `undefined` if it is reserved. */
    ownerOf(address: number): Register | undefined {
        return this.owners[address]
    }

    get(register: Register): number {
        return this.bytes.readUIntBE(register.at, register.bytes ?? 1)
    }

    set(register: Register, value: number): void {
        this.bytes.writeUIntBE(value, register.at, register.bytes ?? 1)
    }

    bytesOf(register: Register): Buffer {
        return this.bytes.subarray(register.at, register.at + (register.bytes ?? 1))
    }

    /** 0 at a reserved address. */
    read(address: number): number {
        return this.bytes[address] ?? 0
    }

    /** One byte from the host, by the rules of its register; the caller has looked for those that the host cannot change. */
    write(address: number, value: number): void {
        const { bits = 0xff, clears = false } = this.owners[address]!
        const old = this.bytes[address]
        this.bytes[address] = clears ? old & ~(value & bits) : value & bits
    }

    /** One byte, whatever the rules say. */
    poke(address: number, value: number): void {
        this.bytes[address] = value
    }
}
