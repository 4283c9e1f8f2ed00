// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {ILuyaAgents} from "../../interfaces/ILuyaAgents.sol";
import {ILuyaControllers} from "../../interfaces/ILuyaControllers.sol";
import {ILuyaRewards} from "../../interfaces/ILuyaRewards.sol";
import {Operator} from "./Operator.sol";

/// @title A world with a merchant, an item and residents who have points of two years
/// @notice Organisation 2 is the merchant; the custodian acts for everybody.
abstract contract Shop is Operator {
    uint64 internal constant CATALOGUE_MANAGER = 5;
    uint16 internal constant MERCHANT = 2;
    uint32 internal constant MUG = 1;
    /// @dev 1.2 points.
    uint64 internal constant PRICE = 1_200;
    uint64 internal constant OLD_POINTS = 4_800;
    uint64 internal constant NEW_POINTS = 2_400;
    bytes32 internal constant CODE = keccak256("code");

    uint256 internal constant CUSTODIAN_KEY = uint256(keccak256("custodian"));
    uint256 internal constant CASHIER_KEY = uint256(keccak256("cashier"));

    uint256 private constant _FIRST = 100;

    ILuyaControllers internal controllers;
    ILuyaAgents internal agents;
    ILuyaRewards internal rewards;
    mapping(address account => uint64) internal nonces;
    /// @dev The entries of the orders taken, by id.
    mapping(uint64 id => bytes) internal orders;

    /// @dev So many people have 4.8 points of 2025 and 2.4 of 2026.
    function openShop(uint256 people) internal {
        openWorld();
        vm.recordLogs();
        setOrganisation(MERCHANT, keccak256("merchant"), 1);
        controllers = ILuyaControllers(deployModule("LuyaControllers", 0x48, 0x4A));
        ledger.setModule(0x4D, 0x4D, address(controllers));
        ledger.setModule(0x4F, 0x4F, address(controllers));
        agents = ILuyaAgents(deployModule("LuyaAgents", 0x4B, 0x4C));
        ledger.setModule(0x4E, 0x4E, address(agents));
        rewards = ILuyaRewards(deployModule("LuyaRewards", 0x10, 0x13));
        controllers.setCustodian(vm.addr(CUSTODIAN_KEY));
        agents.setAgent(vm.addr(CASHIER_KEY), MERCHANT, 1, 1);
        if (people != 0) registerMany(_FIRST, people);
        for (uint256 i = 0; i < people; ++i) {
            earn(resident(i));
        }
        rewards.setItem(mug());
        book();
    }

    function resident(uint256 number) internal pure returns (address) {
        return person(_FIRST + number);
    }

    function earn(address account) internal {
        submit(TRIAL, recordOf(account, CYCLING, 20_453, 10, 2, 1_000), ""); // 2025
        submit(FEED, recordOf(account, CYCLING, TODAY, 10, 2, 500), ""); // 2026
    }

    function mug() internal view returns (ILuyaRewards.ItemTerms memory terms) {
        terms.item = MUG;
        terms.organisation = MERCHANT;
        terms.kind = 1;
        terms.price = PRICE;
        terms.settlement = 990;
        terms.stock = 100;
        terms.opens = uint64(block.timestamp);
        terms.closes = uint64(block.timestamp + 30 days);
        terms.fulfilWithin = 7 days;
        terms.refundWithin = 3 days;
        terms.text = keccak256("a mug");
    }

    // ---------------------------------------------------------------------------------------------------------- acts

    /// @dev An order of the mug, with the next nonce, not signed yet.
    function orderOf(address account, uint16 quantity) internal view returns (ILuyaRewards.OrderAct memory act) {
        act.account = account;
        act.item = MUG;
        act.quantity = quantity;
        act.maxPrice = PRICE * quantity;
        act.codeHash = sha256(abi.encodePacked(CODE));
        act.nonce = nonces[account];
        act.deadline = uint64(block.timestamp + 1 hours);
    }

    function signed(
        ILuyaRewards.OrderAct memory act,
        uint256 key
    ) internal view returns (ILuyaRewards.OrderAct memory) {
        bytes32 order = keccak256(
            abi.encode(
                keccak256(
                    "Order(address account,uint32 item,uint16 quantity,uint64 maxPrice,bytes32 codeHash,uint64 nonce,uint64 deadline)"
                ),
                act.account,
                act.item,
                act.quantity,
                act.maxPrice,
                act.codeHash,
                act.nonce,
                act.deadline
            )
        );
        act.signature = signatureOf(key, digestOfAct(order));
        return act;
    }

    function signed(ILuyaRewards.OrderAct memory act) internal view returns (ILuyaRewards.OrderAct memory) {
        return signed(act, CUSTODIAN_KEY);
    }

    /// @dev Orders, and remembers entry and nonce.
    function buy(address account, uint16 quantity) internal returns (uint64 id) {
        id = ledger.logSize();
        vm.recordLogs();
        rewards.order(signed(orderOf(account, quantity)));
        orders[id] = firstEntry();
        ++nonces[account];
    }

    function fulfilmentOf(uint64 id, bytes32 code, uint256 key) internal view returns (bytes memory) {
        bytes32 typeHash = keccak256("Fulfilment(uint64 order,bytes32 code)");
        return signatureOf(key, digestOfAct(keccak256(abi.encode(typeHash, id, code))));
    }

    function refundOf(uint64 id, ILuyaRewards.Cause cause, uint256 key) internal view returns (bytes memory) {
        bytes32 typeHash = keccak256("Refund(uint64 order,uint8 cause)");
        return signatureOf(key, digestOfAct(keccak256(abi.encode(typeHash, id, cause))));
    }

    function fulfil(uint64 id) internal {
        rewards.fulfil(id, orders[id], CODE, fulfilmentOf(id, CODE, CASHIER_KEY));
    }

    function refund(uint64 id, ILuyaRewards.Cause cause) internal {
        uint256 key = cause == ILuyaRewards.Cause.RESIDENT ? CUSTODIAN_KEY : CASHIER_KEY;
        bool anyone = cause == ILuyaRewards.Cause.UNFULFILLED;
        rewards.refund(id, orders[id], cause, anyone ? bytes("") : refundOf(id, cause, key));
    }

    // ------------------------------------------------------------------------------------------------------- readings

    function pointsOf(address account, uint256 year) internal view returns (uint256) {
        return ledger.balanceOf(account, 20_000 + year);
    }

    function sold(uint32 item) internal view returns (uint256 units) {
        (, , units, ) = rewards.itemOf(item);
    }
}
