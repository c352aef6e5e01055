/** `npm start`: the LAN, the phones on it, and a console; see `--help`. */
import { Command } from "commander"
import { setTimeout } from "node:timers/promises"
import { bootPhones } from "./boot.js"
import { demonstrate } from "./demo.js"
import { openHandset, withHandsetOptions, type HandsetOptions } from "./handset-options.js"
import { buildFirmware, programOf, type Image } from "./firmware.js"
import { openNetwork } from "./network.js"
import { image, phones, SETTINGS, withNetworkOptions, type NetworkOptions } from "./options.js"
import type { Phone } from "./phone.js"
import { runProgram, type End } from "./program.js"
import { prompt } from "./prompt.js"
import { run } from "./script.js"
import type { Foreground } from "./terminal/foreground.js"
import { notice } from "./terminal/output.js"

interface Options extends NetworkOptions, HandsetOptions {
    exec?: string
    image: Image
    phones: number
}

/** Milliseconds for a phone to end its calls, and its registration, when the program ends. */
const HANGUP_TIMEOUT = 2_000

/** So that the other sides hear of it, and the calls' addresses are given back. */
async function hangUp(booted: Phone[]): Promise<void> {
    const calm = booted
        .filter(phone => !phone.failure)
        .map(async phone => {
            await phone.answer("hangup all")
            // who has no account is told so, and has nothing to end
            await phone.answer("register off")
        })
    await Promise.race([Promise.allSettled(calm), setTimeout(HANGUP_TIMEOUT)])
}

async function main(options: Options): Promise<void> {
    const ended: End[] = []
    const work = async (): Promise<boolean> => {
        const connectHandset = await openHandset(options)
        const path = await buildFirmware(notice, programOf(options.image, options.phy))
        const address = await openNetwork(options, ended)
        const booted = await bootPhones({ ...options, image: path }, address, ended)
        connectHandset(booted[0]!, ended)
        ended.unshift(() => hangUp(booted))
        if (options.exec !== undefined) return await run(booted, options.exec)
        // the demonstration says how to go on
        const first = options.lan === "embedded" ? { hint: "", first: (foreground: Foreground) => demonstrate(booted[0]!, foreground) } : {}
        await Promise.race([prompt(booted, first), ...booted.map(phone => phone.failed)])
        return true
    }
    await runProgram(work, ended)
}

const command = new Command("npm start --")
    .description("Boots the firmware in the simulator on a LAN, places two demonstration calls and leaves a console prompt.")
    .option(
        "--exec <commands>",
        'instead: run these console commands ("cmd; cmd", or "cmd & cmd" for one that runs beside the next), print their answers, and stop'
    )
await withHandsetOptions(withNetworkOptions(command, SETTINGS))
    .option("--image <name>", "phone, or streams: the phone with TCP", image, "phone")
    .option("--phones <number>", 'that many phones on one LAN; "@2 command" is for the second, which "call sip:@2" calls', phones, 1)
    .action(main)
    .parseAsync()
