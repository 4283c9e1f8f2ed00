/**
 * Compiles one contract after another for the mutation tests: reads lines `{root, source, contract}` of JSON, writes for each
 * a line `{bytecode}`, or `{error}` where it does not compile. One process, because the compiler takes seconds to load.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, posix } from "node:path";
import { fileURLToPath } from "node:url";
import { createInterface } from "node:readline";

const solc = createRequire(import.meta.url)("solc");
const HOME = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
const { settings } = JSON.parse(readFileSync(join(HOME, "hardhat_config", "compiler.json"), "utf8"));

function collect(root, name, sources = {}) {
  if (sources[name] !== undefined) return sources;
  const content = readFileSync(name.startsWith("@") ? join(HOME, "node_modules", name) : join(root, name), "utf8");
  sources[name] = { content };
  for (const [, path] of content.matchAll(/^\s*(?:import|\}\s*from)[^;"]*"([^"]+)";/gm)) {
    collect(root, path.startsWith(".") ? posix.join(posix.dirname(name), path) : path, sources);
  }
  return sources;
}

for await (const line of createInterface({ input: process.stdin })) {
  const { root, source, contract } = JSON.parse(line);
  const input = {
    language: "Solidity",
    sources: collect(root, source),
    settings: { ...settings, outputSelection: { [source]: { [contract]: ["evm.bytecode.object"] } } },
  };
  const output = JSON.parse(solc.compile(JSON.stringify(input)));
  const error = (output.errors ?? []).find(({ severity }) => severity === "error");
  const answer = error
    ? { error: error.formattedMessage }
    : { bytecode: "0x" + output.contracts[source][contract].evm.bytecode.object };
  process.stdout.write(JSON.stringify(answer) + "\n");
}
