/** Pins of the chips that the boards have. */

export interface Chip {
    /** What an image for it is marked with (ESP-IDF, esp_chip_id_t). */
    imageId: number
    /** GPIOs that a program may use, as people write them. */
    usable: string
    /** GPIOs that the chip has but a program must leave alone, and why. */
    reserved: { pins: string; why: string }[]
}

/** By `archId`. A chip that is not here has no driver for its USB in the runtime, or nobody has looked its pins up. */
export const CHIPS: Record<string, Chip> = {
    /** @see ESP32-C3 Series Datasheet, 2.2 Pin Overview, 2.6 Pin Mapping Between Chip and Flash */
    esp32c3: {
        imageId: 5,
        usable: "0-10, 20-21",
        reserved: [
            { pins: "11-17", why: "the flash is on it" },
            { pins: "18-19", why: "it is USB, which carries the console" },
        ],
    },
    /** @see ESP32-S3 Series Datasheet, 2.2 Pin Overview, 2.6 Pin Mapping Between Chip and Flash or PSRAM */
    esp32s3: {
        imageId: 9,
        usable: "0-18, 21, 38-48",
        reserved: [
            { pins: "19-20", why: "it is USB, which carries the console" },
            { pins: "26-32", why: "the flash is on it" },
            // which of them a board has differs from variant to variant of the same module
            { pins: "33-37", why: "octal flash or PSRAM is on it where a module has one" },
        ],
    },
}

/** Whether a list such as `0-18, 21` holds a number. */
export function lists(ranges: string, n: number): boolean {
    return ranges.split(",").some(range => {
        const [first, last = first] = range.split("-").map(Number)
        return n >= first && n <= last
    })
}

/** @returns why a program must not use a GPIO and what to do, or `undefined` if it may */
export function objection(archId: string, gpio: number): string | undefined {
    const { usable, reserved } = CHIPS[archId]
    if (lists(usable, gpio)) return undefined
    const taken = reserved.find(({ pins }) => lists(pins, gpio))
    const why = taken ? `must not be used, ${taken.why}` : `does not exist on an ${archId}`
    return `GPIO${gpio} ${why}: use one of ${usable}, or leave it out`
}
