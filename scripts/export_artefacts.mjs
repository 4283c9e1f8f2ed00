/**
 * Compiles the contracts with the npm compiler and writes what the package ships:
 * chain_node/artefacts/<Contract>.json and standard-input.json (what an auditor compiles again).
 *
 * Deterministic: sorted keys, no paths of this machine. `--out DIR` writes elsewhere (used by the test that compares);
 * `--check` writes nothing and fails where a file differs.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, posix } from "node:path";
import { fileURLToPath } from "node:url";

const require = createRequire(import.meta.url);
const solc = require("solc");
const { keccak256 } = require("ethereum-cryptography/keccak.js");

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..");
const SIZE_LIMIT = 24_576;
const CONTRACTS = {
  LuyaLedger: "contracts/LuyaLedger.sol",
  LuyaLaw: "contracts/LuyaLaw.sol",
  LuyaViews: "contracts/LuyaViews.sol",
  LuyaControllers: "contracts/modules/LuyaControllers.sol",
  LuyaAgents: "contracts/modules/LuyaAgents.sol",
  LuyaProjects: "contracts/modules/LuyaProjects.sol",
  LuyaRewards: "contracts/modules/LuyaRewards.sol",
  LuyaRetirement: "contracts/modules/LuyaRetirement.sol",
  AccessManager: "@openzeppelin/contracts/access/manager/AccessManager.sol",
  Administration: "contracts/governance/Administration.sol",
  Council: "contracts/governance/Council.sol",
  Validators: "contracts/governance/Validators.sol",
  Permissions: "contracts/governance/Permissions.sol",
};
for (const file of readdirSync(join(ROOT, "contracts", "modules")).sort()) {
  const name = posix.basename(file, ".sol");
  if (name.startsWith("Luya")) CONTRACTS[name] = `contracts/modules/${file}`;
}

const CHECK = process.argv.includes("--check");
const outFlag = process.argv.indexOf("--out");
const OUT = outFlag > 0 ? process.argv[outFlag + 1] : join(ROOT, "chain_node", "artefacts");

/** Reads a source by its compiler name; packages come from node_modules. */
function read(name) {
  return readFileSync(join(ROOT, name.startsWith("@") ? "node_modules" : "", name), "utf8");
}

/** All sources that the contracts need, by compiler name. */
function collect(names) {
  const sources = {};
  const todo = [...names];
  while (todo.length > 0) {
    const name = todo.pop();
    if (sources[name] !== undefined) continue;
    const content = read(name);
    sources[name] = { content };
    for (const [, path] of content.matchAll(/^\s*(?:import|\}\s*from)[^;"]*"([^"]+)";/gm)) {
      todo.push(path.startsWith(".") ? posix.join(posix.dirname(name), path) : path);
    }
  }
  return Object.fromEntries(Object.entries(sources).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function sorted(value) {
  if (Array.isArray(value)) return value.map(sorted);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(
    Object.keys(value)
      .sort()
      .map((key) => [key, sorted(value[key])]),
  );
}

function write(name, value) {
  const text = JSON.stringify(value, null, 1) + "\n";
  if (!CHECK) writeFileSync(join(OUT, name), text);
  else if (readFileSync(join(OUT, name), "utf8") !== text) {
    console.error(`${name} is not what the sources compile to: run npm run export`);
    process.exitCode = 1;
  }
}

const { version, settings } = JSON.parse(readFileSync(join(ROOT, "hardhat_config", "compiler.json"), "utf8"));
if (!solc.version().startsWith(version + "+")) throw new Error(`solc ${solc.version()}, wanted ${version}: run npm ci`);
const input = {
  language: "Solidity",
  sources: collect(Object.values(CONTRACTS)),
  settings: {
    ...settings,
    outputSelection: { "*": { "*": ["abi", "evm.bytecode.object", "evm.deployedBytecode", "storageLayout"] } },
  },
};
const output = JSON.parse(solc.compile(JSON.stringify(input)));
const complaints = output.errors ?? [];
for (const { formattedMessage } of complaints) console.error(formattedMessage);
if (complaints.length > 0) process.exit(1);

if (!CHECK) mkdirSync(OUT, { recursive: true });
for (const [contractName, sourceName] of Object.entries(CONTRACTS)) {
  const contract = output.contracts[sourceName][contractName];
  const deployed = contract.evm.deployedBytecode;
  const size = deployed.object.length / 2;
  if (size > SIZE_LIMIT) throw new Error(`${contractName}: ${size} bytes, limit ${SIZE_LIMIT}`);
  write(`${contractName}.json`, {
    contractName,
    sourceName,
    compiler: solc.version(),
    abi: contract.abi,
    bytecode: "0x" + contract.evm.bytecode.object,
    deployedBytecode: "0x" + deployed.object,
    // Where the constructor writes its immutables: zero here, so compare code with these bytes masked.
    immutableReferences: Object.values(sorted(deployed.immutableReferences)).flat(),
    codeHash: "0x" + Buffer.from(keccak256(Buffer.from(deployed.object, "hex"))).toString("hex"),
    storage: contract.storageLayout.storage.map(({ label, slot, offset, type }) => ({
      label,
      slot,
      offset,
      type: type.replace(/\)\d+/g, ")"),
    })),
  });
  console.log(`${contractName}: ${size} bytes`);
}
write("standard-input.json", input);
