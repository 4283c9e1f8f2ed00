/**
 * Compiles what `luya bench contracts` compares with, by the contracts' own compiler and settings, and writes
 * luya/bench/peers/NullifiedCredits.json. `--check` writes nothing and fails where the file differs.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const require = createRequire(import.meta.url);
const solc = require("solc");

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..");
const FOLDER = join(ROOT, "luya", "bench", "peers");
const NAME = "NullifiedCredits";

const { settings } = JSON.parse(readFileSync(join(ROOT, "hardhat_config", "compiler.json"), "utf8"));
const input = {
  language: "Solidity",
  sources: { [`${NAME}.sol`]: { content: readFileSync(join(FOLDER, `${NAME}.sol`), "utf8") } },
  settings: { ...settings, outputSelection: { "*": { [NAME]: ["abi", "evm.bytecode.object"] } } },
};
const imported = (path) => ({ contents: readFileSync(join(ROOT, "node_modules", path), "utf8") });
const output = JSON.parse(solc.compile(JSON.stringify(input), { import: imported }));
for (const { formattedMessage } of output.errors ?? []) console.error(formattedMessage);
if ((output.errors ?? []).length > 0) process.exit(1);

const { version } = JSON.parse(readFileSync(join(ROOT, "node_modules/@openzeppelin/contracts/package.json"), "utf8"));
const { abi, evm } = output.contracts[`${NAME}.sol`][NAME];
const made = { compiler: solc.version(), openzeppelin: version, abi, bytecode: "0x" + evm.bytecode.object };
const text = JSON.stringify(made, null, 1) + "\n";
const path = join(FOLDER, `${NAME}.json`);
if (!process.argv.includes("--check")) writeFileSync(path, text);
else if (readFileSync(path, "utf8") !== text) {
  console.error(`${NAME}.json is not what its source compiles to: run node scripts/bench_peer.mjs`);
  process.exitCode = 1;
}
