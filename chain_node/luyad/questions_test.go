package main

import (
	"context"
	"encoding/json"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common/hexutil"
	ethtypes "github.com/ethereum/go-ethereum/core/types"
	"github.com/stretchr/testify/require"

	abcicli "github.com/cometbft/cometbft/abci/client"
	abci "github.com/cometbft/cometbft/abci/types"

	evmtypes "github.com/cosmos/evm/x/vm/types"
)

// slowApp answers a question when it is let, and says who is inside.
type slowApp struct {
	abci.BaseApplication
	entered chan string
	leave   chan []byte
	asked   atomic.Pointer[abci.RequestQuery]
}

func (a *slowApp) Query(_ context.Context, req *abci.RequestQuery) (*abci.ResponseQuery, error) {
	a.asked.Store(req)
	a.entered <- req.Path
	return &abci.ResponseQuery{Value: <-a.leave}, nil
}

func slowQuestions(t *testing.T) (*slowApp, *questions, abcicli.Client, abcicli.Client) {
	t.Helper()
	app := &slowApp{entered: make(chan string, 16), leave: make(chan []byte, 16)}
	q := newQuestions(app)
	asking, err := q.NewABCIClient()
	require.NoError(t, err)
	consensus, err := q.NewABCIClient()
	require.NoError(t, err)
	return app, q, asking, consensus
}

func ask(client abcicli.Client, path string, data []byte) chan error {
	done := make(chan error, 1)
	go func() {
		_, err := client.Query(context.Background(), &abci.RequestQuery{Path: path, Data: data})
		done <- err
	}()
	return done
}

func finalize(client abcicli.Client) chan error {
	done := make(chan error, 1)
	go func() {
		_, err := client.FinalizeBlock(context.Background(), &abci.RequestFinalizeBlock{})
		done <- err
	}()
	return done
}

func TestABlockDoesNotWaitForAQuestionOfTheEVM(t *testing.T) {
	app, _, asking, consensus := slowQuestions(t)
	trace := ask(asking, queryService+"TraceTx", nil)
	require.Equal(t, queryService+"TraceTx", <-app.entered)
	select {
	case err := <-finalize(consensus):
		require.NoError(t, err)
	case <-time.After(10 * time.Second):
		t.Fatal("a block waits for a trace")
	}
	call := ask(asking, queryService+"EthCall", nil)
	require.Equal(t, queryService+"EthCall", <-app.entered, "other questions go on as well")
	app.leave <- nil
	app.leave <- nil
	require.NoError(t, <-trace)
	require.NoError(t, <-call)

	// What is not the EVM's query service keeps the lock, as upstream has it.
	store := ask(asking, "/store/evm/key", nil)
	require.Equal(t, "/store/evm/key", <-app.entered)
	block := finalize(consensus)
	select {
	case <-block:
		t.Fatal("a block was made beside a question that holds the lock")
	case <-time.After(100 * time.Millisecond):
	}
	app.leave <- nil
	require.NoError(t, <-store)
	require.NoError(t, <-block)
}

func TestOneTraceAtATime(t *testing.T) {
	app, q, asking, _ := slowQuestions(t)
	q.wait = 50 * time.Millisecond
	first := ask(asking, queryService+"TraceTx", nil)
	<-app.entered
	require.ErrorIs(t, <-ask(asking, queryService+"TraceBlock", nil), errBusy)
	app.leave <- nil
	require.NoError(t, <-first)
	next := ask(asking, queryService+"TraceCall", nil)
	require.Equal(t, queryService+"TraceCall", <-app.entered)
	app.leave <- nil
	require.NoError(t, <-next)
	require.ErrorContains(t, <-ask(asking, queryService+"TraceSomethingNew", nil), "no trace that this node knows")
}

func TestTracesAreBounded(t *testing.T) {
	app, _, asking, _ := slowQuestions(t)
	sent := func(config *evmtypes.TraceConfig, answer []byte) (*evmtypes.TraceConfig, error) {
		data, err := (&evmtypes.QueryTraceTxRequest{TraceConfig: config}).Marshal()
		require.NoError(t, err)
		app.leave <- answer
		err = <-ask(asking, queryService+"TraceTx", data)
		<-app.entered
		var got evmtypes.QueryTraceTxRequest
		require.NoError(t, got.Unmarshal(app.asked.Load().Data))
		return got.TraceConfig, err
	}
	got, err := sent(nil, nil)
	require.NoError(t, err)
	require.Equal(t, int32(maxTrace), got.Limit)
	got, err = sent(&evmtypes.TraceConfig{Timeout: "90s", Limit: 1000}, nil)
	require.NoError(t, err)
	require.Equal(t, int32(1000), got.Limit)
	require.Equal(t, maxTraceTime.String(), got.Timeout)
	got, err = sent(&evmtypes.TraceConfig{Timeout: "2s", Tracer: "callTracer"}, make([]byte, maxTrace+1))
	require.NoError(t, err, "a tracer of calls is not cut off")
	require.Equal(t, "2s", got.Timeout)
	require.Zero(t, got.Limit)
	_, err = sent(&evmtypes.TraceConfig{}, make([]byte, maxTrace+1))
	require.ErrorContains(t, err, "name a tracer")

	// A block's transactions share the bound; one of them that was cut off spoils the answer.
	ofBlock := func(longest int) error {
		data, err := (&evmtypes.QueryTraceBlockRequest{Txs: make([]*evmtypes.MsgEthereumTx, 0)}).Marshal()
		require.NoError(t, err)
		results, err := json.Marshal([]map[string]any{{"result": "0x"}, {"result": strings.Repeat("0", longest)}})
		require.NoError(t, err)
		answer, err := (&evmtypes.QueryTraceBlockResponse{Data: results}).Marshal()
		require.NoError(t, err)
		app.leave <- answer
		err = <-ask(asking, queryService+"TraceBlock", data)
		<-app.entered
		return err
	}
	require.NoError(t, ofBlock(maxTrace-2))
	require.ErrorContains(t, ofBlock(maxTrace), "name a tracer")
	cut, err := isCut("TraceBlock", []byte("junk"), 1)
	require.Error(t, err)
	require.False(t, cut)
}

// A node makes blocks while questions of all kinds run. Then its state is thrown away and made again from the blocks
// alone, with nobody asking: CometBFT holds each block's hash of the state against it.
func TestBlocksMadeUnderQuestionsReplayToTheSameState(t *testing.T) {
	n := newNode(t)
	n.start()
	to := factoryAddress
	data := pack(t, "Factory", "digest", []byte("leaf"))
	var hash string
	first := raw(t, &ethtypes.LegacyTx{GasPrice: new(big.Int), Gas: 200_000, To: &to, Data: data}, 2)
	// A pool that has seen no block yet knows no gas limit.
	n.until("a pool", func() bool { return n.ask("eth_sendRawTransaction", &hash, first) == nil })
	var receipt struct{ BlockNumber hexutil.Uint64 }
	n.until("receipt", func() bool {
		return n.ask("eth_getTransactionReceipt", &receipt, hash) == nil && receipt.BlockNumber > 0
	})
	call := map[string]any{"to": to, "data": hexutil.Encode(data)}
	traced := hash
	var stop atomic.Bool
	var answered [4]atomic.Int64
	var group sync.WaitGroup
	for i, question := range []func() error{
		func() error {
			var v any
			return n.ask("debug_traceTransaction", &v, traced, map[string]any{"timeout": "90s"})
		},
		func() error { var v any; return n.ask("eth_call", &v, call, "latest") },
		func() error { var v any; return n.ask("eth_getBalance", &v, to, "latest") },
		func() error {
			var v any
			return n.ask("eth_getLogs", &v, map[string]any{"fromBlock": "0x1", "toBlock": "latest"})
		},
	} {
		group.Go(func() {
			for !stop.Load() {
				if question() == nil {
					answered[i].Add(1)
				}
			}
		})
	}
	from := n.height()
	for nonce := uint64(1); nonce <= 5; nonce++ {
		require.NoError(t, n.ask("eth_sendRawTransaction", &hash,
			raw(t, &ethtypes.LegacyTx{Nonce: nonce, GasPrice: new(big.Int), Gas: 200_000, To: &to, Data: data}, 2)))
		n.until("receipt", func() bool {
			return n.ask("eth_getTransactionReceipt", &receipt, hash) == nil && receipt.BlockNumber > 0
		})
	}
	n.until("more blocks", func() bool { return n.height() > from+10 })
	stop.Store(true)
	group.Wait()
	for i := range answered {
		require.Positive(t, answered[i].Load(), "question %d was answered", i)
	}
	before := n.height()
	n.stop()

	require.NoError(t, os.RemoveAll(filepath.Join(n.home, "data", "application.db")))
	n.start()
	n.until("the same chain, going on", func() bool { return n.height() > before })
	var again struct{ BlockNumber hexutil.Uint64 }
	require.NoError(t, n.ask("eth_getTransactionReceipt", &again, hash))
	require.Equal(t, receipt.BlockNumber, again.BlockNumber)
	n.stop()
}
