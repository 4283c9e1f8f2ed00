// solc's command line, as far as py-solc-x uses it: `--version`, and `--standard-json` from standard input.
// The npm package's own reads its input in a way that fails on pipes, and prints a prompt first.
const solc = require("solc");

if (process.argv.includes("--version")) {
  process.stdout.write(`solc, the solidity compiler (npm)\nVersion: ${solc.version()}\n`);
} else {
  const parts = [];
  process.stdin.on("data", (part) => parts.push(part));
  process.stdin.on("end", () => process.stdout.write(solc.compile(Buffer.concat(parts).toString("utf8"))));
}
