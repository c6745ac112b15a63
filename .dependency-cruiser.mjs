const S = "^packages/server/src";
const own = "$1"; // the folder captured in `from`
const typeOnly = ["type-only"];

/** @type {import("dependency-cruiser").IConfiguration} */
export default {
  forbidden: [
    {
      name: "no-circular",
      severity: "error",
      comment:
        "A cycle means two files are one idea. Merge them, or move what they share below both.",
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: typeOnly } },
    },
    {
      name: "no-orphans",
      severity: "error",
      comment: "Nothing imports this file. Delete it, or wire it up.",
      from: {
        orphan: true,
        pathNot: ["/index[.]ts$", "/main[.]ts$", "[.]d[.]ts$", "[.]config[.]"],
      },
      to: {},
    },
    {
      name: "not-to-unresolvable",
      severity: "error",
      comment: "This import resolves to nothing on disk.",
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: "no-undeclared-dependency",
      severity: "error",
      comment:
        "Declare it in this package's own package.json; hoisting hides the omission until someone installs the package alone.",
      from: { path: "^packages/[^/]+/src" },
      to: {
        dependencyTypes: ["npm-no-pkg", "npm-unknown", "npm-dev"],
        dependencyTypesNot: typeOnly,
      },
    },

    {
      name: "protocol-imports-nothing",
      severity: "error",
      comment: "Everyone installs protocol, so it carries no one else's code.",
      from: { path: "^packages/protocol/src", pathNot: "[.]test[.]ts$" },
      to: { pathNot: "^packages/protocol/src" },
    },
    {
      name: "clients-know-only-protocol",
      severity: "error",
      comment:
        "The SDK, the CLI and the dashboard talk to a server over its wire. None of them may link it in.",
      from: { path: "^packages/(?:sdk|cli|house|dashboard)/src" },
      to: { path: "^packages/(?:server)/" },
    },

    {
      name: "lib-knows-no-product",
      severity: "error",
      comment:
        "lib/ is what we wish Node shipped. If it needs a product noun, it belongs in domain/.",
      from: { path: `${S}/lib/` },
      to: { path: `${S}/`, pathNot: `${S}/lib/` },
    },
    {
      name: "domain-is-pure",
      severity: "error",
      comment:
        "domain/ decides; it does not do. No SQL, no sockets, no files, no clock, no packages: pass in what it needs.",
      from: { path: `${S}/domain/`, pathNot: "[.]test[.]ts$" },
      to: { pathNot: [`${S}/domain/`, "^packages/protocol/src", "^(?:node:)?assert"] },
    },
    {
      name: "store-takes-only-types-from-domain",
      severity: "error",
      comment:
        "A rule in a query is a rule nobody finds. store/ may name the domain's shapes, never run its rules.",
      from: { path: `${S}/store/` },
      to: {
        path: `${S}/`,
        pathNot: [`${S}/(?:store|lib)/`, `${S}/domain/fault[.]ts$`],
        dependencyTypesNot: typeOnly,
      },
    },
    {
      name: "store-sees-domain-and-lib",
      severity: "error",
      comment: "Even as types, nothing above the store may leak down into it.",
      from: { path: `${S}/store/` },
      to: { path: `${S}/(?:core|outbound|surfaces)/` },
    },
    {
      name: "only-store-speaks-sql",
      severity: "error",
      comment: "All SQL is in store/, so the schema can change by reading one folder.",
      from: { pathNot: `^packages/server/(?:src/store/|test/(?:store|support|ledger)/)` },
      to: { path: "node_modules/(?:@types/)?(?:pg|postgres|kysely|@electric-sql)/" },
    },
    {
      name: "core-stays-off-the-wire",
      severity: "error",
      comment:
        "core/ must not know which wire called it nor which vendor answers. Declare a port in core/ports.ts.",
      from: { path: `${S}/core/` },
      to: { path: [`${S}/(?:outbound|surfaces)/`, "node_modules/(?:hono|ws)/"] },
    },
    {
      name: "outbound-implements-ports",
      severity: "error",
      comment: "outbound/ fulfils core/ports.ts and knows nothing else above it.",
      from: { path: `${S}/outbound/` },
      to: { path: `${S}/(?:core|store|surfaces)/`, pathNot: `${S}/core/ports[.]ts$` },
    },
    {
      name: "outbound-takes-only-types-from-domain",
      severity: "error",
      comment:
        "A vendor's answer is translated here and judged in domain/, by core/. Only Fault may cross as a value.",
      from: { path: `${S}/outbound/` },
      to: {
        path: `${S}/domain/`,
        pathNot: `${S}/domain/fault[.]ts$`,
        dependencyTypesNot: typeOnly,
      },
    },
    {
      name: "surface-enters-by-the-front-door",
      severity: "error",
      comment:
        "A surface translates. It reaches the product through core/index.ts alone, so no rule can be written twice.",
      from: { path: `${S}/surfaces/` },
      to: { path: `${S}/(?:core|store|outbound)/`, pathNot: `${S}/core/index[.]ts$` },
    },
    {
      name: "surface-takes-only-types-from-domain",
      severity: "error",
      comment:
        "Naming a Run is translation; calling nextState() is a rule. Only Fault may cross as a value.",
      from: { path: `${S}/surfaces/` },
      to: {
        path: `${S}/domain/`,
        pathNot: `${S}/domain/fault[.]ts$`,
        dependencyTypesNot: typeOnly,
      },
    },
    {
      name: "surfaces-never-meet",
      severity: "error",
      comment:
        "Five wires change on five schedules. What two of them need goes to surfaces/shared or, if it is a rule, to core/.",
      from: { path: `(${S}/surfaces/[^/]+)/` },
      to: { path: `${S}/surfaces/[^/]+/`, pathNot: [own, `${S}/surfaces/shared/`] },
    },
    {
      name: "shared-knows-no-surface",
      severity: "error",
      comment: "shared/ serves every wire, so it may know none.",
      from: { path: `${S}/surfaces/shared/` },
      to: { path: `${S}/surfaces/(?!shared/)` },
    },
    {
      name: "src-never-imports-tests",
      severity: "error",
      comment: "Production code must not lean on a fake.",
      from: { path: "^packages/[^/]+/src", pathNot: "[.]test[.]ts$" },
      to: { path: ["^packages/[^/]+/test/", "[.]test[.]ts$"] },
    },
  ],
  options: {
    tsPreCompilationDeps: "specify",
    tsConfig: { fileName: "tsconfig.json" },
    doNotFollow: { path: "node_modules" },
    exclude: { path: "^packages/[^/]+/dist/" },
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["source", "import", "default", "types"],
    },
  },
};
