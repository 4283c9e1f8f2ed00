// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {ILuyaAgents} from "../../interfaces/ILuyaAgents.sol";
import {ILuyaControllers} from "../../interfaces/ILuyaControllers.sol";
import {World} from "./World.sol";

/// @title A sealed ledger with who acts for whom: the modules, a custodian, an active resident
/// @notice Keys are private keys; `person(0)` is the resident.
abstract contract Residents is World {
    uint256 internal constant CUSTODIAN = uint256(keccak256("custodian"));
    uint256 internal constant PHONE = uint256(keccak256("phone"));
    uint256 internal constant NEW_PHONE = uint256(keccak256("new phone"));
    uint256 internal constant SESSION = uint256(keccak256("session"));
    uint8 internal constant CUSTODIAL = 1;
    uint8 internal constant DEVICE = 2;

    ILuyaControllers internal controllers;
    ILuyaAgents internal agents;

    function deployResidents() internal {
        deployWorld();
        controllers = ILuyaControllers(deployModule("LuyaControllers", 0x48, 0x4A));
        agents = ILuyaAgents(deployModule("LuyaAgents", 0x4B, 0x4C));
        ledger.setModule(0x4D, 0x4D, address(controllers));
        ledger.setModule(0x4E, 0x4E, address(agents));
        ledger.setModule(0x4F, 0x4F, address(controllers));
    }

    /// @dev Sealed, with organisations 1 and 2, the custodian and one resident.
    function openResidents() internal {
        deployResidents();
        sealEmpty();
        setOrganisation(1, keccak256("organisation"), 1);
        setOrganisation(2, keccak256("another"), 1);
        controllers.setCustodian(vm.addr(CUSTODIAN));
        registerMany(0, 1);
    }

    // --------------------------------------------------------------------------------------------------------- acts

    function signAct(uint256 key, bytes32 structHash) internal view returns (bytes memory) {
        return signatureOf(key, digestOfAct(structHash));
    }

    function inAnHour() internal view returns (uint64) {
        return uint64(block.timestamp + 1 hours);
    }

    function controllerAct(
        uint256 signer,
        uint256 key,
        uint64 effective
    ) internal view returns (ILuyaControllers.ControllerAct memory) {
        address account = person(0);
        uint64 nonce = controllers.nonceOf(account, vm.addr(signer));
        return ILuyaControllers.ControllerAct(account, vm.addr(key), DEVICE, effective, nonce, inAnHour());
    }

    function controllerHash(ILuyaControllers.ControllerAct memory act) internal pure returns (bytes32) {
        bytes32 kind = keccak256(
            "Controller(address account,address key,uint8 kind,uint64 effective,uint64 nonce,uint64 deadline)"
        );
        return keccak256(abi.encode(kind, act.account, act.key, act.kind, act.effective, act.nonce, act.deadline));
    }

    /// @dev `signer` makes `key` the controller of `person(0)`.
    function setController(uint256 signer, uint256 key, uint64 effective) internal {
        ILuyaControllers.ControllerAct memory act = controllerAct(signer, key, effective);
        controllers.setController(act, signAct(signer, controllerHash(act)));
    }

    function cancelHash(address account, uint64 nonce, uint64 deadline) internal pure returns (bytes32) {
        bytes32 kind = keccak256("CancelController(address account,uint64 nonce,uint64 deadline)");
        return keccak256(abi.encode(kind, account, nonce, deadline));
    }

    function cancelController(uint256 signer) internal {
        uint64 nonce = controllers.nonceOf(person(0), vm.addr(signer));
        bytes memory signature = signAct(signer, cancelHash(person(0), nonce, inAnHour()));
        controllers.cancelController(person(0), nonce, inAnHour(), signature);
    }

    function sessionAct(
        uint256 signer,
        uint64 dailyLimit,
        uint64 expires,
        uint16 scopes
    ) internal view returns (ILuyaControllers.SessionAct memory) {
        address account = person(0);
        uint64 nonce = controllers.nonceOf(account, vm.addr(signer));
        address key = vm.addr(SESSION);
        return ILuyaControllers.SessionAct(account, key, dailyLimit, expires, scopes, nonce, inAnHour());
    }

    function sessionHash(ILuyaControllers.SessionAct memory act) internal pure returns (bytes32) {
        bytes32 kind = keccak256(
            "SessionKey(address account,address key,uint64 dailyLimit,uint64 expires,uint16 scopes,uint64 nonce,uint64 deadline)"
        );
        return
            keccak256(
                abi.encode(kind, act.account, act.key, act.dailyLimit, act.expires, act.scopes, act.nonce, act.deadline)
            );
    }

    /// @dev `signer` gives `SESSION` bounds for `person(0)`.
    function setSessionKey(uint256 signer, uint64 dailyLimit, uint64 expires, uint16 scopes) internal {
        ILuyaControllers.SessionAct memory act = sessionAct(signer, dailyLimit, expires, scopes);
        controllers.setSessionKey(act, signAct(signer, sessionHash(act)));
    }

    function consentAct(
        uint256 signer,
        uint16 purpose,
        uint16 version,
        bool given
    ) internal view returns (ILuyaControllers.ConsentAct memory) {
        address account = person(0);
        uint64 nonce = controllers.nonceOf(account, vm.addr(signer));
        return ILuyaControllers.ConsentAct(account, purpose, version, keccak256("text"), given, nonce, inAnHour());
    }

    function consentHash(ILuyaControllers.ConsentAct memory act) internal pure returns (bytes32) {
        bytes32 kind = keccak256(
            "Consent(address account,uint16 purpose,uint16 version,bytes32 text,bool given,uint64 nonce,uint64 deadline)"
        );
        return
            keccak256(
                abi.encode(kind, act.account, act.purpose, act.version, act.text, act.given, act.nonce, act.deadline)
            );
    }

    function setConsent(uint256 signer, uint16 purpose, uint16 version, bool given) internal {
        ILuyaControllers.ConsentAct memory act = consentAct(signer, purpose, version, given);
        controllers.setConsent(act, signAct(signer, consentHash(act)));
    }

    // ------------------------------------------------------------------------------------------------------ expecting

    function expect(bytes memory reason) internal {
        vm.expectRevert(reason);
    }
}
