/** All suites, in the order in which they are run. */
import { suite as address } from "./address.js"
import { suite as calls } from "./calls.js"
import { suite as demux } from "./demux.js"
import { suite as frame } from "./frame.js"
import { suite as heap } from "./heap.js"
import { suite as image } from "./image.js"
import { suite as spi } from "./spi.js"
import { suite as streams } from "./streams.js"
import type { Suite } from "../suite.js"

export const suites: Suite[] = [frame, demux, calls, heap, image, spi, streams, address]
