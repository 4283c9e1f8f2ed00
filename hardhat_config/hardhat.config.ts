import { fileURLToPath } from "node:url";
import { defineConfig } from "hardhat/config";
import compiler from "./compiler.json" with { type: "json" };

/** The long tier: DEEP=1 runs ten times as many fuzz cases. */
const deep = process.env.DEEP === "1";

export default defineConfig({
  solidity: {
    version: compiler.version,
    // The compiler from npm: nothing is downloaded. Hardhat wants the path absolute.
    path: fileURLToPath(new URL("../node_modules/solc/soljson.js", import.meta.url)),
    settings: compiler.settings,
  },
  paths: {
    // Counted from the folder of package.json, the repository's root.
    sources: "contracts",
    tests: { solidity: "contracts/test" },
    cache: "node_modules/.cache/luya/hardhat",
    artifacts: "node_modules/.cache/luya/artifacts",
  },
  test: {
    solidity: {
      blockGasLimit: 1_000_000_000n,
      transactionGasCap: false,
      gasLimit: 1_000_000_000n,
      isolate: true,
      fsPermissions: { readFile: ["hardhat_config/gas-snapshot.json"] },
      fuzz: { seed: "0x4c757961", runs: deep ? 10_000 : 256, failurePersistDir: "node_modules/.cache/luya/fuzz" },
      invariant: {
        runs: deep ? 256 : 16,
        depth: deep ? 128 : 32,
        failOnRevert: true,
        failurePersistDir: "node_modules/.cache/luya/invariant",
      },
    },
  },
});
