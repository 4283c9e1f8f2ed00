import { globSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { defineConfig } from "hardhat/config";
import compiler from "./compiler.json" with { type: "json" };

/** The long tier: DEEP=1 runs many more fuzz cases. */
const deep = process.env.DEEP === "1";

/** The compiler from npm: nothing is downloaded. Hardhat wants the path absolute. */
const path = fileURLToPath(new URL("../node_modules/solc/soljson.js", import.meta.url));
const root = fileURLToPath(new URL("..", import.meta.url));

/**
 * Tests deploy the shipped artefacts, so how they are compiled themselves matters to nobody: nearly without optimizer,
 * which is many times faster. The libraries' own tests are compiled as the contracts are, unless coverage is measured.
 */
const quick = {
  ...compiler.settings,
  optimizer: { enabled: true, runs: 0, details: { yul: true, yulDetails: { optimizerSteps: "u:" } } },
};
/** npm run coverage: what is reached, not how well. */
const probing = process.env.LUYA_COVERAGE === "1";
const settings = probing ? quick : compiler.settings;
const tests = globSync("contracts/test/**/*.sol", { cwd: root }).filter((name) => !name.endsWith("Libraries.t.sol"));

export default defineConfig({
  solidity: {
    compilers: [{ version: compiler.version, path, settings }],
    overrides: Object.fromEntries(tests.map((name) => [name, { version: compiler.version, path, settings: quick }])),
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
      blockGasLimit: false,
      transactionGasCap: false,
      gasLimit: 1_000_000_000n,
      fsPermissions: { readDirectory: ["chain_node/artefacts", "hardhat_config", "node_modules/.cache/luya/coverage"] },
      fuzz: {
        seed: "0x4c757961",
        runs: probing ? 32 : deep ? 10_000 : 256,
        failurePersistDir: "node_modules/.cache/luya/fuzz",
      },
      invariant: {
        runs: probing ? 4 : deep ? 128 : 16,
        depth: deep ? 96 : 32,
        failOnRevert: true,
        failurePersistDir: "node_modules/.cache/luya/invariant",
      },
    },
  },
});
