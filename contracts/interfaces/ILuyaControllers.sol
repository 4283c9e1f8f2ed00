// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {ILuyaModule} from "./ILuyaModule.sol";

/// @title Who acts for a resident's account: its controller, session keys, the custodian; and what residents consent to
/// @notice An account's controller is the key of its last controller entry in force. Without one, or with a custodial
/// one, the custodian acts. Acts are EIP-712 under the ledger's domain, signed by the key that acts; anybody may send
/// them. Each (account, signer) has its own sequence of nonces, from 0.
interface ILuyaControllers is ILuyaModule {
    // -------------------------------------------------------------------------------------------------------- types

    /// @notice Who holds a controller's key: the custodian (key zero: whichever is the custodian), the resident's
    /// device, a service desk, a guardian.
    enum Kind {
        NONE,
        CUSTODIAL,
        DEVICE,
        DESK,
        GUARDIAN
    }

    /// @notice Controller(address account,address key,uint8 kind,uint64 effective,uint64 nonce,uint64 deadline)
    /// @param effective unix seconds; a time that has passed: at once
    struct ControllerAct {
        address account;
        address key;
        uint8 kind;
        uint64 effective;
        uint64 nonce;
        uint64 deadline;
    }

    /// @notice SessionKey(address account,address key,uint64 dailyLimit,uint64 expires,uint16 scopes,uint64 nonce,
    /// uint64 deadline)
    /// @param dailyLimit millipoints that the key may spend on a day at UTC+8, over all modules together
    /// @param expires unix seconds, the key acts before it; 0 revokes the key
    /// @param scopes bits of `Scopes`
    struct SessionAct {
        address account;
        address key;
        uint64 dailyLimit;
        uint64 expires;
        uint16 scopes;
        uint64 nonce;
        uint64 deadline;
    }

    /// @notice Consent(address account,uint16 purpose,uint16 version,bytes32 text,bool given,uint64 nonce,
    /// uint64 deadline)
    /// @param text SHA-256 of the text that was shown
    struct ConsentAct {
        address account;
        uint16 purpose;
        uint16 version;
        bytes32 text;
        bool given;
        uint64 nonce;
        uint64 deadline;
    }

    // ------------------------------------------------------------------------------------------------------- events

    /// @notice A key controls the account from `effective` on, unless it is cancelled before.
    event ControllerSet(address indexed account, address indexed key, uint8 kind, uint64 effective, bool byRegistrar);
    /// @notice The controller in force refused the one that was coming.
    event ControllerCancelled(address indexed account, address indexed key);
    /// @notice A session key may act from now on; expires 0: it was revoked.
    event SessionKeySet(address indexed account, address indexed key, uint64 dailyLimit, uint64 expires, uint16 scopes);
    /// @notice A resident consented, or took a consent back.
    event ConsentSet(address indexed account, uint16 indexed purpose, uint16 version, bytes32 text, bool given);
    /// @notice The custodian's key from now on; active false: there is none.
    event CustodianSet(address indexed key, bool active);

    // ------------------------------------------------------------------------------------------------------- errors

    /// @notice Only the module of the entry's type may use up a nonce.
    error LuyaControllersNotModule(address caller, uint8 entryType);
    /// @notice The account is not active: never registered, frozen or closed.
    error LuyaControllersAccountNotActive(address account, uint8 state);
    /// @notice The signature is not canonical (65 bytes, low s, v 27 or 28) or of no key.
    error LuyaControllersBadSignature(address account);
    /// @notice The act's deadline has passed.
    error LuyaControllersPastDeadline(address account, uint64 deadline);
    /// @notice The signer neither controls the account nor has a session key of the controller in force.
    error LuyaControllersNotAllowed(address account, address signer);
    /// @notice The signer's next nonce is another.
    error LuyaControllersWrongNonce(address account, address signer, uint64 expected, uint64 given);
    /// @notice The session key has expired.
    error LuyaControllersSessionExpired(address account, address signer, uint64 expires);
    /// @notice The session key may not do this: its scopes lack the bit, or the act is the controller's alone.
    error LuyaControllersOutOfScope(address account, address signer, uint16 scope);
    /// @notice More than the session key may still spend today.
    error LuyaControllersOverLimit(address account, address signer, uint64 left, uint64 amount);
    /// @notice Kind unknown, no key, or a key for a custodial controller.
    error LuyaControllersBadController(address account, address key, uint8 kind);
    /// @notice The effective time lies outside its bounds.
    error LuyaControllersBadEffective(uint64 effective, uint64 earliest, uint64 latest);
    /// @notice There is no controller that has yet to come into force.
    error LuyaControllersNothingPending(address account);
    /// @notice No key, no or unknown scopes, expired already or only after more than 366 days; a revoked key has
    /// neither scopes nor a limit.
    error LuyaControllersBadSession(address account, address key, uint64 expires, uint16 scopes);
    /// @notice Purposes and versions begin at 1.
    error LuyaControllersBadConsent(address account, uint16 purpose, uint16 version);
    /// @notice The zero address, or there is no custodian to disable.
    error LuyaControllersBadCustodian(address key);

    // --------------------------------------------------------------------------------------------- acts of residents

    /// @notice Sets the account's controller, signed by the controller in force: at once, or later and until then
    /// cancellable. Replaces one that has yet to come into force.
    function setController(ControllerAct calldata act, bytes calldata signature) external;

    /// @notice The controller in force refuses the one that has yet to come into force.
    /// CancelController(address account,uint64 nonce,uint64 deadline)
    function cancelController(address account, uint64 nonce, uint64 deadline, bytes calldata signature) external;

    /// @notice The controller in force gives a session key its bounds anew, or revokes it.
    function setSessionKey(SessionAct calldata act, bytes calldata signature) external;

    /// @notice Gives or takes back a consent; by the controller or a session key with that scope.
    function setConsent(ConsentAct calldata act, bytes calldata signature) external;

    // --------------------------------------------------------------------------------------------- acts of the office

    /// @notice The registrar sets a controller for a resident who lost the key: 7 days or more from now, and the
    /// controller in force may cancel it until then.
    function setControllerFor(address account, address key, uint8 kind, uint64 effective) external;

    /// @notice Sets the custodian's key.
    function setCustodian(address key) external;

    /// @notice From now on there is no custodian: accounts without a controller of their own can't act.
    function disableCustodian() external;

    // -------------------------------------------------------------------------------------------------- for modules

    /// @notice Reverts with the reason where this act is not allowed now. A module asks before it builds an entry.
    /// @param signer who signed, as the module recovered it
    /// @param nonce the act's
    /// @param scope the one bit of `Scopes` that a session key needs; `Scopes.CONTROLLER`: the controller alone
    /// @param amount millipoints, counted against a session key's day
    function authorise(address account, address signer, uint64 nonce, uint16 scope, uint64 amount) external view;

    /// @notice The same check at the entry's time, then the nonce is used up and a session key's day charged. Called
    /// by the module of the entry's type within `applyEntry`, so that an import does it too.
    function use(
        uint8 entryType,
        address account,
        address signer,
        uint64 nonce,
        uint16 scope,
        uint64 amount,
        uint64 time
    ) external;

    // -------------------------------------------------------------------------------------------------------- views

    /// @notice The key that controls the account now, and what it is. Zero: nobody does.
    /// @param since since when, unix seconds: session keys given before are dead
    function controllerOf(address account) external view returns (address key, uint8 kind, uint64 since);

    /// @notice The controller that has yet to come into force; kind 0: none.
    function pendingController(address account) external view returns (address key, uint8 kind, uint64 effective);

    /// @notice A session key's bounds, what it spent today and whether it may act now.
    function sessionKey(
        address account,
        address key
    ) external view returns (uint64 dailyLimit, uint64 expires, uint16 scopes, uint64 spent, bool live);

    /// @notice The next nonce.
    function nonceOf(address account, address signer) external view returns (uint64);

    /// @notice The last consent for a purpose; version 0: none was ever asked.
    function consentOf(address account, uint16 purpose) external view returns (uint16 version, bool given);

    /// @notice The custodian's key, zero without one, and since when.
    function custodian() external view returns (address key, uint64 since);
}
