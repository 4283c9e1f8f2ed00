// Reads a balance and the recorded batches with viem alone, as another client of the chain would.
//   node read.mjs RPC_URL LEDGER ACCOUNT YEAR
import { createPublicClient, http, parseAbi } from "viem";

const [url, ledger, account, year] = process.argv.slice(2);
const abi = parseAbi([
  "function balanceOf(address account, uint256 id) view returns (uint256)",
  "event BatchRecorded(uint16 indexed feed, uint64 indexed firstSequence, uint64 indexed firstIndex, uint64 time, bytes32 root, bytes records, bytes nullifiers, bytes32 configDigest, bytes signatures)",
  "event TransferBatch(address indexed operator, address indexed from, address indexed to, uint256[] ids, uint256[] values)",
]);
const client = createPublicClient({ transport: http(url) });
const read = (id) => client.readContract({ address: ledger, abi, functionName: "balanceOf", args: [account, BigInt(id)] });
const [credits, points] = await Promise.all([read(10000 + Number(year)), read(20000 + Number(year))]);
const range = { address: ledger, abi, fromBlock: 0n, toBlock: await client.getBlockNumber() };
const batches = await client.getContractEvents({ ...range, eventName: "BatchRecorded" });
const transfers = await client.getContractEvents({ ...range, eventName: "TransferBatch", args: { to: account } });
console.log(
  JSON.stringify({
    credits_mg: credits.toString(),
    millipoints: points.toString(),
    batches: batches.length,
    records: batches.reduce((sum, one) => sum + (one.args.records.length - 2) / 128, 0),
    minted_mg: transfers.reduce((sum, one) => sum + one.args.values[0], 0n).toString(),
  }),
);
