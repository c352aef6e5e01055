/** The phones of a program, booted on its LAN. */
import { takeIdentities } from "./identity.js"
import { LinkWatch } from "./link-watch.js"
import { settingRemark, settingsOf, type NetworkOptions } from "./options.js"
import { Phone } from "./phone.js"
import type { End } from "./program.js"
import { notice } from "./terminal/output.js"
import { tell } from "./terminal/session.js"

export interface BootOptions extends NetworkOptions {
    /** Path of the firmware's image. */
    image: string
    /** How many phones. */
    phones: number
}

/** @param address `HOST:PORT` of the LAN @throws when all have booted or failed, if one has; if a setting is for none of them */
export async function bootPhones(options: BootOptions, address: string, ended: End[]): Promise<Phone[]> {
    const settings = settingsOf(options.phones, options.setting)
    notice(`booting ${options.phones === 1 ? "the phone" : `${options.phones} phones`} ...`)
    const identities = await takeIdentities(options.phones)
    const booting = identities.map(async (deviceId, i) => {
        const name = `phone ${i + 1}`
        const { image, phy } = options
        return await Phone.boot({ image, deviceId, lan: address, phy, settings: settings[i] }, phone => {
            ended.unshift(() => phone.stop())
            phone.on("event", text => tell(phone, text, options.phones > 1 ? name : undefined))
            const watch = new LinkWatch(options.lan, text => notice(options.phones > 1 ? `${name}: ${text}` : text))
            phone.on("log", line => {
                const remark = settingRemark(line)
                if (options.verbose) notice(`${name}: ${remark ?? line}`)
                else if (remark !== undefined) notice(options.phones > 1 ? `${name}: ${remark}` : remark)
                watch.log(line)
            })
        })
    })
    const results = await Promise.allSettled(booting)
    for (const result of results) if (result.status === "rejected") throw result.reason
    return await Promise.all(booting)
}
