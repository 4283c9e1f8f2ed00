/**
 * Runs the gas tests. `--write` writes what they measure to hardhat_config/gas-snapshot.json, which they are compared
 * with otherwise; then a table is printed. The contracts measured are the exported artefacts.
 */
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..");
const WRITE = process.argv.includes("--write");

const run = spawnSync(
  process.execPath,
  [
    join(ROOT, "node_modules", "hardhat", "dist", "src", "cli.js"),
    "--config",
    "hardhat_config/hardhat.config.ts",
    "test",
    "solidity",
    "contracts/test/Gas.t.sol",
    "contracts/test/GasOrders.t.sol",
  ],
  { cwd: ROOT, encoding: "utf8", env: { ...process.env, LUYA_GAS_WRITE: String(WRITE) } },
);
const measured = (kind) =>
  Object.fromEntries(
    [...run.stdout.matchAll(new RegExp(`^${kind}/(.+) (\\d+)$`, "gm"))]
      .map(([, name, gas]) => [name, Number(gas)])
      .sort(([a], [b]) => a.localeCompare(b, "en", { numeric: true })),
  );
const gas = measured("gas");
const flat = measured("flat");
const acts = measured("act");
if (run.status !== 0) {
  console.error(run.stdout + run.stderr);
  process.exit(1);
}
if (WRITE) {
  const snapshot = {
    what: "gas of a record in a batch of 200, the whole transaction divided by 200 (npm run gas -- --write)",
    gas_per_record: gas,
    words_in_use_by_log_size: flat,
    gas_per_act: acts,
  };
  writeFileSync(join(ROOT, "hardhat_config", "gas-snapshot.json"), JSON.stringify(snapshot, null, 2) + "\n");
}
for (const [name, value] of Object.entries(gas)) console.log(`${String(value).padStart(7)}  ${name}`);
for (const [name, value] of Object.entries(acts)) console.log(`${String(value).padStart(7)}  ${name}`);
for (const [size, value] of Object.entries(flat)) console.log(`${String(value).padStart(7)}  log of ${size} entries`);
