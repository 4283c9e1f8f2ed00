// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {ICouncil} from "../interfaces/ICouncil.sol";
import {IValidators} from "../interfaces/IValidators.sol";

/// @title The validators and the listed nodes
/// @dev luyad reads the storage directly: the order of the variables is chain_node/luyad/layout.go's, and a test holds
/// it. It lies at a fixed address from the genesis on and is never upgraded.
contract Validators is IValidators, AccessManaged {
    uint256 private constant _MAX_VALIDATORS = 100;
    uint64 private constant _MAX_POWER = 1000;
    uint256 private constant _MAX_OWN_NODES = 16;
    /// @dev What the 64 members that a council can have may list without a vote, and room for 256 by votes.
    uint256 private constant _MAX_NODES = 1280;
    /// @dev From so many validators on the bounds of a third apply; below, any change is a large one.
    uint256 private constant _BFT_SIZE = 4;

    Validator[] private _validators;
    Node[] private _nodes;
    mapping(bytes32 key => uint256 place) private _placeOf;
    mapping(bytes20 id => uint256 place) private _nodePlaceOf;
    uint64 private _changedAt;
    uint64 private _totalPower;
    mapping(uint32 organisation => uint256 count) private _nodesOf;
    ICouncil private immutable _council;

    /// @param authority_ the AccessManager
    /// @param council_ the council whose members run the validators
    /// @param validators_ the first set, at least one
    /// @param nodes_ the first nodes
    constructor(
        address authority_,
        address council_,
        Validator[] memory validators_,
        Node[] memory nodes_
    ) AccessManaged(authority_) {
        _council = ICouncil(council_);
        if (validators_.length == 0) revert ValidatorsLast(0);
        for (uint256 i = 0; i < validators_.length; ++i) {
            Validator memory one = validators_[i];
            if (_placeOf[one.key] != 0) revert ValidatorsKeyTaken(one.key);
            if (one.power == 0) revert ValidatorsBadValidator(one.key, 0, one.organisation);
            _add(one.key, one.power, one.organisation);
        }
        for (uint256 i = 0; i < nodes_.length; ++i) _list(nodes_[i].id, nodes_[i].organisation);
    }

    // --------------------------------------------------------------------------------------------------- validators

    /// @inheritdoc IValidators
    function setValidator(bytes32 key, uint64 power, uint32 organisation) external restricted {
        uint256 place = _placeOf[key];
        uint64 before = 0;
        if (place != 0) {
            Validator storage one = _validators[place - 1];
            if (one.organisation != organisation) revert ValidatorsOtherOrganisation(key, one.organisation);
            before = one.power;
        } else if (power == 0) {
            revert ValidatorsUnknownKey(key);
        } else {
            _checkMember(organisation);
        }
        _begin(power > before ? power - before : before - power);
        if (place == 0) _add(key, power, organisation);
        else if (power == 0) _remove(key, place);
        else _weigh(place, power);
        if (power > before && _validators.length >= _BFT_SIZE) {
            uint256 share = _powerOf(organisation);
            if (share * 3 >= _totalPower) revert ValidatorsShareTooLarge(share, _totalPower);
        }
        emit ValidatorSet(key, power, organisation);
    }

    /// @inheritdoc IValidators
    function replaceKey(bytes32 oldKey, bytes32 newKey) external restricted {
        uint256 place = _placeOf[oldKey];
        if (place == 0) revert ValidatorsUnknownKey(oldKey);
        if (_placeOf[newKey] != 0) revert ValidatorsKeyTaken(newKey);
        Validator storage one = _validators[place - 1];
        if (newKey == bytes32(0)) revert ValidatorsBadValidator(newKey, one.power, one.organisation);
        _begin(one.power);
        delete _placeOf[oldKey];
        _placeOf[newKey] = place;
        one.key = newKey;
        emit ValidatorReplaced(oldKey, newKey);
    }

    /// @dev What every change of the set is held to.
    function _begin(uint256 change) private {
        if (_changedAt == block.number) revert ValidatorsAlreadyChanged(block.number);
        if (_validators.length >= _BFT_SIZE && change * 3 > _totalPower) {
            revert ValidatorsChangeTooLarge(change, _totalPower);
        }
        _changedAt = uint64(block.number);
    }

    function _add(bytes32 key, uint64 power, uint32 organisation) private {
        if (key == bytes32(0) || power > _MAX_POWER || organisation == 0) {
            revert ValidatorsBadValidator(key, power, organisation);
        }
        if (_validators.length == _MAX_VALIDATORS) revert ValidatorsTooMany(_MAX_VALIDATORS);
        _validators.push(Validator(key, power, organisation));
        _placeOf[key] = _validators.length;
        _totalPower += power;
    }

    function _weigh(uint256 place, uint64 power) private {
        Validator storage one = _validators[place - 1];
        if (power > _MAX_POWER) revert ValidatorsBadValidator(one.key, power, one.organisation);
        _totalPower = _totalPower - one.power + power;
        one.power = power;
    }

    function _remove(bytes32 key, uint256 place) private {
        uint256 count = _validators.length;
        if (count == 1) revert ValidatorsLast(key);
        _totalPower -= _validators[place - 1].power;
        Validator memory last = _validators[count - 1];
        _validators[place - 1] = last;
        _placeOf[last.key] = place;
        _validators.pop();
        delete _placeOf[key];
    }

    function _powerOf(uint32 organisation) private view returns (uint256 power) {
        for (uint256 i = 0; i < _validators.length; ++i) {
            if (_validators[i].organisation == organisation) power += _validators[i].power;
        }
    }

    function _checkMember(uint32 organisation) private view {
        if (_council.accountOf(organisation) == address(0)) revert ValidatorsNotMember(organisation);
    }

    // -------------------------------------------------------------------------------------------------------- nodes

    /// @inheritdoc IValidators
    function listNode(bytes20 id, uint32 organisation) external restricted {
        _checkMember(organisation);
        uint256 place = _nodePlaceOf[id];
        if (place != 0) {
            if (_nodes[place - 1].organisation == organisation) return;
            // An id proves nothing of its holder: whoever lists another's node first must not keep it out.
            _unlist(id, place);
        }
        _list(id, organisation);
    }

    /// @inheritdoc IValidators
    function unlistNode(bytes20 id) external restricted {
        uint256 place = _nodePlaceOf[id];
        if (place == 0) revert ValidatorsNodeNotListed(id);
        _unlist(id, place);
    }

    /// @inheritdoc IValidators
    function unlistNodes(uint32 organisation) external restricted {
        for (uint256 i = _nodes.length; i > 0; --i) {
            if (_nodes[i - 1].organisation == organisation) _unlist(_nodes[i - 1].id, i);
        }
    }

    /// @inheritdoc IValidators
    function listOwnNode(bytes20 id) external {
        uint32 organisation = _callersOrganisation();
        if (_nodesOf[organisation] >= _MAX_OWN_NODES) revert ValidatorsTooManyNodes(_MAX_OWN_NODES);
        _list(id, organisation);
    }

    /// @inheritdoc IValidators
    function unlistOwnNode(bytes20 id) external {
        uint32 organisation = _callersOrganisation();
        uint256 place = _nodePlaceOf[id];
        if (place == 0 || _nodes[place - 1].organisation != organisation) revert ValidatorsNodeNotListed(id);
        _unlist(id, place);
    }

    function _callersOrganisation() private view returns (uint32 organisation) {
        organisation = _council.organisationOf(msg.sender);
        if (organisation == 0) revert ValidatorsCallerNotMember(msg.sender);
    }

    function _list(bytes20 id, uint32 organisation) private {
        if (id == bytes20(0) || organisation == 0) revert ValidatorsBadNode(id, organisation);
        uint256 place = _nodePlaceOf[id];
        if (place != 0) revert ValidatorsNodeListed(id, _nodes[place - 1].organisation);
        if (_nodes.length == _MAX_NODES) revert ValidatorsTooManyNodes(_MAX_NODES);
        _nodes.push(Node(id, organisation));
        _nodePlaceOf[id] = _nodes.length;
        ++_nodesOf[organisation];
        emit NodeListed(id, organisation);
    }

    function _unlist(bytes20 id, uint256 place) private {
        uint32 organisation = _nodes[place - 1].organisation;
        Node memory last = _nodes[_nodes.length - 1];
        _nodes[place - 1] = last;
        _nodePlaceOf[last.id] = place;
        _nodes.pop();
        delete _nodePlaceOf[id];
        --_nodesOf[organisation];
        emit NodeUnlisted(id, organisation);
    }

    // -------------------------------------------------------------------------------------------------------- views

    /// @inheritdoc IValidators
    function council() external view returns (address) {
        return address(_council);
    }

    /// @inheritdoc IValidators
    function validators() external view returns (Validator[] memory) {
        return _validators;
    }

    /// @inheritdoc IValidators
    function validator(bytes32 key) external view returns (Validator memory one) {
        uint256 place = _placeOf[key];
        if (place != 0) one = _validators[place - 1];
    }

    /// @inheritdoc IValidators
    function totalPower() external view returns (uint64) {
        return _totalPower;
    }

    /// @inheritdoc IValidators
    function changedAt() external view returns (uint64) {
        return _changedAt;
    }

    /// @inheritdoc IValidators
    function nodes() external view returns (Node[] memory) {
        return _nodes;
    }

    /// @inheritdoc IValidators
    function organisationOfNode(bytes20 id) external view returns (uint32) {
        uint256 place = _nodePlaceOf[id];
        return place == 0 ? 0 : _nodes[place - 1].organisation;
    }
}
