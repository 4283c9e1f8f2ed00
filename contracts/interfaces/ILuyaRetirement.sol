// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {ILuyaModule} from "./ILuyaModule.sol";

/// @title Credits retired for ever, for somebody and for a reason
/// @notice A certificate is one entry; its serial is the entry's index. Each of its lines has serials of its own out of
/// one count per vintage, milligram by milligram, so that no two lines ever share one.
interface ILuyaRetirement is ILuyaModule {
    /// @param account whose credits
    /// @param beneficiaryKind 1 an organisation of this ledger, 2 a person
    /// @param beneficiary the organisation's number, or the salted hash of who the person is
    /// @param reason UTF-8, 1 to 200 bytes
    /// @param lines 1 to 32 times vintage u16 and amount u64 (mg), vintages strictly ascending
    /// @param nonce the next of account and signer
    /// @param deadline until when the signature holds, unix seconds
    struct RetirementAct {
        address account;
        uint8 beneficiaryKind;
        bytes32 beneficiary;
        bytes reason;
        bytes lines;
        uint64 nonce;
        uint64 deadline;
    }

    /// @notice Credits are retired.
    /// @param certificate serial: index of the entry
    /// @param amount mg, all lines together
    event CreditsRetired(
        uint64 indexed certificate,
        address indexed account,
        uint8 beneficiaryKind,
        bytes32 beneficiary,
        uint256 amount
    );

    /// @notice The deadline of the signature has passed.
    error LuyaRetirementPastDeadline(uint64 deadline);
    /// @notice Nobody's signature, or not in its one form.
    error LuyaRetirementBadSignature();
    /// @notice An unknown kind, no beneficiary, or an organisation that is unknown or disabled.
    error LuyaRetirementBadBeneficiary(uint8 beneficiaryKind, bytes32 beneficiary);
    /// @notice No reason, or a longer one than fits.
    error LuyaRetirementBadReason(uint256 length);
    /// @notice Lines are 1 to 32, each of 10 bytes.
    error LuyaRetirementBadLines(uint256 length);
    /// @notice Nothing is retired by a line, its vintage is not above the one before, or it names a method.
    error LuyaRetirementBadLine(uint256 position);
    /// @notice A line's serials do not begin where the vintage's last ones ended.
    error LuyaRetirementBadSerial(uint16 vintage, uint64 expected, uint64 found);
    /// @notice An organisation's account acts by an active organiser of that organisation, while it is open.
    error LuyaRetirementNotOrganiser(address account, address signer);
    /// @notice Another nonce is next, of an organisation's account.
    error LuyaRetirementWrongNonce(address account, address signer, uint64 expected, uint64 found);

    /// @notice Retires credits. A resident's: signed by who controls the account, never by a session key; an
    /// organisation's account: by an agent in the role organiser.
    /// @param signature of `Retirement` (docs/protocol.md, section 9), 65 bytes
    function retire(RetirementAct calldata act, bytes calldata signature) external;

    /// @notice The last serial given of a vintage: mg retired of it so far.
    function lastSerial(uint16 vintage) external view returns (uint64);

    /// @notice The next nonce of an organiser for an organisation's account. Residents': `ILuyaControllers.nonceOf`.
    function organiserNonce(address account, address signer) external view returns (uint64);
}
