// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {IAccessManager} from "@openzeppelin/contracts/access/manager/IAccessManager.sol";
import {IAdministration} from "../../interfaces/IAdministration.sol";
import {ILuyaLaw} from "../../interfaces/ILuyaLaw.sol";
import {ILuyaViews} from "../../interfaces/ILuyaViews.sol";
import {ILedger} from "./ILedger.sol";
import {ReferenceTree} from "./ReferenceTree.sol";
import {Test} from "./Test.sol";
import {Vm} from "./Vm.sol";

/// @title A deployed ledger with one organisation, a few methods and a feed, and what it takes to attest a batch
/// @notice The test contract holds every role.
abstract contract World is Test {
    uint64 internal constant GOVERNANCE = 1;
    uint64 internal constant FEED_ADMIN = 2;
    uint64 internal constant FEED_BRAKE = 3;
    uint64 internal constant REGISTRAR = 4;
    uint64 internal constant AUDITOR = 8;
    uint64 internal constant GUARDIAN = 9;
    uint64 internal constant IMPORTER = 10;

    /// @dev 2026-06-15 12:00 at UTC+8, a day with nothing special.
    uint256 internal constant NOON = 1_781_496_000;
    uint16 internal constant TODAY = 20_619;
    uint16 internal constant FIRST_DAY = 13_879;

    uint16 internal constant CYCLING = 101;
    uint16 internal constant STEPS = 1;
    uint16 internal constant MEAL = 3;
    uint16 internal constant PAYMENT = 6;
    uint16 internal constant FEED = 7;
    uint16 internal constant TRIAL = 9;

    string internal constant ORIGIN = "luya.test/0001";
    bytes32 internal constant CONFIG = keccak256("config");

    IAccessManager internal manager;
    ILedger internal ledger;
    ILuyaLaw internal law;
    ILuyaViews internal views;
    /// @dev Private keys in ascending order of their addresses.
    uint256[] internal keys;

    function deployWorld() internal {
        vm.warp(NOON);
        manager = IAccessManager(_create("AccessManager", abi.encode(this)));
        (ledger, law, views) = deployLedger();
        makeKeys(3);
    }

    function deployLedger() internal returns (ILedger ledger_, ILuyaLaw law_, ILuyaViews views_) {
        bytes memory arguments = abi.encode(manager, ORIGIN, keccak256("nonce"), "https://luya.test/{id}.json");
        ledger_ = ILedger(_create("LuyaLedger", arguments));
        law_ = ILuyaLaw(_create("LuyaLaw", abi.encode(manager, ledger_)));
        views_ = ILuyaViews(_create("LuyaViews", abi.encode(ledger_, law_)));
        wireRoles(ledger_, law_);
        ledger_.setModule(0x41, 0x44, address(law_));
    }

    /// @dev As a deployment ends: guardians and delays of the shipped table, ADMIN with the contract alone.
    function deployAdministration() internal returns (IAdministration administration) {
        administration = IAdministration(_create("Administration", abi.encode(manager)));
        string memory table = vm.readFile("chain_node/artefacts/roles.json");
        _wire(table, "Administration", address(administration));
        string[] memory guarded = vm.parseJsonKeys(table, "$.guardians");
        for (uint256 i = 0; i < guarded.length; ++i) {
            manager.setRoleGuardian(_role(table, guarded[i]), GUARDIAN);
        }
        string[] memory delayed = vm.parseJsonKeys(table, "$.grant_delays");
        for (uint256 i = 0; i < delayed.length; ++i) {
            uint256 delay = vm.parseJsonUint(table, string.concat("$.grant_delays.", delayed[i]));
            manager.setGrantDelay(_role(table, delayed[i]), uint32(delay));
        }
        address[3] memory targets = [address(ledger), address(law), address(administration)];
        string[3] memory names = ["LuyaLedger", "LuyaLaw", "Administration"];
        for (uint256 i = 0; i < targets.length; ++i) {
            uint256 delay = vm.parseJsonUint(table, string.concat("$.target_admin_delays.", names[i]));
            manager.setTargetAdminDelay(targets[i], uint32(delay));
        }
        manager.grantRole(0, address(administration), 0);
        manager.renounceRole(0, address(this));
    }

    /// @dev Deploys a module, gives its functions their roles and it the types first … last.
    function deployModule(string memory name, uint8 first, uint8 last) internal returns (address module) {
        module = _create(name, abi.encode(manager, ledger));
        _wire(vm.readFile("chain_node/artefacts/roles.json"), name, module);
        ledger.setModule(first, last, module);
    }

    function sealEmpty() internal {
        ledger.seal(0, sha256(""));
    }

    /// @dev Caps, methods, organisation 1, a usual feed and a trial feed.
    function enactLaw() internal {
        setGroupCaps(1, 10_000_000, 1_000_000);
        setGroupCaps(2, 2_000_000, 200_000);
        setGroupCaps(4, 2_000_000, 200_000);
        setGroupCaps(9, 2_000_000, 200_000);
        law.announceMethod(methodSettings(STEPS, 2, hex"0100b4", 0));
        law.announceMethod(methodSettings(MEAL, 4, hex"0326254b25782d", 3));
        law.announceMethod(methodSettings(PAYMENT, 9, hex"ff", 1));
        law.announceMethod(methodSettings(CYCLING, 1, hex"00", 0));
        law.closeGenesis();
        setOrganisation(1, keccak256("organisation"), 1);
        setFeed(feedSettings(FEED, 63));
        setFeed(feedSettings(TRIAL, 65_535));
    }

    /// @dev Sets what replaces the entry in force. (Before an expected revert, ask for the hash beforehand.)
    function setFeed(ILuyaLaw.FeedSettings memory settings) internal {
        law.setFeed(settings, law.entryHash(0x42, settings.feed));
    }

    function setOrganisation(uint16 id, bytes32 description, uint8 state) internal {
        law.setOrganisation(id, description, state, law.entryHash(0x41, id));
    }

    function setGroupCaps(uint8 group, uint64 credits, uint64 millipoints) internal {
        law.setGroupCaps(group, credits, millipoints, law.entryHash(0x44, group));
    }

    function methodSettings(
        uint16 id,
        uint8 group,
        bytes memory window,
        uint8 flags
    ) internal pure returns (ILuyaLaw.MethodSettings memory) {
        return
            ILuyaLaw.MethodSettings({
                id: id,
                behaviour: id,
                group: group,
                creditNum: id == STEPS ? 8_200 : 48,
                creditDen: id == STEPS ? 500 : 1,
                pointNum: id == STEPS ? 1_000 : 48,
                pointDen: id == STEPS ? 500 : 10,
                maxActivity: 50_000,
                maxPerSlot: id == CYCLING ? 4_700 : 0,
                window: window,
                validFrom: FIRST_DAY,
                validTo: 65_535,
                flags: flags,
                text: keccak256(abi.encode(id))
            });
    }

    function feedSettings(uint16 id, uint16 lateDays) internal view returns (ILuyaLaw.FeedSettings memory settings) {
        settings.feed = id;
        settings.organisation = 1;
        settings.threshold = 2;
        settings.signers = new address[](keys.length);
        for (uint256 i = 0; i < keys.length; ++i) {
            settings.signers[i] = vm.addr(keys[i]);
        }
        settings.lateDays = lateDays;
        settings.creditsCap = 100_000_000_000;
        settings.millipointsCap = 10_000_000_000;
        settings.methods = new uint16[](4);
        settings.methods[0] = STEPS;
        settings.methods[1] = MEAL;
        settings.methods[2] = PAYMENT;
        settings.methods[3] = CYCLING;
    }

    // ---------------------------------------------------------------------------------------------------- accounts

    function person(uint256 number) internal pure returns (address) {
        return address(bytes20(keccak256(abi.encode("person", number))));
    }

    function identityOf(uint256 number) internal pure returns (bytes32) {
        return keccak256(abi.encode("identity", number));
    }

    function registration(uint256 number, uint16 epoch) internal pure returns (bytes memory) {
        return abi.encodePacked(person(number), identityOf(number), uint16(510), epoch);
    }

    function registerMany(uint256 from, uint256 count) internal {
        bytes memory packed = new bytes(56 * count);
        for (uint256 i = 0; i < count; ++i) {
            bytes memory item = registration(from + i, 0);
            for (uint256 j = 0; j < 56; ++j) {
                packed[56 * i + j] = item[j];
            }
        }
        ledger.registerAccounts(packed);
    }

    // ----------------------------------------------------------------------------------------------------- batches

    function recordOf(
        address account,
        uint16 method,
        uint256 day,
        uint256 slot,
        uint256 slots,
        uint256 activity
    ) internal pure returns (bytes memory) {
        bytes32 evidence = keccak256(abi.encode(account, method, day, slot, slots, activity));
        return
            abi.encodePacked(
                account,
                method,
                uint16(day),
                uint8(slot),
                uint8(slots),
                uint16(0),
                uint32(activity),
                evidence
            );
    }

    function isNullified(uint16 method) internal pure virtual returns (bool) {
        return method == MEAL || method == PAYMENT;
    }

    /// @dev The records' root, computed by RFC 6962's own recursion.
    function recordsRoot(bytes memory records, bytes memory nullifiers) internal pure returns (bytes32) {
        bytes[] memory leaves = new bytes[](records.length / 64);
        uint256 used = 0;
        for (uint256 i = 0; i < leaves.length; ++i) {
            bytes memory item = slice(records, 64 * i, 64);
            if (isNullified(uint16(bytes2(slice(item, 20, 2)))) && used + 32 <= nullifiers.length) {
                item = bytes.concat(item, slice(nullifiers, used, 32));
                used += 32;
            }
            leaves[i] = item;
        }
        return leaves.length == 0 ? bytes32(0) : ReferenceTree.keccakRoot(leaves);
    }

    function digestOf(
        uint16 feed,
        uint64 firstSequence,
        bytes memory records,
        bytes memory nullifiers
    ) internal view returns (bytes32) {
        bytes32 message = keccak256(
            abi.encode(
                keccak256(
                    "Attestation(uint16 feed,uint64 firstSequence,uint32 count,bytes32 recordsRoot,bytes32 configDigest)"
                ),
                feed,
                firstSequence,
                uint32(records.length / 64),
                recordsRoot(records, nullifiers),
                CONFIG
            )
        );
        return digestOfAct(message);
    }

    /// @dev What is signed for an act, under the ledger's domain.
    function digestOfAct(bytes32 structHash) internal view returns (bytes32) {
        bytes32 domain = keccak256(
            abi.encode(
                keccak256(
                    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract,bytes32 salt)"
                ),
                keccak256("LuyaLedger"),
                keccak256("1"),
                block.chainid,
                address(ledger),
                keccak256(abi.encodePacked(ORIGIN, keccak256("nonce")))
            )
        );
        return keccak256(abi.encodePacked(hex"1901", domain, structHash));
    }

    function signatureOf(uint256 key, bytes32 digest) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, s, v);
    }

    /// @dev By the first two of three signers.
    function quorum(bytes32 digest) internal view returns (bytes memory) {
        return bytes.concat(signatureOf(keys[0], digest), signatureOf(keys[1], digest));
    }

    function submit(uint16 feed, bytes memory records, bytes memory nullifiers) internal {
        uint64 sequence = ledger.nextSequence(feed);
        bytes memory signatures = quorum(digestOf(feed, sequence, records, nullifiers));
        ledger.record(feed, sequence, records, nullifiers, CONFIG, signatures);
    }

    /// @dev Records one and gives the rule that refused it, 0 when it was accepted.
    function outcome(uint16 feed, bytes memory item, bytes memory nullifiers) internal returns (uint256 rule) {
        vm.recordLogs();
        submit(feed, item, nullifiers);
        rule = refusedRule();
    }

    function outcome(bytes memory item) internal returns (uint256) {
        return outcome(FEED, item, "");
    }

    /// @dev The rule in the first refusal among the recorded logs, 0 without one.
    function refusedRule() internal returns (uint256 rule) {
        Log[] memory logs = recordedLogs();
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].topics[0] == keccak256("RecordRefused(uint16,uint64,uint64,uint16)")) {
                (, rule) = abi.decode(logs[i].data, (uint64, uint256));
                return rule;
            }
        }
    }

    /// @dev The first entry that was appended outside a batch, among the recorded logs.
    function firstEntry() internal returns (bytes memory) {
        Log[] memory logs = recordedLogs();
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].topics[0] == keccak256("EntryAppended(uint64,bytes)")) return abi.decode(logs[i].data, (bytes));
        }
        return "";
    }

    struct Log {
        bytes32[] topics;
        bytes data;
    }

    function recordedLogs() internal returns (Log[] memory logs) {
        Vm.Log[] memory raw = vm.getRecordedLogs();
        logs = new Log[](raw.length);
        for (uint256 i = 0; i < raw.length; ++i) {
            logs[i] = Log(raw[i].topics, raw[i].data);
        }
    }

    // ------------------------------------------------------------------------------------------------------- helpers

    function slice(bytes memory data, uint256 from, uint256 length) internal pure returns (bytes memory part) {
        part = new bytes(length);
        for (uint256 i = 0; i < length; ++i) {
            part[i] = data[from + i];
        }
    }

    function makeKeys(uint256 count) internal {
        delete keys;
        for (uint256 i = 0; i < count; ++i) {
            keys.push(uint256(keccak256(abi.encode("signer", i))));
        }
        for (uint256 i = 0; i < count; ++i) {
            for (uint256 j = i + 1; j < count; ++j) {
                if (vm.addr(keys[j]) < vm.addr(keys[i])) (keys[i], keys[j]) = (keys[j], keys[i]);
            }
        }
    }

    /// @dev Deploys a contract as the package ships it. (`new` would also compile it anew for every test contract.)
    function _create(string memory name, bytes memory arguments) private returns (address deployed) {
        bytes memory code = bytes.concat(creationOf(name), arguments);
        assembly ("memory-safe") {
            deployed := create(0, add(code, 32), mload(code))
        }
        assertTrue(deployed != address(0), name);
    }

    function wireRoles(ILedger ledger_, ILuyaLaw law_) private {
        for (uint64 role = GOVERNANCE; role <= IMPORTER; ++role) {
            manager.grantRole(role, address(this), 0);
        }
        string memory table = vm.readFile("chain_node/artefacts/roles.json");
        _wire(table, "LuyaLedger", address(ledger_));
        _wire(table, "LuyaLaw", address(law_));
    }

    /// @dev The role table that the package ships.
    function _wire(string memory table, string memory name, address target) private {
        string memory path = string.concat("$.functions.", name);
        string[] memory signatures = vm.parseJsonKeys(table, path);
        for (uint256 i = 0; i < signatures.length; ++i) {
            uint256 role = vm.parseJsonUint(table, string.concat(path, "['", signatures[i], "']"));
            _give(target, bytes4(keccak256(bytes(signatures[i]))), uint64(role));
        }
    }

    function _role(string memory table, string memory name) private pure returns (uint64) {
        if (keccak256(bytes(name)) == keccak256("ADMIN")) return 0;
        return uint64(vm.parseJsonUint(table, string.concat("$.roles.", name)));
    }

    function _give(address target, bytes4 selector, uint64 role) private {
        bytes4[] memory selectors = new bytes4[](1);
        selectors[0] = selector;
        manager.setTargetFunctionRole(target, selectors, role);
    }
}
