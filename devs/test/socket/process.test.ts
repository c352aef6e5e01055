import * as ds from "@devicescript/core"
import { DatagramSocket } from "../../../src/socket/datagram"
import { beforeEach, describe, expect, test } from "@devicescript/test"
import { FREE, interfaces } from "../../../src/link/interface"
import { neighbours, removeNeighbour } from "../../../src/link/neighbours"
import { enterProcess, getpgrp } from "../../../src/base/process"
import { TUPLE_DHCP, TUPLE_STATIC, tupleOf } from "../../../src/socket/tuple"
import { bind, close, connect, getsockname, leaveProcess, recv, send, sendto } from "../../../src/socket/api"
import { sockets } from "../../../src/socket/table"
import { formatAddress } from "../../../src/wire/address"
import { BOARD, HOST, stations, udp } from "../support/lan"
import { codeOf, get16, run, until } from "../support/support"
import { TO_HOST, host, inProcess, openSockets, own, phy, plain, sawOne, seen, spawn, startWorld, tidy } from "../support/world"

const sourceOf = (f: Buffer) => f.getAt(26, "i32")
const portOf = (f: Buffer) => get16(f, 34)

/** All calls by which a process would send or receive on a socket, or take it away; the codes that are not `EACCES`. */
async function strangers(sd: number): Promise<string> {
    let codes = ""
    for (const code of [
        await codeOf(async () => await bind(sd, {})),
        await codeOf(async () => await connect(sd, TO_HOST)),
        await codeOf(async () => await send(sd, hex`00`)),
        await codeOf(async () => await sendto(sd, hex`00`, TO_HOST)),
        await codeOf(async () => await recv(sd, 0)),
        await codeOf(async () => await own(tupleOf(sd))),
        await codeOf(async () => await close(sd)),
    ])
        if (code !== "EACCES") codes += `${code} `
    return codes
}

/** The code with which a process cannot join a group. */
async function joining(group: number): Promise<string> {
    return await codeOf(async () => await spawn(async () => {}, group).wait())
}

await startWorld()

describe("processes", () => {
    beforeEach(tidy)

    test("the console and the boot are group 0; the others are groups of their own, each with a number that was never used", async () => {
        expect(getpgrp()).toBe(0)
        let first = 0
        let second = 0
        await inProcess(async () => {
            first = getpgrp()
        })
        await inProcess(async () => {
            second = getpgrp()
        })
        expect(first > 0 && second > first).toBe(true)
        // who is no process has nothing to end
        const sd = await plain()
        await leaveProcess()
        expect(getsockname(sd).address).toBe(BOARD)
    })

    test("join a group that is there; any other is EPERM", async () => {
        let group = 0
        let goOn = false
        const leader = spawn(async () => {
            group = getpgrp()
            await until("the others", () => goOn)
        })
        await ds.sleep(5)
        await spawn(async () => expect(getpgrp()).toBe(group), group).wait()
        goOn = true
        await leader.wait()
        for (const none of [group, group + 1000, -1, 0]) expect(await joining(none)).toBe("EPERM")
        expect(getpgrp()).toBe(0)
    })

    test("what one has open when it ends is closed, its leases are released", async () => {
        const released = host.released
        await inProcess(async () => {
            const process = getpgrp()
            await own(TUPLE_STATIC)
            await own(tupleOf(0))
            await own(TUPLE_DHCP)
            if (interfaces[1].process !== process || interfaces[2].process !== process) throw new Error("not its owner's")
        })
        expect(openSockets()).toBe(0)
        expect(stations()).toBe(1)
        await until("the release", () => host.released === released + 1)
    })

    test("nobody joins a group whose last process ends, although closing waits", async () => {
        // the release waits for its server's MAC address
        host.arp = false
        for (const n of neighbours.slice()) removeNeighbour(n)
        let group = 0
        let code = ""
        const last = spawn(async () => {
            group = getpgrp()
            await own(TUPLE_DHCP)
        })
        await until("the end of the process", () => group !== 0 && openSockets() === 0 && stations() === 2)
        try {
            enterProcess(group)
        } catch (e) {
            code = (e as any).code
        }
        host.arp = true
        await last.wait()
        expect(code).toBe("EPERM")
        expect(getpgrp()).toBe(0)
        expect(stations()).toBe(1)
    })
})

describe("FIG. 3", () => {
    beforeEach(tidy)

    test("FIG. 3: processes and sockets on one address, which only ports tell apart", async () => {
        const ports: number[] = []
        const body = async () => {
            // a process uses several sockets ...
            for (let i = 0; i < 2; i++) {
                const sd = await plain()
                const local = await bind(sd, {})
                if (local.address !== BOARD) throw new Error("another address")
                ports.push(local.port)
            }
            await until("the other process", () => ports.length === 4)
            const sd = sockets.findIndex(s => s.process === getpgrp())
            // ... and takes no port that another has
            if ((await codeOf(async () => await bind(await plain(), { port: ports[0] }))) !== "EADDRINUSE") throw new Error("a port twice")
            phy.arrive(udp(HOST, 4000, BOARD, getsockname(sd).port, hex`2a`))
            expect((await recv(sd, 0))[0]).toBe(42)
        }
        const children = [spawn(body), spawn(body)]
        for (const child of children) await child.wait()
        ports.forEach(port => expect(ports.filter(p => p === port).length).toBe(1))
        expect(ports.length).toBe(4)
        expect(stations()).toBe(1)
    })

    test("FIG. 3: several processes of one group share a socket, which goes with the last of them", async () => {
        let group = 0
        let sd = -1
        const opener = spawn(async () => {
            group = getpgrp()
            sd = await plain()
            await bind(sd, { port: 5060 })
            await connect(sd, TO_HOST)
            await until("the others", () => joined)
        })
        let heard = ""
        let joined = false
        let goOn = false
        await until("the socket", () => sd >= 0 && sockets[sd].remotePort !== 0)
        const body = async () => {
            for (let i = 0; i < 2; i++) heard += (await recv(sd, 5000)).toString()
            await send(sd, hex`01`)
            await until("the end", () => goOn)
        }
        const children = [spawn(body, group), spawn(body, group)]
        await ds.sleep(5)
        joined = true
        await opener.wait()
        expect(sockets[sd].process).toBe(group)
        for (const letter of ["a", "b", "c", "d"]) {
            phy.arrive(udp(HOST, 4000, BOARD, 5060, Buffer.from(letter)))
            await ds.sleep(5)
        }
        await until("what both have sent", () => heard.length === 4 && seen.length === 2)
        expect(heard).toBe("abcd")
        await inProcess(async () => expect(await strangers(sd)).toBe(""))
        expect(await strangers(sd)).toBe("")
        // one of them ends: nothing happens; the other one: it is closed
        goOn = true
        for (const child of children) await child.wait()
        expect(sockets[sd].process).toBe(FREE)
        expect(interfaces[0].endpointOn(17, 5060)).toBe(undefined)
    })
})

describe("FIG. 4", () => {
    beforeEach(tidy)

    test("FIG. 4: sockets with addresses of their own over one PHY, each for its group of processes alone", async () => {
        let goOn = false
        const groups: number[] = []
        const sds: number[] = []
        // @X and @Z belong to the first group, @Y to the second
        const open = (tuples: number[]) => async () => {
            groups.push(getpgrp())
            for (const tuple of tuples) {
                const sd = await own(tuple)
                await bind(sd, { port: 5004 })
                await connect(sd, TO_HOST)
                sds.push(sd)
            }
            await until("the others", () => goOn)
        }
        const first = spawn(open([TUPLE_STATIC, TUPLE_DHCP]))
        await until("the first group's sockets", () => sds.length === 2)
        const second = spawn(open([TUPLE_STATIC]))
        await until("the second group's socket", () => sds.length === 3)
        expect(stations()).toBe(4)
        const [x, z, y] = sds
        expect(formatAddress(sockets[x].ifc.address)).toBe("10.77.0.200")
        expect(formatAddress(sockets[y].ifc.address)).toBe("10.77.0.201")
        expect(sockets[x].ifc.process === groups[0] && sockets[z].ifc.process === groups[0]).toBe(true)
        expect(sockets[y].ifc.process).toBe(groups[1])
        while (phy.sent.length > 0) await ds.sleep(1)

        // each process of the group sends and receives on its interfaces, and on no other
        await spawn(async () => {
            for (const sd of [x, z]) {
                await send(sd, hex`01`)
                const f = await sawOne()
                expect(sourceOf(f)).toBe(getsockname(sd).address)
                expect(portOf(f)).toBe(5004)
                phy.arrive(udp(HOST, 4000, getsockname(sd).address, 5004, hex`2b`))
                expect((await recv(sd, 0))[0]).toBe(0x2b)
            }
            expect(await strangers(y)).toBe("")
        }, groups[0]).wait()
        await spawn(async () => {
            for (const sd of [x, z]) expect(await strangers(sd)).toBe("")
            // a further socket on the group's address
            expect(getsockname(await own(tupleOf(y))).address).toBe(getsockname(y).address)
        }, groups[1]).wait()
        for (const sd of sds) expect(await strangers(sd)).toBe("")

        // what does not belong to their addresses reaches none of them
        phy.arrive(udp(HOST, 4000, BOARD, 5004, hex`2c`))
        for (const sd of sds) {
            const { queue } = sockets[sd] as DatagramSocket
            expect(queue ? queue.length : 0).toBe(0)
        }

        goOn = true
        await first.wait()
        await second.wait()
        expect(openSockets()).toBe(0)
        expect(stations()).toBe(1)
    })

    test("FIG. 4: an address outlives the process that opened it, and is given back with the last of its group", async () => {
        const released = host.released
        let group = 0
        let sd = -1
        let goOn = false
        const opener = spawn(async () => {
            group = getpgrp()
            sd = await own(TUPLE_DHCP)
            await until("the heir", () => goOn)
        })
        await until("the address", () => sd >= 0)
        const heir = spawn(async () => {
            goOn = true
            await opener.wait()
            const local = await bind(sd, { port: 5004 })
            expect(local.address !== BOARD && local.address !== 0).toBe(true)
            await connect(sd, TO_HOST)
            await send(sd, hex`01`)
            expect(sourceOf(await sawOne())).toBe(local.address)
            expect(host.released).toBe(released)
        }, group)
        await heir.wait()
        expect(stations()).toBe(1)
        await until("the release", () => host.released === released + 1)
    })
})

await run()
