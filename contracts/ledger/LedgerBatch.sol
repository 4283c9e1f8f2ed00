// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {IERC5267} from "@openzeppelin/contracts/interfaces/IERC5267.sol";
import {ILuyaLaw} from "../interfaces/ILuyaLaw.sol";
import {ILuyaLedger} from "../interfaces/ILuyaLedger.sol";
import {Calendar} from "../libraries/Calendar.sol";
import {EntryReader} from "../libraries/EntryReader.sol";
import {EntryLayout} from "../libraries/EntryLayout.sol";
import {EntryTypes} from "../libraries/EntryTypes.sol";
import {KeccakTree} from "../libraries/KeccakTree.sol";
import {Method, Methods} from "../libraries/Methods.sol";
import {RecordHead} from "../libraries/RecordHead.sol";
import {Rfc6962} from "../libraries/Rfc6962.sol";
import {Rules} from "../libraries/Rules.sol";
import {Signatures} from "../libraries/Signatures.sol";
import {FeedWord} from "../libraries/Words.sol";
import {LedgerBalances} from "./LedgerBalances.sol";

/// @title A batch before its records are taken: feed, methods, what can never be right, quorum
abstract contract LedgerBatch is LedgerBalances, IERC5267 {
    using EntryReader for bytes;

    bytes32 private constant _DOMAIN_TYPE = keccak256(
        "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract,bytes32 salt)"
    );
    bytes32 private constant _ATTESTATION_TYPE = keccak256(
        "Attestation(uint16 feed,uint64 firstSequence,uint32 count,bytes32 recordsRoot,bytes32 configDigest)"
    );
    string private constant _NAME = "LuyaLedger";
    string private constant _VERSION = "1";
    bytes32 private constant _NAME_HASH = keccak256(bytes(_NAME));
    bytes32 private constant _VERSION_HASH = keccak256(bytes(_VERSION));

    /// @dev Where the refusal lies behind `Batch.entry`, see `_openEntry`.
    uint256 internal constant REFUSAL_ROOM = 0xe0;

    bytes32 internal immutable _genesisNonce;
    bytes32 internal immutable _domainSalt;

    /// @notice All that a batch keeps in memory.
    /// @param law the module that owns feeds and methods
    /// @param terms the feed's entry
    /// @param methods list of the known methods
    /// @param sequence of the record at hand
    /// @param today the block's day
    /// @param minDay first day that may still earn
    /// @param creditsCap of the feed and day
    /// @param millipointsCap of the feed and day
    /// @param creditsUsed of the feed today
    /// @param millipointsUsed of the feed today
    /// @param header type 0x01 ‖ time ‖ feed, at the top of a word
    /// @param entry memory address of a reduction in the making, of whose header only the type changes
    /// @param word the feed's word as stored
    /// @param accepted whether a record was accepted
    struct Batch {
        ILuyaLaw law;
        bytes terms;
        Method methods;
        uint256 feed;
        uint256 sequence;
        uint256 today;
        uint256 minDay;
        uint256 creditsCap;
        uint256 millipointsCap;
        uint256 creditsUsed;
        uint256 millipointsUsed;
        uint256 header;
        uint256 entry;
        FeedWord word;
        bool accepted;
        Rfc6962.Edge edge;
        Totals totals;
    }

    /// @inheritdoc ILuyaLedger
    function genesisNonce() external view returns (bytes32) {
        return _genesisNonce;
    }

    /// @inheritdoc ILuyaLedger
    function domainSalt() external view returns (bytes32) {
        return _domainSalt;
    }

    /// @inheritdoc IERC5267
    function eip712Domain()
        external
        view
        returns (bytes1, string memory, string memory, uint256, address, bytes32, uint256[] memory)
    {
        return (hex"1f", _NAME, _VERSION, block.chainid, address(this), _domainSalt, new uint256[](0));
    }

    // ----------------------------------------------------------------------------------------------------- opening

    function _openBatch(uint16 feed, uint64 firstSequence) internal view returns (Batch memory batch) {
        batch.law = ILuyaLaw(_modules[EntryLayout.FEED]);
        bool active;
        (batch.terms, active) = batch.law.feedTerms(feed);
        if (!active) revert LuyaLedgerFeedNotActive(feed);
        batch.word = _feeds[feed];
        uint256 next = batch.word.nextSequence();
        if (next != firstSequence) revert LuyaLedgerWrongSequence(feed, uint64(next), firstSequence);
        batch.feed = feed;
        batch.sequence = firstSequence;
        _openBounds(batch);
        batch.header =
            (uint256(EntryLayout.REDUCTION) << EntryLayout.TYPE_SHIFT) |
            (block.timestamp << EntryLayout.TIME_SHIFT) |
            (uint256(feed) << EntryLayout.REDUCTION_FEED_SHIFT);
        batch.entry = _openEntry();
        batch.edge = _openLog();
        batch.totals = _openTotals();
    }

    /// @dev The feed's days and caps, and what it used of them today.
    function _openBounds(Batch memory batch) private view {
        bytes memory terms = batch.terms;
        uint256 today = Calendar.dayOf(block.timestamp);
        uint256 bounds = _signersEnd(terms);
        uint256 lateDays = terms.u16(bounds + EntryLayout.FEED_BOUNDS_LATE_DAYS_AT);
        batch.today = today;
        if (lateDays != EntryTypes.TRIAL_LATE_DAYS) {
            uint256 open = Calendar.firstOpenDay(today);
            batch.minDay = open + lateDays > today ? open : today - lateDays;
        }
        batch.creditsCap = terms.u64(bounds + EntryLayout.FEED_BOUNDS_CREDITS_CAP_AT);
        batch.millipointsCap = terms.u64(bounds + EntryLayout.FEED_BOUNDS_MILLIPOINTS_CAP_AT);
        if (batch.word.capDay() == today) {
            batch.creditsUsed = batch.word.credits();
            batch.millipointsUsed = batch.word.millipoints();
        }
    }

    /// @dev Room for the longest reduction and, REFUSAL_ROOM bytes behind its start, for a refusal; each behind a word
    /// whose last byte the leaf hash takes for its prefix. It also serves, before any entry is made, as the buffer of
    /// the records' tree (128 bytes).
    function _openEntry() private pure returns (uint256 entry) {
        assembly ("memory-safe") {
            // A word in front, 139 bytes rounded up to 0xc0 (writes that end behind the entry included), a word in
            // front of the refusal, and the refusal's one word.
            entry := add(mload(0x40), 0x20)
            mstore(0x40, add(entry, 0x100))
        }
    }

    /// @dev A method's terms, asked of the law once a batch.
    function _method(Batch memory batch, uint256 id) internal view returns (Method method) {
        for (method = batch.methods; !method.isNone(); method = method.next()) {
            if (method.id() == id) return method;
        }
        (bytes memory entry, uint64 creditsCap, uint64 millipointsCap) = batch.law.methodTerms(uint16(id));
        method = Methods.parse(entry, creditsCap, millipointsCap, _isAllowed(batch.terms, id), batch.methods);
        if (method.isNone()) return method;
        method.setTimely(batch.minDay, batch.today);
        batch.methods = method;
    }

    /// @dev Where the signers of a feed's entry end, and its bounds begin.
    function _signersEnd(bytes memory feedEntry) private pure returns (uint256) {
        return
            EntryLayout.FEED_SIGNERS_AT +
            EntryLayout.ADDRESS_BYTES * uint256(feedEntry.u8(EntryLayout.FEED_SIGNER_COUNT_AT));
    }

    /// @dev Whether the feed's entry lists the method.
    function _isAllowed(bytes memory feedEntry, uint256 id) private pure returns (bool) {
        uint256 at = _signersEnd(feedEntry) + EntryLayout.FEED_BOUNDS_METHODS_AT;
        for (; at + 1 < feedEntry.length; at += 2) {
            if (feedEntry.u16(at) == id) return true;
        }
        return false;
    }

    // ----------------------------------------------------------------------------------------- records and nullifiers

    /// @dev Refuses the batch when a record can never be right, whoever it is of; else the records' root.
    function _checkRecords(
        Batch memory batch,
        bytes calldata records,
        bytes calldata nullifiers
    ) internal view returns (bytes32) {
        uint256 count = records.length / EntryLayout.RECORD_BYTES;
        bytes32[] memory leaves = new bytes32[](count);
        uint256 buffer = batch.entry;
        (uint256 position, uint256 nullifier, uint256 end) = _positions(records, nullifiers);
        uint256 place;
        assembly ("memory-safe") {
            place := leaves
            mstore8(buffer, 0)
        }
        uint256 known = type(uint256).max;
        Method method;
        for (uint256 i = 0; i != count;) {
            RecordHead head = _head(position);
            if (head.method() != known) {
                known = head.method();
                method = _method(batch, known);
                if (method.isNone()) revert LuyaLedgerImpossibleRecord(i, uint16(Rules.MALFORMED));
            }
            if (!method.isPlainlyPossible(head)) _requirePossible(method, head, i);
            uint256 own = method.nullifierBytes();
            unchecked {
                // Calldata positions, and a place in the array of `count` leaves.
                place += 32;
                KeccakTree.writeLeaf(place, buffer, position, nullifier, own);
                nullifier += own;
                if (nullifier > end) revert LuyaLedgerImpossibleRecord(i, uint16(Rules.MALFORMED));
                position += EntryLayout.RECORD_BYTES;
                ++i;
            }
        }
        if (nullifier != end) revert LuyaLedgerImpossibleRecord(count, uint16(Rules.MALFORMED));
        return KeccakTree.root(leaves, buffer);
    }

    function _requirePossible(Method method, RecordHead head, uint256 position) private pure {
        uint256 rule = method.impossible(head);
        if (rule != Rules.NONE) revert LuyaLedgerImpossibleRecord(position, uint16(rule));
    }

    /// @dev Calldata positions of the first record and nullifier, and of the nullifiers' end.
    function _positions(
        bytes calldata records,
        bytes calldata nullifiers
    ) internal pure returns (uint256 position, uint256 nullifier, uint256 end) {
        if (nullifiers.length % 32 != 0) revert LuyaLedgerBadLength(nullifiers.length);
        assembly ("memory-safe") {
            position := records.offset
            nullifier := nullifiers.offset
            end := add(nullifier, nullifiers.length)
        }
    }

    function _head(uint256 position) internal pure returns (RecordHead head) {
        assembly ("memory-safe") {
            head := calldataload(position)
        }
    }

    // ------------------------------------------------------------------------------------------------------- quorum

    function _digest(
        uint16 feed,
        uint64 firstSequence,
        bytes32 recordsRoot,
        bytes32 configDigest,
        bytes calldata records
    ) internal view returns (bytes32) {
        bytes32 domain = keccak256(
            abi.encode(_DOMAIN_TYPE, _NAME_HASH, _VERSION_HASH, block.chainid, address(this), _domainSalt)
        );
        bytes32 message = keccak256(
            abi.encode(
                _ATTESTATION_TYPE,
                feed,
                firstSequence,
                uint32(records.length / EntryLayout.RECORD_BYTES),
                recordsRoot,
                configDigest
            )
        );
        return keccak256(abi.encodePacked(hex"1901", domain, message));
    }

    /// @dev At least threshold signatures, each of another signer of the feed: both lists ascend, so one walk does.
    function _checkQuorum(bytes memory terms, bytes32 digest, bytes calldata signatures) internal pure {
        uint256 count = signatures.length / Signatures.BYTES;
        if (signatures.length % Signatures.BYTES != 0) revert LuyaLedgerBadLength(signatures.length);
        uint256 threshold = terms.u8(EntryLayout.FEED_THRESHOLD_AT);
        if (count < threshold) revert LuyaLedgerQuorumMissing(count, threshold);
        uint256 next = EntryLayout.FEED_SIGNERS_AT;
        uint256 end = _signersEnd(terms);
        for (uint256 i = 0; i < count; ++i) {
            address signer = Signatures.recover(digest, signatures[i * Signatures.BYTES:(i + 1) * Signatures.BYTES]);
            while (next != end && terms.addr(next) != signer) next += EntryLayout.ADDRESS_BYTES;
            if (next == end) revert LuyaLedgerBadSignature(i, signer);
            next += EntryLayout.ADDRESS_BYTES;
        }
    }
}
