// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

/// @title The ledger: attested records in, credits, points and an append-only RFC 6962 log out
/// @notice Amounts are integers: credits in milligrams of CO2 equivalent, points in thousandths (millipoints). Days are
/// whole days since 1970-01-01 at UTC+8. All integers in entries and packed arguments are big-endian. The bytes of
/// entries and records are normative in the project's protocol document.
interface ILuyaLedger {
    // ------------------------------------------------------------------------------------------------------ events

    /// @notice A batch was recorded: entries `firstIndex` … in the order of `records`, one per record.
    /// @param feed the feed whose quorum signed
    /// @param firstSequence sequence of the first record
    /// @param firstIndex log index of the first record's entry
    /// @param time block time in seconds, in every entry of the batch
    /// @param root RFC 6962 root at the batch's end
    /// @param records the records, 64 bytes each
    /// @param nullifiers 32 bytes for each record whose method asks for one, in record order
    /// @param configDigest SHA-256 of the feed's settings as its signers ran them
    /// @param signatures the quorum's, 65 bytes each, as they were checked
    event BatchRecorded(
        uint16 indexed feed,
        uint64 indexed firstSequence,
        uint64 indexed firstIndex,
        uint64 time,
        bytes32 root,
        bytes records,
        bytes nullifiers,
        bytes32 configDigest,
        bytes signatures
    );

    /// @notice One record of a batch was refused: its entry is a refusal, it minted nothing.
    /// @param feed the feed
    /// @param index log index of the refusal
    /// @param sequence the refused record's sequence
    /// @param rule number of the rule that refused it
    event RecordRefused(uint16 indexed feed, uint64 indexed index, uint64 sequence, uint16 rule);

    /// @notice An entry that is not part of a batch was appended (imported entries included).
    /// @param index log index
    /// @param entry the entry's bytes
    event EntryAppended(uint64 indexed index, bytes entry);

    /// @notice A call that appended entries outside a batch has ended.
    /// @param size the log's size
    /// @param root the log's root at that size
    event LogExtended(uint64 indexed size, bytes32 root);

    /// @notice A part of what was just minted met the account's debt and was burned.
    /// @param account the account
    /// @param vintage calendar year of the burned amounts
    /// @param credits milligrams burned
    /// @param millipoints millipoints burned
    event DebtSettled(address indexed account, uint16 vintage, uint64 credits, uint64 millipoints);

    /// @notice A module now owns an entry type.
    /// @param entryType the type
    /// @param module the owning contract
    event ModuleSet(uint8 indexed entryType, address indexed module);

    /// @notice The import phase has ended for ever.
    /// @param size the log's size at the seal
    /// @param root the log's root at the seal
    event LedgerSealed(uint64 indexed size, bytes32 root);

    // ------------------------------------------------------------------------------------------------------ errors

    /// @notice The call is possible only after the seal.
    error LuyaLedgerNotSealed();
    /// @notice The call is possible only in the import phase.
    error LuyaLedgerAlreadySealed();
    /// @notice Size or root differ from those of the seal asked for.
    error LuyaLedgerSealMismatch(uint64 size, bytes32 root);
    /// @notice An imported entry is newer than this block: what came next would be older than what is there.
    error LuyaLedgerTimeAhead(uint64 newest);
    /// @notice This chain has no SHA-256 precompile: the log could not be kept.
    error LuyaLedgerNoSha256();
    /// @notice Recording is paused until that time (unix seconds).
    error LuyaLedgerPaused(uint64 until);
    /// @notice A pause must end in the future and within seven days.
    error LuyaLedgerPauseOutOfBounds(uint64 until);
    /// @notice The packed argument is empty or not a whole number of items.
    error LuyaLedgerBadLength(uint256 length);
    /// @notice The feed is unknown or disabled, or its organisation is.
    error LuyaLedgerFeedNotActive(uint16 feed);
    /// @notice The batch does not continue its feed's sequence.
    error LuyaLedgerWrongSequence(uint16 feed, uint64 expected, uint64 given);
    /// @notice The record at this position can never be right, so the whole batch is refused.
    /// @param position 0-based position of the record (the number of records: nullifiers are left over)
    /// @param rule number of the rule
    error LuyaLedgerImpossibleRecord(uint256 position, uint16 rule);
    /// @notice Fewer signatures than the feed's threshold.
    error LuyaLedgerQuorumMissing(uint256 given, uint256 threshold);
    /// @notice The signature at this position is malformed, not of this feed's signers, or out of order.
    error LuyaLedgerBadSignature(uint256 position, address recovered);
    /// @notice The account at this position is zero, or registered already.
    error LuyaLedgerAccountNotNew(uint256 position, address account);
    /// @notice The identity nullifier at this position is zero, or in use.
    error LuyaLedgerIdentityNotNew(uint256 position, bytes32 identity);
    /// @notice The epoch at this position is neither 0 nor a vintage year.
    error LuyaLedgerBadEpoch(uint256 position, uint16 epoch);
    /// @notice The account cannot go from its state to the one asked for.
    error LuyaLedgerBadAccountState(address account, uint8 current, uint8 asked);
    /// @notice The account is in this district already.
    error LuyaLedgerSameDistrict(address account, uint16 district);
    /// @notice No root is kept at that size, or the proof does not lead to it.
    error LuyaLedgerProofInvalid(uint64 index, uint64 size);
    /// @notice The entry is not a reduction, so it cannot be revoked.
    error LuyaLedgerNotAReduction(uint64 index);
    /// @notice The entry was revoked before.
    error LuyaLedgerAlreadyRevoked(uint64 index);
    /// @notice An imported revocation burns other amounts than its entry says.
    error LuyaLedgerRevocationMismatch(uint64 index);
    /// @notice The entry's type belongs to nobody, or not to this caller or call.
    error LuyaLedgerWrongType(uint8 entryType);
    /// @notice The entry's header is cut short or carries another time than the block's.
    error LuyaLedgerBadHeader();
    /// @notice The law, and the module of a type that may bring in what was not there, are chosen once.
    error LuyaLedgerModuleFixed(uint8 entryType);
    /// @notice The first type is above the last.
    error LuyaLedgerBadRange(uint8 firstType, uint8 lastType);
    /// @notice There is no contract at the address.
    error LuyaLedgerNoCode(address module);
    /// @notice The log went on, was paused or sealed while a module applied the entry that was to have this index.
    error LuyaLedgerLogMoved(uint64 index);
    /// @notice Entries of this type may not make this move, whatever their module says.
    error LuyaLedgerMoveNotAllowed(uint8 entryType, uint8 move);
    /// @notice A posting's word has no unit, amount or vintage that there is, or a receiver that is no address.
    error LuyaLedgerBadPosting(uint256 posting);
    /// @notice A posting takes more than there is.
    /// @param bucket number of the bucket, see `Buckets`
    /// @param vintage the vintage, 0 for debts
    error LuyaLedgerTooLittle(uint8 bucket, uint16 vintage);
    /// @notice The entry names a method that no entry before it has set.
    error LuyaLedgerUnknownMethod(uint16 method);
    /// @notice A log's key is not zero: nobody could sign a checkpoint.
    error LuyaLedgerNoLogKey();
    /// @notice A vintage's total would pass its bound: 3 × 2^62 of reductions, 2^60 of any other source.
    error LuyaLedgerTotalOverflow(uint16 vintage);
    /// @notice Credits and points are not freely transferable.
    error LuyaLedgerNotTransferable();
    /// @notice Two arrays that must be of one length are not.
    error LuyaLedgerLengthsDiffer(uint256 first, uint256 second);

    // --------------------------------------------------------------------------------------------------- recording

    /// @notice Records a batch that a quorum of the feed's signers attested. Anyone may send it.
    /// @param feed the feed
    /// @param firstSequence must be the feed's next sequence
    /// @param records n × 64 bytes
    /// @param nullifiers 32 bytes for each record whose method asks for one, in record order
    /// @param configDigest SHA-256 of the feed's settings as the signers ran them
    /// @param signatures k × 65 bytes (r, s, v) over the EIP-712 `Attestation`, signers strictly ascending, low s
    function record(
        uint16 feed,
        uint64 firstSequence,
        bytes calldata records,
        bytes calldata nullifiers,
        bytes32 configDigest,
        bytes calldata signatures
    ) external;

    // ---------------------------------------------------------------------------------------------- administration

    /// @notice Registers accounts, each with an identity of its own. Role: registrar.
    /// @param packed n × 56 bytes: account (20), identity nullifier (32), district u16, epoch u16 (0 = for life)
    function registerAccounts(bytes calldata packed) external;

    /// @notice Freezes (2) or thaws (1) an account. Role: auditor.
    /// @param account the account
    /// @param state 1 or 2
    function setAccountState(address account, uint8 state) external;

    /// @notice Closes an account for ever; its identity stays used. Role: registrar.
    /// @param account the account
    function closeAccount(address account) external;

    /// @notice A resident moved: what is recorded from now on counts for this district. Role: registrar.
    /// @param account an active or frozen account
    /// @param district another district than before
    function moveAccount(address account, uint16 district) external;

    /// @notice Revokes a reduction: burns what it minted (its vintage first, then newest to oldest) and books the rest
    /// as the account's debt. Role: auditor.
    /// @param index log index of the reduction
    /// @param size a log size with a kept root, above `index`
    /// @param entry the reduction's bytes
    /// @param proof RFC 6962 inclusion proof of `entry` at `index` in the tree of `size`
    /// @param reason the reason's number
    /// @param reasonHash SHA-256 of the reason's text
    /// @param release whether slots, caps and nullifier become free again
    function revoke(
        uint64 index,
        uint64 size,
        bytes calldata entry,
        bytes32[] calldata proof,
        uint16 reason,
        bytes32 reasonHash,
        bool release
    ) external;

    /// @notice Pauses recording. Role: guardian.
    /// @param until unix seconds, at most seven days ahead
    function pause(uint64 until) external;

    /// @notice Lifts a pause. Role: guardian.
    function unpause() external;

    /// @notice Announces the Ed25519 key that signs checkpoints. Role: governance.
    /// @param publicKey the raw public key, not zero
    function setLogKey(bytes32 publicKey) external;

    /// @notice Gives entry types to a module: 0x05–0x3F, 0x41–0x45, 0x48–0x4F, 0x51–0x5F. The law's (0x41–0x44) and
    /// those that may bring in what was not there (`Moves.SOURCES`) once, others also anew. After the seal each change
    /// is an entry (0x50) with the hash of the module's code; importing one changes nothing. Role: governance.
    /// @param firstType first type
    /// @param lastType last type, inclusive
    /// @param module the contract that may append them; it has code
    function setModule(uint8 firstType, uint8 lastType, address module) external;

    /// @notice Appends an entry that the caller, the module of its type, has checked. It is handed back to be applied
    /// (`ILuyaModule.applyEntry`), and what it moves is posted, before it is in the log.
    /// @param entry the entry's bytes, at most 65,535; its time must be the block's
    function append(bytes calldata entry) external;

    /// @notice The same, but the root at this size is not kept and `LogExtended` is left to `closeLog`: for a module
    /// that appends several entries in a transaction and closes the log at their end.
    /// @param entry the entry's bytes
    function appendOpen(bytes calldata entry) external;

    /// @notice Keeps the root at the log's size, where it is not kept yet. Anyone may call it.
    function closeLog() external;

    // ------------------------------------------------------------------------------------------------------ import

    /// @notice Applies archived entries without checks, in order; no revocations. Role: importer, before the seal.
    /// @param packed repeated (u16 length, entry)
    function importEntries(bytes calldata packed) external;

    /// @notice Applies an archived revocation. Role: importer; before the seal.
    /// @param entry the revocation's bytes
    /// @param size a log size with a kept root, above the revoked index
    /// @param target the revoked reduction's bytes
    /// @param proof RFC 6962 inclusion proof of `target` in the tree of `size`
    function importRevocation(
        bytes calldata entry,
        uint64 size,
        bytes calldata target,
        bytes32[] calldata proof
    ) external;

    /// @notice Ends the import phase, once, at exactly this size and root, in a block that is not older than any entry.
    /// Role: importer.
    /// @param size the log's size
    /// @param root the log's root
    function seal(uint64 size, bytes32 root) external;

    // ------------------------------------------------------------------------------------------------------- views

    /// @notice Entries in the log.
    function logSize() external view returns (uint64);

    /// @notice The log's root, kept or computed.
    function root() external view returns (bytes32);

    /// @notice The root at a size at which a call ended, else zero.
    /// @param size the log's size
    function rootAt(uint64 size) external view returns (bytes32);

    /// @notice The sequence that the feed's next record takes.
    /// @param feed the feed
    function nextSequence(uint16 feed) external view returns (uint64);

    /// @notice The log's origin line.
    function logOrigin() external view returns (string memory);

    /// @notice 32 random bytes of this deployment.
    function genesisNonce() external view returns (bytes32);

    /// @notice keccak256(origin ‖ genesis nonce), the salt of the EIP-712 domain.
    function domainSalt() external view returns (bytes32);

    /// @notice The Ed25519 key that signs checkpoints; zero before the first.
    function logKey() external view returns (bytes32);

    /// @notice Whether the import phase is over.
    function isSealed() external view returns (bool);

    /// @notice Until when recording is paused, unix seconds; in the past or zero: it is not.
    function pausedUntil() external view returns (uint64);

    /// @notice The module that owns an entry type.
    /// @param entryType the type
    function module(uint8 entryType) external view returns (address);

    /// @notice Raw storage words, for view contracts and auditors; the layout is in `LedgerSlots`.
    /// @param slots storage positions
    function extsload(bytes32[] calldata slots) external view returns (bytes32[] memory);
}
