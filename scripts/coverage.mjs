/**
 * Coverage of contracts/ by the Solidity tests: lines and statements, each branch's own statements among them.
 *
 * The tests deploy what the package ships, which nobody can look into. So the contracts are compiled once more, here,
 * with Hardhat's own probes in them, and the tests are told to deploy these (LUYA_ARTEFACTS). Assembly carries no probes.
 * `--check` fails below 98 %; names of test files run these alone; `--again` takes the contracts with probes of the last
 * time. Gas is another with probes, so its tests are left out.
 */
import { spawnSync } from "node:child_process";
import { globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const require = createRequire(import.meta.url);
const solc = require("solc");
const { addStatementCoverageInstrumentation } = require("@nomicfoundation/edr");
const { getCoverageLibrary } = require("@nomicfoundation/edr/coverage");

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..");
const SHIPPED = join(ROOT, "chain_node", "artefacts");
const OUT = join(ROOT, "node_modules", ".cache", "luya", "coverage");
const MARK = 98;
const { version } = JSON.parse(readFileSync(join(ROOT, "hardhat_config", "compiler.json"), "utf8"));
const LEFT_OUT = ["contracts/test/Gas.t.sol"];

if (!process.argv.includes("--again")) compileWithProbes();

const named = process.argv.slice(2).filter((word) => word.endsWith(".t.sol"));
const all = globSync("contracts/test/*.t.sol", { cwd: ROOT }).filter((path) => !LEFT_OUT.includes(path));
const tests = named.length > 0 ? named : all;
const run = spawnSync(
  process.execPath,
  [
    join(ROOT, "node_modules", "hardhat", "dist", "src", "cli.js"),
    "--config",
    "hardhat_config/hardhat.config.ts",
    "--coverage",
    "test",
    "solidity",
    ...tests,
  ],
  {
    cwd: ROOT,
    encoding: "utf8",
    maxBuffer: 1 << 28,
    env: { ...process.env, LUYA_ARTEFACTS: "node_modules/.cache/luya/coverage", LUYA_COVERAGE: "1" },
  },
);
if (run.status !== 0) console.error(run.stdout + run.stderr);

const hits = new Set();
for (const path of globSync("coverage/data/**/*.json", { cwd: ROOT })) {
  for (const tag of Object.keys(JSON.parse(readFileSync(join(ROOT, path), "utf8")))) hits.add(tag);
}
const sums = { statements: [0, 0], lines: [0, 0] };
for (const [name, { content }] of Object.entries(standardInput().sources)) {
  if (!name.startsWith("contracts/")) continue;
  const lines = new Map();
  for (const { kind, tag, startUtf16 } of withProbes(name, content).metadata) {
    if (kind !== "statement") continue;
    const hit = hits.has(Buffer.from(tag).toString("hex"));
    const line = content.slice(0, startUtf16).split("\n").length;
    sums.statements[0] += Number(hit);
    sums.statements[1] += 1;
    lines.set(line, (lines.get(line) ?? true) && hit);
  }
  // A line is reached where all that begins on it is: `if (x) return y;` has two statements.
  const open = [...lines].filter(([, hit]) => !hit).map(([line]) => line);
  sums.lines[0] += lines.size - open.length;
  sums.lines[1] += lines.size;
  if (open.length > 0)
    console.log(`${name}: ${lines.size - open.length}/${lines.size}, not reached: ${open.join(", ")}`);
}
const percent = ([hit, all]) => (100 * hit) / all;
for (const [kind, sum] of Object.entries(sums)) console.log(`${kind}: ${sum.join("/")}, ${percent(sum).toFixed(2)} %`);
if (run.status !== 0) process.exitCode = 1;
if (process.argv.includes("--check") && Object.values(sums).some((sum) => percent(sum) < MARK)) process.exitCode = 1;

/** Writes artefacts with probes; `--again` takes those of the last time. */
function compileWithProbes() {
  const input = standardInput();
  const library = getCoverageLibrary();
  for (const [name, source] of Object.entries(input.sources)) {
    if (name.startsWith("contracts/")) source.content = withProbes(name, source.content).source;
  }
  input.sources[library.filename] = { content: library.content };
  // As the tests are compiled: whoever looks for what is reached needs no optimizer.
  input.settings.optimizer = { enabled: true, runs: 0, details: { yul: true, yulDetails: { optimizerSteps: "u:" } } };
  input.settings.outputSelection = { "*": { "*": ["evm.bytecode.object"] } };
  const output = JSON.parse(solc.compile(JSON.stringify(input)));
  const errors = (output.errors ?? []).filter(({ severity }) => severity === "error");
  for (const { formattedMessage } of errors) console.error(formattedMessage);
  if (errors.length > 0) process.exit(1);

  rmSync(OUT, { recursive: true, force: true });
  mkdirSync(OUT, { recursive: true });
  console.log(`compiled with probes in ${Math.round(process.uptime())} s`);
  for (const path of globSync("*.json", { cwd: SHIPPED })) {
    const artefact = JSON.parse(readFileSync(join(SHIPPED, path), "utf8"));
    if (artefact.bytecode === undefined) continue;
    const { evm } = output.contracts[artefact.sourceName][artefact.contractName];
    writeFileSync(join(OUT, path), JSON.stringify({ bytecode: "0x" + evm.bytecode.object }));
  }
}

/** Sources and settings of what the package ships. */
function standardInput() {
  return JSON.parse(readFileSync(join(SHIPPED, "standard-input.json"), "utf8"));
}

/** Hardhat's name of the file counts: a probe's number is made of it, and libraries that tests use have Hardhat's own. */
function withProbes(name, content) {
  return addStatementCoverageInstrumentation(content, `project/${name}`, version);
}
