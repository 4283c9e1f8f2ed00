package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"time"

	abcicli "github.com/cometbft/cometbft/abci/client"
	abci "github.com/cometbft/cometbft/abci/types"
	"github.com/cometbft/cometbft/proxy"

	evmtypes "github.com/cosmos/evm/x/vm/types"
)

const (
	// maxTrace bounds the steps that the default tracer keeps, in bytes of JSON; all of a block's transactions together.
	maxTrace = 32 << 20
	// maxTraceTime bounds what a caller may give as a trace's timeout; without one the library takes 5 s.
	maxTraceTime = 20 * time.Second
	// maxWait is how long a question waits for its turn.
	maxWait = 30 * time.Second

	queryService = "/cosmos.evm.vm.v1.Query/"
)

// errBusy answers who had no turn.
var errBusy = errors.New("the node is busy with other questions: ask again later, or ask another node")

// questions lets the EVM's questions (eth_call, traces, balances …) run beside the making of blocks. CometBFT's local
// client has one lock for both, so that one long question stops the chain. All that makes blocks keeps that lock, and
// so does every other kind of question; only what the EVM library's query service answers steps aside. It reads a
// version of the state that is committed and never changes, in a cache of its own, as it does on every chain of the
// Cosmos SDK that serves gRPC.
type questions struct {
	proxy.ClientCreator
	app    abci.Application
	traces chan struct{} // one turn: a trace keeps each step
	others chan struct{}
	wait   time.Duration
}

func newQuestions(app abci.Application) *questions {
	return &questions{ClientCreator: proxy.NewLocalClientCreator(app), app: app, wait: maxWait,
		traces: make(chan struct{}, 1), others: make(chan struct{}, max(2, runtime.GOMAXPROCS(0)))}
}

// NewABCIClient gives one of CometBFT's connections (consensus, mempool, snapshots, questions).
func (q *questions) NewABCIClient() (abcicli.Client, error) {
	client, err := q.ClientCreator.NewABCIClient()
	if err != nil {
		return nil, err
	}
	return &questionsClient{Client: client, questions: q}, nil
}

type questionsClient struct {
	abcicli.Client
	*questions
}

// Query answers a question, beside the blocks where it can.
func (c *questionsClient) Query(ctx context.Context, req *abci.RequestQuery) (*abci.ResponseQuery, error) {
	method, ok := strings.CutPrefix(req.Path, queryService)
	if !ok {
		return c.Client.Query(ctx, req)
	}
	isTrace := strings.HasPrefix(method, "Trace")
	turn := c.others
	if isTrace {
		turn = c.traces
	}
	timer := time.NewTimer(c.wait)
	defer timer.Stop()
	select {
	case turn <- struct{}{}:
		defer func() { <-turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-timer.C:
		return nil, errBusy
	}
	if isTrace {
		return c.trace(ctx, method, req)
	}
	return c.app.Query(ctx, req)
}

// trace answers a trace within bounds of time and size. The default tracer leaves out what goes beyond its limit and
// says nothing: such an answer is refused, for it would look whole.
func (c *questionsClient) trace(ctx context.Context, method string, req *abci.RequestQuery) (*abci.ResponseQuery, error) {
	bounded, limit, err := boundTrace(method, req.Data)
	if err != nil {
		return nil, err
	}
	asked := *req
	asked.Data = bounded
	res, err := c.app.Query(ctx, &asked)
	if err != nil || limit == 0 || res.Code != 0 {
		return res, err
	}
	if cut, err := isCut(method, res.Value, limit); err != nil {
		return nil, err
	} else if cut {
		return nil, fmt.Errorf("the trace of a transaction has more than %d bytes: name a tracer, such as callTracer", limit)
	}
	return res, nil
}

// isCut tells whether a transaction's steps reached the limit.
func isCut(method string, answer []byte, limit int) (bool, error) {
	if method != "TraceBlock" {
		return len(answer) > limit, nil
	}
	var block evmtypes.QueryTraceBlockResponse
	if err := block.Unmarshal(answer); err != nil {
		return false, err
	}
	var results []struct{ Result json.RawMessage }
	if err := json.Unmarshal(block.Data, &results); err != nil {
		return false, err
	}
	return slices.ContainsFunc(results, func(r struct{ Result json.RawMessage }) bool { return len(r.Result) > limit }), nil
}

// boundTrace gives the request with bounds, and the bytes of steps that are kept of a transaction; 0 with a tracer
// that was named, which keeps calls and not steps.
func boundTrace(method string, data []byte) (bounded []byte, limit int, err error) {
	type message interface {
		Unmarshal([]byte) error
		Marshal() ([]byte, error)
	}
	var (
		tx     evmtypes.QueryTraceTxRequest
		call   evmtypes.QueryTraceCallRequest
		block  evmtypes.QueryTraceBlockRequest
		asked  message
		config **evmtypes.TraceConfig
	)
	switch method {
	case "TraceTx":
		asked, config = &tx, &tx.TraceConfig
	case "TraceCall":
		asked, config = &call, &call.TraceConfig
	case "TraceBlock":
		asked, config = &block, &block.TraceConfig
	default:
		return nil, 0, fmt.Errorf("%s is no trace that this node knows", method)
	}
	if err := asked.Unmarshal(data); err != nil {
		return nil, 0, err
	}
	if *config == nil {
		*config = &evmtypes.TraceConfig{}
	}
	if given, err := time.ParseDuration((*config).Timeout); err == nil && given > maxTraceTime {
		(*config).Timeout = maxTraceTime.String()
	}
	if (*config).Tracer == "" {
		limit = maxTrace / max(1, len(block.Txs))
		if given := (*config).Limit; given == 0 || int(given) > limit {
			(*config).Limit = int32(limit) //nolint:gosec // at most maxTrace
		}
	}
	bounded, err = asked.Marshal()
	return bounded, limit, err
}
