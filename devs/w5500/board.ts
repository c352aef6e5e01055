import { DEFAULT_LAN } from "../../src/base/config"
import { parseLan } from "../../src/phy/stream"
import { ModelSpi } from "./model"

// Takes the place of src/phy/w5500/board.ts in a program for the simulator (sim/own), which has a model of a W5500 and no pins.

export function parsePhy(_text: string): any[] {
    return [0]
}

export class BoardSpi extends ModelSpi {
    /** @param _pins what `parsePhy` gave: all that counts is that there are some */
    constructor(_pins: any[]) {
        super(parseLan(DEFAULT_LAN))
    }
}
