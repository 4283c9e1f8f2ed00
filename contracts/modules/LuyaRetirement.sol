// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {ILuyaAgents} from "../interfaces/ILuyaAgents.sol";
import {ILuyaControllers} from "../interfaces/ILuyaControllers.sol";
import {ILuyaLaw} from "../interfaces/ILuyaLaw.sol";
import {ILuyaModule} from "../interfaces/ILuyaModule.sol";
import {ILuyaRetirement} from "../interfaces/ILuyaRetirement.sol";
import {AgentRoles} from "../libraries/AgentRoles.sol";
import {EntryLayout} from "../libraries/EntryLayout.sol";
import {EntryReader} from "../libraries/EntryReader.sol";
import {HeldParts} from "../libraries/HeldParts.sol";
import {LedgerReads} from "../libraries/LedgerReads.sol";
import {Moves} from "../libraries/Moves.sol";
import {Scopes} from "../libraries/Scopes.sol";
import {Signatures} from "../libraries/Signatures.sol";
import {AccountWords} from "../libraries/Words.sol";
import {Module} from "./Module.sol";

/// @title Credits retired for ever, for somebody and for a reason
/// @notice Who may, and the serials, are checked when the entry is applied: live and at import alike.
contract LuyaRetirement is ILuyaRetirement, Module {
    using EntryReader for bytes;

    bytes32 private constant _RETIREMENT_TYPE = keccak256(
        "Retirement(address account,uint8 beneficiaryKind,bytes32 beneficiary,bytes32 reason,bytes32 lines,"
        "uint64 nonce,uint64 deadline)"
    );
    uint8 private constant _ORGANISATION = 1;
    uint8 private constant _PERSON = 2;
    uint8 private constant _ACTIVE = 1;
    /// The entry has room for so many bytes, and zeros behind a shorter one.
    uint256 private constant _MOST_REASON = 200;
    /// A line as it is signed: vintage and amount.
    uint256 private constant _LINE_BYTES = HeldParts.PART_BYTES;
    /// Vintages' books do not tell methods apart: 0 stands for all of them.
    uint16 private constant _ANY_METHOD = 0;

    mapping(uint16 vintage => uint64) private _lastSerial;
    mapping(address account => mapping(address signer => uint64)) private _nonces;

    /// @param authority_ the AccessManager
    /// @param ledger_ the ledger whose module this becomes
    constructor(address authority_, address ledger_) Module(authority_, ledger_) {}

    /// @inheritdoc ILuyaRetirement
    function retire(RetirementAct calldata act, bytes calldata signature) external {
        if (block.timestamp > act.deadline) revert LuyaRetirementPastDeadline(act.deadline);
        _checkBeneficiary(act.beneficiaryKind, act.beneficiary);
        uint256 length = act.reason.length;
        if (length == 0 || length > _MOST_REASON) revert LuyaRetirementBadReason(length);
        address signer = _signerOf(act, signature);
        bytes memory front = abi.encodePacked(
            _header(EntryLayout.RETIREMENT),
            act.account,
            act.beneficiaryKind,
            act.beneficiary,
            uint8(length),
            act.reason,
            new bytes(_MOST_REASON - length)
        );
        bytes memory tail = abi.encodePacked(signer, act.nonce, act.deadline, signature);
        _append(bytes.concat(front, _numbered(act.lines), tail));
    }

    function _checkBeneficiary(uint8 kind, bytes32 beneficiary) private view {
        bool known = kind == _PERSON && beneficiary != 0;
        if (kind == _ORGANISATION && uint256(beneficiary) <= type(uint16).max) {
            ILuyaLaw law = ILuyaLaw(_ledger.module(EntryLayout.ORGANISATION));
            (, uint8 state) = law.organisation(uint16(uint256(beneficiary)));
            known = state == _ACTIVE;
        }
        if (!known) revert LuyaRetirementBadBeneficiary(kind, beneficiary);
    }

    function _signerOf(RetirementAct calldata act, bytes calldata signature) private view returns (address signer) {
        if (signature.length != Signatures.BYTES) revert LuyaRetirementBadSignature();
        bytes32 structHash = keccak256(
            abi.encode(
                _RETIREMENT_TYPE,
                act.account,
                act.beneficiaryKind,
                act.beneficiary,
                keccak256(act.reason),
                keccak256(act.lines),
                act.nonce,
                act.deadline
            )
        );
        signer = Signatures.recover(_digest(structHash), signature);
        if (signer == address(0)) revert LuyaRetirementBadSignature();
    }

    /// @dev The entry's parts: each line with the serials that are next.
    function _numbered(bytes memory lines) private view returns (bytes memory parts) {
        uint256 count = lines.length / _LINE_BYTES;
        if (count == 0 || count > HeldParts.MOST || lines.length != count * _LINE_BYTES) {
            revert LuyaRetirementBadLines(lines.length);
        }
        parts = abi.encodePacked(uint8(count));
        for (uint256 at = 0; at < lines.length; at += _LINE_BYTES) {
            uint16 vintage = lines.u16(at);
            uint64 first = _lastSerial[vintage] + 1;
            parts = abi.encodePacked(parts, vintage, _ANY_METHOD, first, lines.u64(at + 2));
        }
    }

    // ------------------------------------------------------------------------------------------------------- entries

    /// @inheritdoc ILuyaModule
    function applyEntry(uint64 index, bytes calldata entry_) external onlyLedger returns (uint256[] memory postings) {
        bytes memory entry = entry_;
        if (entry.u8(EntryLayout.TYPE_AT) != EntryLayout.RETIREMENT) {
            revert LuyaModuleWrongType(entry.u8(EntryLayout.TYPE_AT));
        }
        uint256 count = entry.u8(EntryLayout.RETIREMENT_PARTS_COUNT_AT);
        uint256 tail = EntryLayout.RETIREMENT_PARTS_AT + count * EntryLayout.SERIAL_PART_BYTES;
        if (count == 0 || count > HeldParts.MOST || entry.length != tail + EntryLayout.RETIREMENT_TAIL_BYTES) {
            revert LuyaModuleBadLength(entry.length);
        }
        address account = entry.addr(EntryLayout.RETIREMENT_ACCOUNT_AT);
        _use(
            account,
            entry.addr(tail + EntryLayout.RETIREMENT_TAIL_SIGNER_AT),
            entry.u64(tail + EntryLayout.RETIREMENT_TAIL_NONCE_AT),
            entry.u64(EntryLayout.TIME_AT)
        );
        uint256 total;
        (postings, total) = _retire(entry, account, count);
        emit CreditsRetired(
            index,
            account,
            entry.u8(EntryLayout.RETIREMENT_BENEFICIARY_KIND_AT),
            bytes32(entry.word(EntryLayout.RETIREMENT_BENEFICIARY_AT)),
            total
        );
    }

    function _retire(
        bytes memory entry,
        address account,
        uint256 count
    ) private returns (uint256[] memory postings, uint256 total) {
        postings = new uint256[](count);
        uint256 before = 0;
        for (uint256 i = 0; i < count; ++i) {
            uint256 at = EntryLayout.RETIREMENT_PARTS_AT + i * EntryLayout.SERIAL_PART_BYTES;
            uint16 vintage = entry.u16(at + EntryLayout.SERIAL_PART_VINTAGE_AT);
            uint64 amount = entry.u64(at + EntryLayout.SERIAL_PART_AMOUNT_AT);
            bool good = entry.u16(at + EntryLayout.SERIAL_PART_METHOD_AT) == _ANY_METHOD && amount != 0;
            if (!good || vintage <= before) revert LuyaRetirementBadLine(i);
            uint64 first = entry.u64(at + EntryLayout.SERIAL_PART_FIRST_AT);
            uint64 expected = _lastSerial[vintage] + 1;
            if (first != expected) revert LuyaRetirementBadSerial(vintage, expected, first);
            _lastSerial[vintage] = first + (amount - 1);
            postings[i] = Moves.word(Moves.RETIRE, Moves.CREDITS, vintage, amount, account);
            total += amount;
            before = vintage;
        }
    }

    /// @dev The signer may retire what the account holds, and the nonce is its next.
    function _use(address account, address signer, uint64 nonce, uint64 time) private {
        if (LedgerReads.stateOf(_ledger, account) != AccountWords.ORGANISATION) {
            ILuyaControllers controllers = ILuyaControllers(_ledger.module(EntryLayout.CONTROLLER));
            controllers.use(EntryLayout.RETIREMENT, account, signer, nonce, Scopes.CONTROLLER, 0, time);
            return;
        }
        ILuyaAgents agents = ILuyaAgents(_ledger.module(EntryLayout.AGENT));
        (uint16 owner, , , uint8 state) = agents.organisationAccount(account);
        (uint16 organisation, uint8 role, bool active) = agents.agentOf(signer);
        if (state != _ACTIVE || !active || role != AgentRoles.ORGANISER || organisation != owner) {
            revert LuyaRetirementNotOrganiser(account, signer);
        }
        uint64 expected = _nonces[account][signer];
        if (nonce != expected) revert LuyaRetirementWrongNonce(account, signer, expected, nonce);
        _nonces[account][signer] = nonce + 1;
    }

    // --------------------------------------------------------------------------------------------------------- views

    /// @inheritdoc ILuyaRetirement
    function lastSerial(uint16 vintage) external view returns (uint64) {
        return _lastSerial[vintage];
    }

    /// @inheritdoc ILuyaRetirement
    function organiserNonce(address account, address signer) external view returns (uint64) {
        return _nonces[account][signer];
    }
}
