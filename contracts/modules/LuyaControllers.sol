// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {ILuyaControllers} from "../interfaces/ILuyaControllers.sol";
import {ILuyaModule} from "../interfaces/ILuyaModule.sol";
import {Calendar} from "../libraries/Calendar.sol";
import {EntryLayout} from "../libraries/EntryLayout.sol";
import {EntryReader} from "../libraries/EntryReader.sol";
import {LedgerReads} from "../libraries/LedgerReads.sol";
import {Scopes} from "../libraries/Scopes.sol";
import {Signatures} from "../libraries/Signatures.sol";
import {AccountWords} from "../libraries/Words.sol";
import {Module} from "./Module.sol";

/// @title Who acts for residents
/// @notice What `authorise` allows is what `use` does: one check, at the entry's time, live and at import alike.
contract LuyaControllers is ILuyaControllers, Module {
    using EntryReader for bytes;

    /// @param changing whether `_pending` holds one that may since have come into force: most accounts never look there
    struct Held {
        address key;
        uint64 effective;
        uint8 kind;
        bool changing;
    }

    /// @param issuer the controller that gave the key
    struct Session {
        address issuer;
        uint64 issued;
        uint16 scopes;
        uint64 dailyLimit;
        uint64 expires;
        uint64 spent;
        uint16 day;
    }

    struct Consent {
        uint16 version;
        bool given;
    }

    bytes32 private constant _CONTROLLER_TYPE = keccak256(
        "Controller(address account,address key,uint8 kind,uint64 effective,uint64 nonce,uint64 deadline)"
    );
    bytes32 private constant _CANCEL_TYPE = keccak256("CancelController(address account,uint64 nonce,uint64 deadline)");
    bytes32 private constant _SESSION_TYPE = keccak256(
        "SessionKey(address account,address key,uint64 dailyLimit,uint64 expires,uint16 scopes,"
        "uint64 nonce,uint64 deadline)"
    );
    bytes32 private constant _CONSENT_TYPE = keccak256(
        "Consent(address account,uint16 purpose,uint16 version,bytes32 text,bool given,uint64 nonce,uint64 deadline)"
    );
    /// How long the controller in force may refuse one that the registrar sets.
    uint64 private constant _NOTICE = 7 days;
    /// How far ahead a controller may take force, and a session key expire.
    uint64 private constant _FARTHEST = 366 days;
    uint8 private constant _BY_CONTROLLER = 1;
    uint8 private constant _BY_REGISTRAR = 2;
    uint8 private constant _CUSTODIAL = uint8(Kind.CUSTODIAL);
    uint8 private constant _ACTIVE = 1;
    uint8 private constant _NONE = 2;

    address private _custodian;
    uint64 private _custodianSince;
    mapping(address account => Held) private _current;
    mapping(address account => Held) private _pending;
    mapping(address account => mapping(address key => Session)) private _sessions;
    mapping(address account => mapping(address signer => uint64)) private _nonces;
    mapping(address account => mapping(uint16 purpose => Consent)) private _consents;

    /// @param authority_ the AccessManager
    /// @param ledger_ the ledger whose module this becomes
    constructor(address authority_, address ledger_) Module(authority_, ledger_) {}

    // --------------------------------------------------------------------------------------------- acts of residents

    /// @inheritdoc ILuyaControllers
    function setController(ControllerAct calldata act, bytes calldata signature) external {
        address signer = _signer(keccak256(abi.encode(_CONTROLLER_TYPE, act)), act.account, act.deadline, signature);
        (address key, , ) = _inForce(act.account, uint64(block.timestamp));
        // The entry names no signer: it is whoever controlled the account.
        if (signer != key) revert LuyaControllersNotAllowed(act.account, signer);
        _checkController(act.account, act.key, act.kind);
        uint64 latest = uint64(block.timestamp) + _FARTHEST;
        if (act.effective > latest) revert LuyaControllersBadEffective(act.effective, 0, latest);
        bytes memory front = abi.encodePacked(
            _header(EntryLayout.CONTROLLER),
            act.account,
            act.key,
            act.kind,
            act.effective
        );
        _append(abi.encodePacked(front, _BY_CONTROLLER, act.nonce, act.deadline, signature));
    }

    /// @inheritdoc ILuyaControllers
    function cancelController(address account, uint64 nonce, uint64 deadline, bytes calldata signature) external {
        bytes32 hash = keccak256(abi.encode(_CANCEL_TYPE, account, nonce, deadline));
        address signer = _signer(hash, account, deadline, signature);
        if (!_isPending(account, uint64(block.timestamp))) revert LuyaControllersNothingPending(account);
        bytes9 header = _header(EntryLayout.CONTROLLER_CANCELLED);
        _append(abi.encodePacked(header, account, signer, nonce, deadline, signature));
    }

    /// @inheritdoc ILuyaControllers
    function setSessionKey(SessionAct calldata act, bytes calldata signature) external {
        address signer = _signer(keccak256(abi.encode(_SESSION_TYPE, act)), act.account, act.deadline, signature);
        bool good =
            act.expires == 0
                ? act.scopes == 0 && act.dailyLimit == 0
                : act.scopes != 0 &&
                    act.scopes <= Scopes.ALL &&
                    act.expires > block.timestamp &&
                    act.expires <= block.timestamp + _FARTHEST;
        if (!good || act.key == address(0)) {
            revert LuyaControllersBadSession(act.account, act.key, act.expires, act.scopes);
        }
        bytes memory front = abi.encodePacked(
            _header(EntryLayout.SESSION_KEY),
            act.account,
            act.key,
            act.dailyLimit,
            act.expires,
            act.scopes
        );
        _append(abi.encodePacked(front, signer, act.nonce, act.deadline, signature));
    }

    /// @inheritdoc ILuyaControllers
    function setConsent(ConsentAct calldata act, bytes calldata signature) external {
        address signer = _signer(keccak256(abi.encode(_CONSENT_TYPE, act)), act.account, act.deadline, signature);
        if (act.purpose == 0 || act.version == 0) {
            revert LuyaControllersBadConsent(act.account, act.purpose, act.version);
        }
        bytes memory front = abi.encodePacked(
            _header(EntryLayout.CONSENT),
            act.account,
            act.purpose,
            act.version,
            act.text,
            act.given
        );
        _append(abi.encodePacked(front, signer, act.nonce, act.deadline, signature));
    }

    /// @dev Who signed an act whose deadline has not passed.
    function _signer(
        bytes32 structHash,
        address account,
        uint64 deadline,
        bytes calldata signature
    ) private view returns (address signer) {
        if (block.timestamp > deadline) revert LuyaControllersPastDeadline(account, deadline);
        if (signature.length == Signatures.BYTES) signer = Signatures.recover(_digest(structHash), signature);
        if (signer == address(0)) revert LuyaControllersBadSignature(account);
    }

    function _checkController(address account, address key, uint8 kind) private pure {
        bool known = kind >= _CUSTODIAL && kind <= uint8(type(Kind).max);
        if (!known || (kind == _CUSTODIAL) != (key == address(0))) {
            revert LuyaControllersBadController(account, key, kind);
        }
    }

    // -------------------------------------------------------------------------------------------- acts of the office

    /// @inheritdoc ILuyaControllers
    function setControllerFor(address account, address key, uint8 kind, uint64 effective) external restricted {
        uint8 state = LedgerReads.stateOf(_ledger, account);
        // Also of a frozen one: whoever found a lost phone is to do nothing with it meanwhile.
        if (state != AccountWords.ACTIVE && state != AccountWords.FROZEN) {
            revert LuyaControllersAccountNotActive(account, state);
        }
        _checkController(account, key, kind);
        uint64 earliest = uint64(block.timestamp) + _NOTICE;
        uint64 latest = uint64(block.timestamp) + _FARTHEST;
        if (effective < earliest || effective > latest) {
            revert LuyaControllersBadEffective(effective, earliest, latest);
        }
        bytes memory front = abi.encodePacked(_header(EntryLayout.CONTROLLER), account, key, kind, effective);
        _append(abi.encodePacked(front, _BY_REGISTRAR, uint64(0), uint64(0), new bytes(Signatures.BYTES)));
    }

    /// @inheritdoc ILuyaControllers
    function setCustodian(address key) external restricted {
        if (key == address(0)) revert LuyaControllersBadCustodian(key);
        _append(abi.encodePacked(_header(EntryLayout.CUSTODIAN), key, _ACTIVE));
    }

    /// @inheritdoc ILuyaControllers
    function disableCustodian() external restricted {
        if (_custodian == address(0)) revert LuyaControllersBadCustodian(address(0));
        _append(abi.encodePacked(_header(EntryLayout.CUSTODIAN), _custodian, _NONE));
    }

    // ------------------------------------------------------------------------------------------------------- entries

    /// @inheritdoc ILuyaModule
    function applyEntry(uint64, bytes calldata entry_) external onlyLedger returns (uint256[] memory) {
        bytes memory entry = entry_;
        uint8 entryType = entry.u8(EntryLayout.TYPE_AT);
        if (entryType == EntryLayout.CONTROLLER) _applyController(entry);
        else if (entryType == EntryLayout.CONTROLLER_CANCELLED) _applyCancelled(entry);
        else if (entryType == EntryLayout.SESSION_KEY) _applySessionKey(entry);
        else if (entryType == EntryLayout.CONSENT) _applyConsent(entry);
        else if (entryType == EntryLayout.CUSTODIAN) _applyCustodian(entry);
        else revert LuyaModuleWrongType(entryType);
        return new uint256[](0);
    }

    function _applyController(bytes memory entry) private {
        _requireLength(entry, EntryLayout.CONTROLLER_BYTES);
        address account = entry.addr(EntryLayout.CONTROLLER_ACCOUNT_AT);
        uint64 time = entry.u64(EntryLayout.TIME_AT);
        bool byRegistrar = entry.u8(EntryLayout.CONTROLLER_SET_BY_AT) == _BY_REGISTRAR;
        if (!byRegistrar) {
            (address signer, , ) = _inForce(account, time);
            _use(account, signer, entry.u64(EntryLayout.CONTROLLER_NONCE_AT), Scopes.CONTROLLER, 0, time);
        }
        Held memory next = Held({
            key: entry.addr(EntryLayout.CONTROLLER_KEY_AT),
            effective: entry.u64(EntryLayout.CONTROLLER_EFFECTIVE_AT),
            kind: entry.u8(EntryLayout.CONTROLLER_KIND_AT),
            changing: false
        });
        Held memory current = _current[account];
        if (current.changing && _pending[account].effective <= time) current = _pending[account];
        if (next.effective <= time) {
            next.effective = time;
            current = next;
            delete _pending[account];
        } else {
            current.changing = true;
            _pending[account] = next;
        }
        _current[account] = current;
        emit ControllerSet(account, next.key, next.kind, next.effective, byRegistrar);
    }

    function _applyCancelled(bytes memory entry) private {
        _requireLength(entry, EntryLayout.CONTROLLER_CANCELLED_BYTES);
        address account = entry.addr(EntryLayout.CONTROLLER_CANCELLED_ACCOUNT_AT);
        _use(
            account,
            entry.addr(EntryLayout.CONTROLLER_CANCELLED_SIGNER_AT),
            entry.u64(EntryLayout.CONTROLLER_CANCELLED_NONCE_AT),
            Scopes.CONTROLLER,
            0,
            entry.u64(EntryLayout.TIME_AT)
        );
        emit ControllerCancelled(account, _pending[account].key);
        delete _pending[account];
        _current[account].changing = false;
    }

    function _applySessionKey(bytes memory entry) private {
        _requireLength(entry, EntryLayout.SESSION_KEY_BYTES);
        address account = entry.addr(EntryLayout.SESSION_KEY_ACCOUNT_AT);
        address key = entry.addr(EntryLayout.SESSION_KEY_KEY_AT);
        address signer = entry.addr(EntryLayout.SESSION_KEY_SIGNER_AT);
        uint64 time = entry.u64(EntryLayout.TIME_AT);
        _use(account, signer, entry.u64(EntryLayout.SESSION_KEY_NONCE_AT), Scopes.CONTROLLER, 0, time);
        // What it has spent today stays: bounds given anew are no second day.
        Session storage session = _sessions[account][key];
        session.issuer = signer;
        session.issued = time;
        session.scopes = entry.u16(EntryLayout.SESSION_KEY_SCOPES_AT);
        session.dailyLimit = entry.u64(EntryLayout.SESSION_KEY_DAILY_LIMIT_AT);
        session.expires = entry.u64(EntryLayout.SESSION_KEY_EXPIRES_AT);
        emit SessionKeySet(account, key, session.dailyLimit, session.expires, session.scopes);
    }

    function _applyConsent(bytes memory entry) private {
        _requireLength(entry, EntryLayout.CONSENT_BYTES);
        address account = entry.addr(EntryLayout.CONSENT_ACCOUNT_AT);
        _use(
            account,
            entry.addr(EntryLayout.CONSENT_SIGNER_AT),
            entry.u64(EntryLayout.CONSENT_NONCE_AT),
            Scopes.CONSENTS,
            0,
            entry.u64(EntryLayout.TIME_AT)
        );
        uint16 purpose = entry.u16(EntryLayout.CONSENT_PURPOSE_AT);
        uint16 version = entry.u16(EntryLayout.CONSENT_VERSION_AT);
        bool given = entry.u8(EntryLayout.CONSENT_GIVEN_AT) != 0;
        _consents[account][purpose] = Consent(version, given);
        emit ConsentSet(account, purpose, version, bytes32(entry.word(EntryLayout.CONSENT_TEXT_AT)), given);
    }

    function _applyCustodian(bytes memory entry) private {
        _requireLength(entry, EntryLayout.CUSTODIAN_BYTES);
        address key = entry.addr(EntryLayout.CUSTODIAN_KEY_AT);
        bool active = entry.u8(EntryLayout.CUSTODIAN_STATE_AT) == _ACTIVE;
        _custodian = active ? key : address(0);
        _custodianSince = entry.u64(EntryLayout.TIME_AT);
        emit CustodianSet(key, active);
    }

    function _requireLength(bytes memory entry, uint256 length) private pure {
        if (entry.length != length) revert LuyaModuleBadLength(entry.length);
    }

    // -------------------------------------------------------------------------------------------------- for modules

    /// @inheritdoc ILuyaControllers
    function authorise(address account, address signer, uint64 nonce, uint16 scope, uint64 amount) external view {
        _check(account, signer, nonce, scope, amount, uint64(block.timestamp));
    }

    /// @inheritdoc ILuyaControllers
    function use(
        uint8 entryType,
        address account,
        address signer,
        uint64 nonce,
        uint16 scope,
        uint64 amount,
        uint64 time
    ) external {
        if (msg.sender != _ledger.module(entryType)) revert LuyaControllersNotModule(msg.sender, entryType);
        _use(account, signer, nonce, scope, amount, time);
    }

    function _use(address account, address signer, uint64 nonce, uint16 scope, uint64 amount, uint64 time) private {
        (bool session, uint64 spent) = _check(account, signer, nonce, scope, amount, time);
        _nonces[account][signer] = nonce + 1;
        if (!session || amount == 0) return;
        _sessions[account][signer].spent = spent;
        _sessions[account][signer].day = uint16(Calendar.dayOf(time));
    }

    /// @dev Whether a session key acts, and what it will then have spent today; reverts where this may not be.
    function _check(
        address account,
        address signer,
        uint64 nonce,
        uint16 scope,
        uint64 amount,
        uint64 time
    ) private view returns (bool session, uint64 spent) {
        if (signer == address(0)) revert LuyaControllersBadSignature(account);
        uint8 state = LedgerReads.stateOf(_ledger, account);
        if (state != AccountWords.ACTIVE) revert LuyaControllersAccountNotActive(account, state);
        (address key, , uint64 since) = _inForce(account, time);
        if (signer != key) {
            session = true;
            spent = _checkSession(account, signer, key, since, scope, amount, time);
        }
        uint64 expected = _nonces[account][signer];
        if (nonce != expected) revert LuyaControllersWrongNonce(account, signer, expected, nonce);
    }

    /// @dev A session key lives as long as the controller that gave it: what the old phone gave ends with it.
    function _checkSession(
        address account,
        address signer,
        address key,
        uint64 since,
        uint16 scope,
        uint64 amount,
        uint64 time
    ) private view returns (uint64 spent) {
        Session storage session = _sessions[account][signer];
        if (session.issuer == address(0) || session.issuer != key || session.issued < since) {
            revert LuyaControllersNotAllowed(account, signer);
        }
        uint64 expires = session.expires;
        if (time >= expires) revert LuyaControllersSessionExpired(account, signer, expires);
        if (scope == Scopes.CONTROLLER || session.scopes & scope != scope) {
            revert LuyaControllersOutOfScope(account, signer, scope);
        }
        spent = session.day == Calendar.dayOf(time) ? session.spent : 0;
        uint64 limit = session.dailyLimit;
        uint64 left = limit > spent ? limit - spent : 0;
        if (amount > left) revert LuyaControllersOverLimit(account, signer, left, amount);
        spent += amount;
    }

    // -------------------------------------------------------------------------------------------------------- views

    /// @inheritdoc ILuyaControllers
    function controllerOf(address account) external view returns (address key, uint8 kind, uint64 since) {
        return _inForce(account, uint64(block.timestamp));
    }

    /// @inheritdoc ILuyaControllers
    function pendingController(address account) external view returns (address key, uint8 kind, uint64 effective) {
        if (!_isPending(account, uint64(block.timestamp))) return (address(0), 0, 0);
        Held memory pending = _pending[account];
        return (pending.key, pending.kind, pending.effective);
    }

    /// @inheritdoc ILuyaControllers
    function sessionKey(
        address account,
        address key
    ) external view returns (uint64 dailyLimit, uint64 expires, uint16 scopes, uint64 spent, bool live) {
        Session memory session = _sessions[account][key];
        (address controller, , uint64 since) = _inForce(account, uint64(block.timestamp));
        live =
            session.issuer != address(0) &&
            session.issuer == controller &&
            session.issued >= since &&
            block.timestamp < session.expires;
        spent = session.day == Calendar.dayOf(block.timestamp) ? session.spent : 0;
        return (session.dailyLimit, session.expires, session.scopes, spent, live);
    }

    /// @inheritdoc ILuyaControllers
    function nonceOf(address account, address signer) external view returns (uint64) {
        return _nonces[account][signer];
    }

    /// @inheritdoc ILuyaControllers
    function consentOf(address account, uint16 purpose) external view returns (uint16 version, bool given) {
        Consent memory consent = _consents[account][purpose];
        return (consent.version, consent.given);
    }

    /// @inheritdoc ILuyaControllers
    function custodian() external view returns (address key, uint64 since) {
        return (_custodian, _custodianSince);
    }

    function _inForce(address account, uint64 time) private view returns (address key, uint8 kind, uint64 since) {
        Held memory held = _current[account];
        if (held.changing && _pending[account].effective <= time) held = _pending[account];
        if (held.kind > _CUSTODIAL) return (held.key, held.kind, held.effective);
        since = _custodianSince;
        return (_custodian, _CUSTODIAL, held.effective > since ? held.effective : since);
    }

    function _isPending(address account, uint64 time) private view returns (bool) {
        return _current[account].changing && _pending[account].effective > time;
    }
}
