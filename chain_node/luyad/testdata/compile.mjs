// Compiles contracts.sol into contracts.json: node chain_node/luyad/testdata/compile.mjs (from the repository's root).
import { createRequire } from "node:module";
import { readFileSync, writeFileSync } from "node:fs";

const solc = createRequire(process.cwd() + "/package.json")("solc");
const here = new URL(".", import.meta.url);
const input = {
  language: "Solidity",
  sources: { "contracts.sol": { content: readFileSync(new URL("contracts.sol", here), "utf8") } },
  settings: {
    evmVersion: "cancun",
    optimizer: { enabled: true, runs: 200 },
    metadata: { appendCBOR: false, bytecodeHash: "none" },
    outputSelection: { "*": { "*": ["abi", "evm.bytecode.object"] } },
  },
};
const output = JSON.parse(solc.compile(JSON.stringify(input)));
const errors = (output.errors ?? []).filter((e) => e.severity === "error");
if (errors.length) throw new Error(errors.map((e) => e.formattedMessage).join("\n"));
const contracts = Object.fromEntries(
  Object.entries(output.contracts["contracts.sol"]).map(([name, c]) => [name, { abi: c.abi, init: c.evm.bytecode.object }]),
);
writeFileSync(new URL("contracts.json", here), JSON.stringify(contracts, null, 1) + "\n");
