package main

import (
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/ethereum/go-ethereum/common"

	abci "github.com/cometbft/cometbft/abci/types"
	cmtlog "github.com/cometbft/cometbft/libs/log"
	"github.com/cometbft/cometbft/p2p"
)

const (
	// staleAfter is the age of the last block after which the list of peers may be out of date; blocks are made with
	// pauses of the operator's choice, and CometBFT's time is that of the block before: three pauses are on top.
	staleAfter = 30 * time.Second
	// sweepEvery is how often connected peers are held against the list.
	sweepEvery = 5 * time.Second
	// redialRounds is after how many sweeps missing configured peers are dialled.
	redialRounds = 12

	codePeerRefused = uint32(1)
)

// peerList decides who may connect: the node ids that the Validators contract lists. A node that is behind (new,
// just restarted, or on a chain that stands still) holds an old list, or none; until it has caught up it also
// accepts the peers that its operator configured, or it could never learn of a list that changed meanwhile.
type peerList struct {
	listed     func(id [20]byte) (bool, error) // from the latest state; an error when there is none yet
	inGenesis  map[[20]byte]bool
	configured map[[20]byte]bool
	blockTime  func() time.Time // of the last block executed by this process; zero when none was
	pause      time.Duration    // between blocks, as this node is configured
	now        func() time.Time
}

// parseNodeID reads a CometBFT node id: 40 hex digits.
func parseNodeID(text string) (id [20]byte, err error) {
	raw, err := hex.DecodeString(text)
	if err != nil || len(raw) != len(id) {
		return id, fmt.Errorf("%q is not a node id: 40 hex digits expected", text)
	}
	copy(id[:], raw)
	return id, nil
}

// splitPeers parts "id@host:port,…".
func splitPeers(persistent string) (peers []string) {
	for _, peer := range strings.Split(persistent, ",") {
		if peer = strings.TrimSpace(peer); peer != "" {
			peers = append(peers, peer)
		}
	}
	return peers
}

// peerIDs collects the ids of "id@host:port" addresses.
func peerIDs(peers []string) map[[20]byte]bool {
	out := map[[20]byte]bool{}
	for _, peer := range peers {
		text, _, _ := strings.Cut(peer, "@")
		if id, err := parseNodeID(text); err == nil {
			out[id] = true
		}
	}
	return out
}

// readNodes reads the listed nodes, id to organisation.
func readNodes(read slotReader) (map[[20]byte]uint32, error) {
	n := arrayLength(read, slotNodes, maxNodes)
	if n > maxNodes {
		return nil, fmt.Errorf("more than %d listed nodes", maxNodes)
	}
	nodes := make(map[[20]byte]uint32, n)
	for i := range n {
		w := read(element(slotNodes, i, wordsPerNode, 0))
		nodes[[20]byte(w[12:])] = uint32(bits(w, nodeOrganBit, nodeOrganBits))
	}
	return nodes, nil
}

// nodeListed looks a node up in the Validators contract's index of listed nodes.
func nodeListed(read slotReader, id [20]byte) bool {
	return read(entry(bytes20Key(id), slotNodePlace)) != (common.Hash{})
}

func (l *peerList) allowed(id [20]byte) bool {
	listed, err := l.listed(id)
	switch {
	case listed:
		return true
	case err != nil:
		return l.inGenesis[id] || l.configured[id]
	case l.now().Sub(l.blockTime()) > staleAfter+3*l.pause:
		return l.configured[id]
	default:
		return false
	}
}

// filterPeer answers CometBFT's question about a node that wants to connect.
func (a *App) filterPeer(text string) *abci.ResponseQuery {
	id, err := parseNodeID(text)
	if err == nil && a.peers.allowed(id) {
		return &abci.ResponseQuery{}
	}
	a.metrics.peersRefused.Inc()
	return &abci.ResponseQuery{Code: codePeerRefused,
		Log: fmt.Sprintf("node %s is not listed in the Validators contract at %s", text, addressValidators)}
}

// sweepPeers closes connections of nodes that have been taken off the list and, now and then, dials configured
// peers that are missing: CometBFT gives a peer up after a day of failures and never dials one again that it
// dropped. It ends when done is closed.
func (a *App) sweepPeers(sw p2p.Switcher, configured []string, logger cmtlog.Logger, done <-chan struct{}) {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for round := 1; ; round++ {
		select {
		case <-done:
			return
		case <-tick.C:
			a.dropUnlisted(sw, logger)
			if round%redialRounds == 0 {
				a.redial(sw, configured, logger)
			}
		}
	}
}

func (a *App) dropUnlisted(sw p2p.Switcher, logger cmtlog.Logger) {
	for _, peer := range sw.Peers().Copy() {
		id, err := parseNodeID(string(peer.ID()))
		if err == nil && a.peers.allowed(id) {
			continue
		}
		a.metrics.peersDropped.Inc()
		logger.Error("closing the connection of a node that is not listed", "peer", peer.ID())
		sw.StopPeerGracefully(peer)
	}
}

func (a *App) redial(sw p2p.Switcher, configured []string, logger cmtlog.Logger) {
	var missing []string
	for _, peer := range configured {
		text, _, _ := strings.Cut(peer, "@")
		id, err := parseNodeID(text)
		if err == nil && !sw.Peers().Has(p2p.ID(text)) && a.peers.allowed(id) {
			missing = append(missing, peer)
		}
	}
	if len(missing) == 0 {
		return
	}
	if err := sw.DialPeersAsync(missing); err != nil {
		logger.Error("dialling configured peers", "err", err)
	}
}
