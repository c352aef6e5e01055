/** All suites, in the order in which they are run. */
import { suite as demux } from "./demux.js"
import { suite as frame } from "./frame.js"
import type { Suite } from "./suite.js"

export const suites: Suite[] = [frame, demux]
