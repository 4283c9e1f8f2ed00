package main

// Where the genesis contracts lie and how luyad finds their words in storage.
// Written down by hand from contracts/governance; the Solidity test Storage.t.sol and the Python test
// test_network_layout.py hold these numbers against the compiler's storageLayout.
//
// Constructors and wiring calls of the genesis run with block.timestamp = genesis_time (seconds): OpenZeppelin's
// AccessManager takes a grant made at time 0 for none.

// Addresses, 20 bytes.
const (
	addressAuthority   = "0x0000000000000000000000000000004c75796100" // AccessManager, its only admin is the Council
	addressValidators  = "0x0000000000000000000000000000004c75796101"
	addressCouncil     = "0x0000000000000000000000000000004c75796102"
	addressPermissions = "0x0000000000000000000000000000004c75796103"
)

// Validators. Element i of an array at slot p with w words an element starts at keccak256(word(p)) + w*i.
const (
	slotValidators     = 1 // dynamic array of two words: its length stands here
	wordsPerValidator  = 2 // word 0: the ed25519 key, 32 bytes; word 1: power and organisation
	validatorPowerBit  = 0 // word 1, uint64 at bits 0-63
	validatorOrganBit  = 64
	validatorOrganBits = 32
	slotNodes          = 2 // dynamic array of one word: the listed peers
	wordsPerNode       = 1 // the node id, 20 bytes, is bits 0-159; the organisation is the uint32 at bits 160-191
	nodeOrganBit       = 160
	nodeOrganBits      = 32
	slotValidatorPlace = 3 // mapping(bytes32 key => place, from 1; 0 = not there): keccak256(key ++ word(3))
	slotNodePlace      = 4 // mapping(bytes20 id => place, from 1): keccak256(id ++ 12 zero bytes ++ word(4))
	slotSetSummary     = 5 // uint64 block of the last set change (bits 0-63), uint64 total power (bits 64-127)
	maxValidators      = 100
	maxNodes           = 1280
	maxValidatorPower  = 1_000
	maxTotalPower      = maxValidators * maxValidatorPower
)

// Permissions.
const (
	slotFlags     = 1      // mapping(address => uint256 flags): keccak256(12 zero bytes ++ address ++ word(1))
	flagSend      = 1 << 0 // may send transactions
	flagDeploy    = 1 << 1 // may create contracts; whoever has it has flagSend, too
	slotDeployers = 2      // dynamic array of one word: the address is bits 0-159 (slot 3 is its index)
	slotAccounts  = 4      // dynamic array of one word: every address with a flag (slot 5 is its index)
	slotOpen      = 6      // bits 0-7: not 0 = everybody may send (to create still needs flagDeploy)
	maxDeployers  = 64
)

// Council. A member may send to the Council whatever Permissions says, so that no vote can lock the voters out.
const (
	slotMembers       = 0  // dynamic array of one word: the member's address is bits 0-159
	slotMember        = 1  // mapping(address => member): word 0 at keccak256(12 zero bytes ++ address ++ word(1))
	memberOrganBits   = 32 // word 0, uint32 at bits 0-31: the organisation; 0 = not a member
	maxCouncilMembers = 64
)
