// What an auditor's viem client does through the gateway, over HTTP and WebSocket; prints what it saw as JSON.
//   node gateway.mjs HTTP_URL WS_URL TOKEN LEDGER ACCOUNT YEAR
import { createPublicClient, http, parseAbi, webSocket } from "viem";

const [url, wsUrl, token, ledger, account, year] = process.argv.slice(2);
const abi = parseAbi([
  "function balanceOf(address account, uint256 id) view returns (uint256)",
  "function logSize() view returns (uint64)",
  "event BatchRecorded(uint16 indexed feed, uint64 indexed firstSequence, uint64 indexed firstIndex, uint64 time, bytes32 root, bytes records, bytes nullifiers, bytes32 configDigest, bytes signatures)",
]);
const headers = { Authorization: `Bearer ${token}` };
const auditor = createPublicClient({ transport: http(url, { fetchOptions: { headers } }) });
const anybody = createPublicClient({ transport: http(url) });
const balance = { address: ledger, abi, functionName: "balanceOf", args: [account, 10000n + BigInt(year)] };

const refusal = async (work) => {
  try {
    await work();
    return null;
  } catch (error) {
    const inner = error.walk((one) => typeof one.code === "number");
    return { name: inner?.name ?? error.name, code: inner?.code ?? null };
  }
};
const seen = {
  chain: await auditor.getChainId(),
  balance: (await auditor.readContract(balance)).toString(),
  batches: (await auditor.getContractEvents({ address: ledger, abi, eventName: "BatchRecorded", fromBlock: 0n })).length,
  size: Number(await anybody.readContract({ address: ledger, abi, functionName: "logSize" })),
  public_block: (await anybody.getBlock()).hash.length,
  public_balance: await refusal(() => anybody.readContract(balance)),
  public_logs: await refusal(() => anybody.getLogs({ fromBlock: 0n })),
  unknown: await refusal(() => anybody.request({ method: "eth_nothing" })),
};
const filter = await auditor.createEventFilter({ address: ledger });
seen.filter = (await auditor.getFilterChanges({ filter })).length;
await auditor.uninstallFilter({ filter });

// viem's WebSocket cannot set headers: the token is the path
const transport = webSocket(`${wsUrl}/t/${token}`, { reconnect: false });
const live = createPublicClient({ transport });
seen.ws_chain = await live.getChainId();
seen.heads = await new Promise((resolve, reject) => {
  const found = [];
  const stop = live.watchBlocks({
    onBlock: (block) => {
      found.push([Number(block.number), block.hash]);
      if (found.length === 3) {
        stop();
        resolve(found);
      }
    },
    onError: reject,
  });
});
seen.heads_true = true;
for (const [number, hash] of seen.heads) {
  const block = await auditor.getBlock({ blockNumber: BigInt(number) });
  seen.heads_true &&= block.hash === hash;
}
console.log(JSON.stringify(seen));
(await live.transport.getRpcClient()).close();
