/**
 * Which file may import which (https://github.com/sverweij/dependency-cruiser). `npm run lint` asks; test/host/layers.test.ts
 * shows that each of these rules refuses what it must. docs/ARCHITECTURE.md says what the layers are.
 */

/** The folders of src/, from the bottom to the top: the picture of the layers. A file imports from its own folder and from those before it. */
const LAYERS = [
    "base",
    "wire",
    "phy",
    "link",
    "ip",
    "transport",
    "dhcp",
    "address",
    "socket",
    "dns",
    "voice",
    "rtp",
    "sip",
    "transfer",
    "telephone",
    "console",
]

/** The files of src/ itself, which put the layers together: each line imports from the folders and from the lines before it. */
const ROOT = ["settings", "boot", "phone", "index|streams|main.*"]

/** The contract between ip/ and what lies on it. Those below know its type, and nothing that it does. */
const CONTRACT = "^src/transport/endpoint\\.ts$"

const TYPE_ONLY = ["type-only"]

const folder = name => `^src/${name}/`
const file = name => `^src/(${name})\\.ts$`
/** Everything else of src/ than what is named. */
const outside = allowed => ({ path: "^src/", pathNot: allowed })

const layers = LAYERS.map((name, i) => ({
    name: `layer-${name}`,
    comment: `src/${name}/ imports from itself and from what is below it: ${LAYERS.slice(0, i).join(", ") || "nothing"}.`,
    severity: "error",
    from: { path: folder(name) },
    to: outside([...LAYERS.slice(0, i + 1).map(folder), ...(name === "link" || name === "ip" ? [CONTRACT] : [])]),
}))

const root = ROOT.map((name, i) => ({
    name: `layer-root-${i}`,
    comment: `src/${name}.ts imports from the folders, and from: ${ROOT.slice(0, i + 1).join(", ")}.`,
    severity: "error",
    from: { path: file(name) },
    to: outside([...LAYERS.map(folder), ...ROOT.slice(0, i + 1).map(file)]),
}))

/** What `from` must not import anything of. */
const apart = (name, from, to, comment) => ({
    name,
    comment,
    severity: "error",
    from: typeof from === "string" ? { path: from } : from,
    to: { path: to },
})

module.exports = {
    forbidden: [
        ...layers,
        ...root,
        {
            name: "contract-by-type-only",
            comment: "The endpoint is a type, for all: `import type`, so that no code comes from above.",
            severity: "error",
            from: { path: "^src/" },
            to: { path: CONTRACT, dependencyTypesNot: TYPE_ONLY },
        },
        {
            name: "no-stray-folder",
            comment: "A folder of src/ has a place in LAYERS, and a file of src/ itself one in ROOT.",
            severity: "error",
            from: { path: "^src/", pathNot: [...LAYERS.map(folder), ...ROOT.map(file)] },
            to: {},
        },
        {
            name: "no-circle",
            comment:
                "No file imports itself by way of others, not even by a type. The contract is apart: it names what is below it, which names the contract.",
            severity: "error",
            from: {},
            to: { circular: true, viaOnly: { pathNot: CONTRACT } },
        },
        { name: "resolved", comment: "What is imported exists.", severity: "error", from: {}, to: { couldNotResolve: true } },
        apart(
            "firmware-alone",
            { path: "^src/", pathNot: "^src/main-example" },
            "^(sim|test|bench|fuzz|scripts|devs|examples)/",
            "The firmware knows nothing of what runs or tests it."
        ),
        apart(
            "independent-oracle",
            "^sim/lan/",
            "^(src|devs|examples)/",
            "The embedded LAN shares no code with the firmware: docs/decisions."
        ),
        apart(
            "independent-fuzz",
            "^fuzz/",
            "^(src|devs|examples|sim)/",
            "What the fuzz program expects of the firmware shares no code with it, nor with the embedded LAN."
        ),
        apart("sim-without-tests", "^(sim|scripts)/", "^(test|bench|fuzz)/", "What a user runs needs no test and no benchmark."),
    ],
    options: {
        doNotFollow: { path: "node_modules" },
        tsPreCompilationDeps: true,
        tsConfig: { fileName: "tsconfig.json" },
        combinedDependencies: true,
    },
}
