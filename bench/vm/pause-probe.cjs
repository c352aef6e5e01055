/** Loaded into the process of the simulator VM before anything else (`node --require`): a line `pause: {...}` for each pause. */
"use strict"
require("./pauses.cjs").watch(pause => console.log(`pause: ${JSON.stringify(pause)}`))
