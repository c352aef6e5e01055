/**
 * The gateway of docs/boards.md, its blocks as they stand, at a terminal: a machine on a cable at home, whose router is in a
 * namespace of its own with a real DHCP server. The simulator is the phone, as that page proposes.
 */
import assert from "node:assert/strict"
import { rmSync, symlinkSync } from "node:fs"
import { join } from "node:path"
import { after, before, describe, it } from "node:test"
import { PROJECT } from "../../sim/firmware.js"
import { Bash } from "../support/bash.js"
import { blocksOf } from "../support/documentation.js"
import { copyProject } from "../support/project-copy.js"

const NAMESPACE = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]

/** The house: the machine's `eth0`, and the router at the other end of its cable. */
const HOUSE = `ip link set lo up
ip netns add home
ip link add eth0 type veth peer name lan0 netns home
ip addr add 192.168.1.20/24 dev eth0
ip link set eth0 up
ip netns exec home ip addr add 192.168.1.1/24 dev lan0
ip netns exec home ip link set lan0 up
ip netns exec home dnsmasq --conf-file=/dev/null --port=0 --interface=lan0 --bind-interfaces --pid-file=/run/home.pid --dhcp-leasefile=/run/home.leases --dhcp-range=192.168.1.50,192.168.1.99,1h --dhcp-rapid-commit --no-ping`

describe("the gateway of a Wi-Fi board", () => {
    let folder: string
    let bash: Bash

    before(async () => {
        folder = copyProject()
        symlinkSync(join(PROJECT, "node_modules"), join(folder, "node_modules"))
        bash = new Bash(folder, { within: NAMESPACE, env: { XDG_STATE_HOME: join(folder, "state") } })
        await bash.ready()
        await bash.run(HOUSE)
    })
    after(() => {
        bash?.kill()
        rmSync(folder, { recursive: true, force: true })
    })

    const blocks = blocksOf("docs/boards.md").filter(({ note }) => note === "gateway")
    for (const { text } of blocks)
        it(`runs: ${text.split("\n")[0]}`, async () => {
            const printed = await bash.run(text)
            if (!text.startsWith("npm start")) return
            assert.match(printed, /tp0 +192\.168\.1\.\d+ /, "the phone has an address of the house's router")
            assert.match(printed, /3 sent, 3 answered/)
        })

    it("has a switch, a bridge, a socket and a phone", () => assert.equal(blocks.length, 4))
})
