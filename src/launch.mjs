#!/usr/bin/env node
/**
 * The npm scripts: start, test, build, bench, ok, proof. Runs on plain Node ≥ 20 with nothing installed yet, on a PATH of node
 * and npm only: it installs what package.json names, finds the runtimes inside node_modules, and runs them by path.
 */
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import {
  accessSync,
  constants,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { availableParallelism, constants as osConstants, tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const WINDOWS = process.platform === "win32";
const BERTH = join(ROOT, "dist", WINDOWS ? "berth.exe" : "berth");
const SOURCES = ["src", "workers", "package.json", "tsconfig.json"];

/** Prints why and ends. */
function stop(text, code = 1) {
  process.stderr.write(`${text}\n`);
  process.exit(code);
}

/** Runs a command in the repository to its end; returns its exit status. What npm adds to the environment stays. */
function run(command, args, options = {}) {
  const { status, signal, error } = spawnSync(command, args, { cwd: ROOT, stdio: "inherit", ...options });
  if (error !== undefined) stop(`Cannot run ${command}: ${error.message}`);
  return status ?? 128 + (osConstants.signals[signal] ?? 0);
}

/** The same while others run. What it says is shown at once, or when it has ended, so that it does not mingle with what another one says. */
async function runBeside(command, args, atOnce) {
  const child = spawn(command, args, { cwd: ROOT, stdio: atOnce ? "inherit" : ["ignore", "pipe", "pipe"] });
  const said = [];
  for (const stream of [child.stdout, child.stderr]) stream?.on("data", (bytes) => said.push(bytes));
  const [status, signal] = await once(child, "close").catch((error) => stop(`Cannot run ${command}: ${error.message}`));
  process.stderr.write(Buffer.concat(said));
  return status ?? 128 + (osConstants.signals[signal] ?? 0);
}

/** npm, by the path it gave us itself when it runs us, so that a bare PATH is enough. Its output goes to standard error. */
function npm(args) {
  const script = process.env.npm_execpath;
  const own = script !== undefined && /npm-cli\.c?js$/.test(script);
  return run(own ? process.execPath : WINDOWS ? "npm.cmd" : "npm", own ? [script, ...args] : args, {
    stdio: ["ignore", 2, 2],
    shell: !own && WINDOWS,
  });
}

function install() {
  // npm writes this file last: without it an installation was cut short.
  if (existsSync(join(ROOT, "node_modules", ".package-lock.json"))) return;
  process.stderr.write("Installing what package-lock.json names…\n");
  const quiet = ["--no-audit", "--no-fund", "--loglevel=error"];
  if (npm(["ci", ...quiet]) !== 0 && npm(["install", ...quiet]) !== 0) stop("Cannot install. Run: npm install");
}

/** npm leaves a small text in place of the program when it skipped a package's install script. */
function isProgram(path) {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).size > 1_000_000;
  } catch {
    return false;
  }
}

const has = (path) => existsSync(path) && readdirSync(path).length > 0;
const names = (path, pattern) => (has(path) ? readdirSync(path).filter((name) => pattern.test(name)).map((name) => join(path, name)) : []);

/** The C library this Node runs on decides which of several builds can run. */
const musl = !WINDOWS && process.platform === "linux" && process.report.getReport().header.glibcVersionRuntime === undefined;

function find(what, places, command) {
  const path = places.find(isProgram);
  return path ?? stop(`Cannot find the ${what} program in node_modules. Run: ${command}`);
}

/** Best build first: the one for this C library, then one that needs no special processor. */
const byFit = (a, b) => unfit(a) - unfit(b);
const unfit = (path) => (path.includes("musl") === musl ? 0 : 2) + (path.includes("baseline") ? 0 : 1);

function bun() {
  const packages = names(join(ROOT, "node_modules", "@oven"), new RegExp(`^bun-.*-(${process.arch === "arm64" ? "aarch64|arm64" : "x64"})`))
    .sort(byFit);
  const places = [join(ROOT, "node_modules", "bun", "bin", "bun.exe"), join(ROOT, "node_modules", "bun", "bin", "bun")];
  for (const each of packages) places.push(join(each, "bin", WINDOWS ? "bun.exe" : "bun"));
  return find("Bun", places, "node node_modules/bun/install.js");
}

function deno() {
  const packages = names(join(ROOT, "node_modules", "@deno"), new RegExp(`${process.arch}`)).sort(byFit);
  const places = [join(ROOT, "node_modules", "deno", "deno"), join(ROOT, "node_modules", "deno", "deno.exe")];
  for (const each of packages) places.push(join(each, "deno"), join(each, "deno.exe"));
  return find("Deno", places, "node node_modules/deno/install.cjs");
}

/** Deno without JSR (src/std_streams stands in for it) and without a cache outside of this folder. */
const denoHere = (args) =>
  run(deno(), args, { env: { ...process.env, DENO_DIR: join(ROOT, "node_modules", ".cache", "deno"), DENO_NO_UPDATE_CHECK: "1" } });
const DENO_CHECK = ["check", "--quiet", "--config", "deno.offline.json", "src", "workers", "test", "bench"];
/** The files stand in the configuration: what is not about Bun alone and no whole gateway. */
const DENO_TEST = ["test", "--allow-all", "--no-check", "--cached-only", "--quiet", "--parallel", "--config", "deno.test.json"];

/** A package's own script, run by this Node: node_modules/.bin needs a shell on some systems. */
const script = (path, args) => run(process.execPath, [join(ROOT, "node_modules", path), ...args]);

function newest(path) {
  const { mtimeMs } = statSync(path);
  if (!statSync(path).isDirectory()) return mtimeMs;
  return readdirSync(path).reduce((time, name) => Math.max(time, newest(join(path, name))), mtimeMs);
}

const PAGE = "src/http/dashboard/page.json";
const PAGE_SOURCES = [
  "src/http/dashboard/page",
  "src/client",
  "src/broker/cursor.ts",
  "src/codec",
  "src/base",
  "src/std_streams",
  "package-lock.json",
];

/** A file's place holds its hash, so that a browser may keep it for ever. */
function assetOf(name, type, text) {
  const hash = createHash("sha256").update(text).digest("base64url").slice(0, 12);
  const [base, ending] = name.split(".");
  return { path: `/dashboard/${base}-${hash}.${ending}`, type, hash, text };
}

/** The dashboard as one JSON module, which Bun and Deno import and the executable holds. Made when its sources are newer. */
function page() {
  const target = join(ROOT, PAGE);
  if (existsSync(target) && PAGE_SOURCES.every((path) => newest(join(ROOT, path)) <= statSync(target).mtimeMs)) return;
  const from = join(ROOT, "src", "http", "dashboard", "page");
  const made = mkdtempSync(join(tmpdir(), "berth-page-"));
  const entries = ["main.ts", "style.css"].map((name) => join(from, name));
  const status = run(bun(), ["build", ...entries, "--minify", "--target=browser", "--outdir", made], { stdio: ["ignore", "ignore", 2] });
  if (status !== 0) stop("Cannot build the dashboard: see above");
  const style = assetOf("style.css", "text/css; charset=utf-8", readFileSync(join(made, "style.css"), "utf8"));
  const script = assetOf("main.js", "text/javascript; charset=utf-8", readFileSync(join(made, "main.js"), "utf8"));
  const icon = assetOf("icon.svg", "image/svg+xml", readFileSync(join(from, "icon.svg"), "utf8"));
  rmSync(made, { recursive: true, force: true });
  const html = readFileSync(join(from, "index.html"), "utf8");
  const { hash } = assetOf("page.html", "", [html, style.hash, script.hash, icon.hash].join());
  // Renamed into place: another process may be reading it.
  const fresh = `${target}.${process.pid}`;
  writeFileSync(fresh, `${JSON.stringify({ hash, html, style, script, icon })}\n`);
  renameSync(fresh, target);
}

const CLIENT = join(ROOT, "dist", "client");
const CLIENT_SOURCES = ["src/client", "src/codec", "src/base", "src/launch.mjs", "package.json", "package-lock.json", "tsconfig.json"];

const filesIn = (path) =>
  readdirSync(path, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? filesIn(join(path, entry.name)) : [join(path, entry.name)]
  );

/** The client library as a package of its own, `berth` with `./client` alone: plain JavaScript and its types, without dependencies. */
function client() {
  const there = join(CLIENT, "package.json");
  if (existsSync(there) && CLIENT_SOURCES.every((path) => newest(join(ROOT, path)) <= statSync(there).mtimeMs)) return;
  mkdirSync(join(ROOT, "dist"), { recursive: true });
  const made = mkdtempSync(join(ROOT, "dist", ".client-"));
  const bundle = ["build", "src/client/main.ts", "--target=browser", "--format=esm", "--outfile", join(made, "index.js")];
  if (run(bun(), bundle, { stdio: ["ignore", "ignore", 2] }) !== 0) stop("Cannot bundle the client: see above");
  if (script("typescript/bin/tsc", ["-p", "src/client", "--outDir", join(made, "types")]) !== 0) stop("Cannot type the client: see above");
  for (const path of filesIn(join(made, "types"))) {
    writeFileSync(path, readFileSync(path, "utf8").replaceAll(/(from "\.[^"]+)\.ts"/g, '$1.js"'));
  }
  const { name, version, description, license, engines, exports } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
  // As from the folder above, where the same is exported.
  const here = JSON.parse(JSON.stringify(exports).replaceAll("./dist/client/", "./"));
  const manifest = { name, version, description, license, type: "module", engines, sideEffects: false, exports: here };
  copyFileSync(join(ROOT, "src", "client", "README.md"), join(made, "README.md"));
  copyFileSync(join(ROOT, "LICENSE"), join(made, "LICENSE"));
  writeFileSync(join(made, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
  rmSync(CLIENT, { recursive: true, force: true });
  renameSync(made, CLIENT);
}

const stale = () => !existsSync(BERTH) || SOURCES.some((path) => newest(join(ROOT, path)) > statSync(BERTH).mtimeMs);

/** Every thread's file is an entrypoint of its own inside the executable. */
function build() {
  page();
  const { version } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
  const workers = readdirSync(join(ROOT, "workers")).filter((name) => name.endsWith(".ts")).map((name) => `workers/${name}`);
  mkdirSync(dirname(BERTH), { recursive: true });
  const made = mkdtempSync(join(ROOT, "dist", ".build-"));
  const target = join(made, "berth");
  // `--bytecode` without `--format=esm` leaves a dead executable; the last two keep it from reading a folder's .env.
  const status = run(bun(), [
    "build",
    "--compile",
    "--minify",
    "--sourcemap",
    "--bytecode",
    "--format=esm",
    "src/main.ts",
    ...workers.sort(),
    "--define",
    `BERTH_VERSION=${JSON.stringify(version)}`,
    "--outfile",
    target,
    "--no-compile-autoload-dotenv",
    "--no-compile-autoload-bunfig",
  ], { stdio: ["ignore", 2, 2] });
  const built = readdirSync(made).find((name) => name === "berth" || name === "berth.exe");
  if (status === 0 && built !== undefined) renameSync(join(made, built), BERTH);
  rmSync(made, { recursive: true, force: true });
  if (status !== 0 || built === undefined) stop("Cannot build dist/berth: see above");
}

/** Runs the gateway in the caller's folder and hands signals on; ends as it ends. */
function serve(args) {
  const child = spawn(BERTH, ["serve", ...args], { stdio: "inherit" });
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"]) process.on(signal, () => void child.kill(signal));
  child.on("error", (error) => stop(`Cannot run ${BERTH}: ${error.message}`));
  child.on("exit", (code, signal) => process.exit(code ?? 128 + (osConstants.signals[signal] ?? 0)));
}

/** The tests in groups: unit and the like first, so that a plain mistake shows before the long ones begin. */
const TEST_GROUPS = [["test/tidy.test.ts", "test/unit", "test/golden"], ["test/contract", "test/prop", "test/fuzz", "test/sim"]];

/** Tests of whole gateways wait more than they work: with so many cores they run in two halves side by side. */
const HALVES_FROM_CORES = 4;

/** Ends a test that hangs; the long ones name their own. */
const TEST_TIMEOUT = "--timeout=60000";

async function test(args) {
  page();
  client();
  if (stale()) build();
  if (args.length > 0) return run(bun(), ["test", TEST_TIMEOUT, ...args]);
  for (const group of TEST_GROUPS) {
    const there = group.filter((path) => existsSync(join(ROOT, path)));
    const status = there.length === 0 ? 0 : run(bun(), ["test", TEST_TIMEOUT, ...there.map((path) => `./${path}`)]);
    if (status !== 0) return status;
  }
  const files = names(join(ROOT, "test", "e2e"), /\.test\.ts$/).sort();
  const halves = availableParallelism() < HALVES_FROM_CORES ? [files] : [0, 1].map((half) => files.filter((_, i) => i % 2 === half));
  const statuses = await Promise.all(halves.map((half, i) => runBeside(bun(), ["test", TEST_TIMEOUT, ...half], i === 0)));
  return statuses.find((status) => status !== 0) ?? 0;
}

const bench = (args) => run(bun(), ["run", join(ROOT, "bench", "main.ts"), ...args]);

/** What `ok` shows with few rounds, with all of them; takes an hour or so. */
function proof(args) {
  if (stale()) build();
  return run(bun(), ["run", join(ROOT, "bench", "load", "proof.ts"), ...args]);
}

/** Measured shortly, and shown beside the baseline. Only a benchmark that cannot run fails. */
function benchShortly() {
  const report = join(ROOT, "dist", "bench.json");
  mkdirSync(dirname(report), { recursive: true });
  return bench(["--short", "--json", report]) || run(bun(), ["run", join(ROOT, "bench", "compare.ts"), report]);
}

/** The executable alone, from a folder that has nothing of ours. */
function selftest() {
  const elsewhere = mkdtempSync(join(tmpdir(), "berth-selftest-"));
  const status = run(BERTH, ["selftest"], { cwd: elsewhere });
  rmSync(elsewhere, { recursive: true, force: true });
  return status;
}

/** Everything CI runs, cheapest first; stops at the first that fails. `--no-tests`: CI runs `npm test` beside it. */
async function ok(args) {
  page();
  const steps = [
    ["types", () => script("typescript/bin/tsc", ["-p", "."])],
    ["types of the dashboard", () => script("typescript/bin/tsc", ["-p", "src/http/dashboard/page"])],
    ["types on Deno", () => denoHere(DENO_CHECK)],
    ["lint", () => script("oxlint/bin/oxlint", [])],
    ["format", () => run(deno(), ["fmt", "--check"])],
    ["unused", () => script("knip/bin/knip.js", [])],
    ["build", () => (build(), client(), 0)],
    ["selftest", selftest],
    ["tests", () => test([])],
    ["tests on Deno", () => denoHere(DENO_TEST)],
    [
      "selftest on Deno",
      () => denoHere(["run", "--allow-all", "--cached-only", "--config", "deno.offline.json", "src/main.ts", "selftest"]),
    ],
    ["benchmarks", benchShortly],
  ];
  for (const [name, step] of steps.filter(([name]) => name !== "tests" || !args.includes("--no-tests"))) {
    process.stderr.write(`\n== ${name}\n`);
    const status = await step();
    if (status !== 0) stop(`\nnot ok: ${name}`, status);
  }
  process.stderr.write("\nok\n");
  return 0;
}

const [verb, ...args] = process.argv.slice(2);
const verbs = {
  start() {
    page();
    if (stale()) build();
    serve(args);
  },
  test: async () => process.exit(await test(args)),
  build: () => (build(), client()),
  client: () => client(),
  page: () => page(),
  bench: () => process.exit(bench(args)),
  proof: () => process.exit(proof(args)),
  ok: async () => process.exit(await ok(args)),
};
if (!Object.hasOwn(verbs, verb ?? "")) stop(`Usage: node src/launch.mjs ${Object.keys(verbs).join("|")} [arguments]`, 2);
// `page` is what npm runs when it has installed.
if (verb !== "page") install();
await verbs[verb]();
