// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

/// @title Who makes blocks, and which nodes are let in
/// @notice luyad reads both lists from this contract's storage at the end of each block and hands CometBFT the change.
/// The bounds keep a wrong vote from stopping the chain at a stroke: never fewer than one validator, one change a
/// block, and from four validators on no change of more than a third of the power (what CometBFT's light clients bear)
/// and no organisation raised to a third or more (it could stop the chain alone).
interface IValidators {
    /// @notice A validator.
    /// @param key its ed25519 public key
    /// @param power its weight, 1 … 1,000
    /// @param organisation the member organisation that runs it
    struct Validator {
        bytes32 key;
        uint64 power;
        uint32 organisation;
    }

    /// @notice A node that the others let in.
    /// @param id its CometBFT node id
    /// @param organisation the member organisation that runs it
    struct Node {
        bytes20 id;
        uint32 organisation;
    }

    /// @notice A validator was added, weighs something else now, or was removed (power 0).
    event ValidatorSet(bytes32 indexed key, uint64 power, uint32 indexed organisation);
    /// @notice A validator goes on with another key.
    event ValidatorReplaced(bytes32 indexed oldKey, bytes32 indexed newKey);
    /// @notice A node is let in from now on.
    event NodeListed(bytes20 indexed id, uint32 indexed organisation);
    /// @notice A node is not let in any more.
    event NodeUnlisted(bytes20 indexed id, uint32 indexed organisation);

    /// @notice Key, power (up to the limit) and organisation of a validator are not zero.
    error ValidatorsBadValidator(bytes32 key, uint64 power, uint32 organisation);
    /// @notice No such validator.
    error ValidatorsUnknownKey(bytes32 key);
    /// @notice The key is a validator's already.
    error ValidatorsKeyTaken(bytes32 key);
    /// @notice The validator is run by another organisation: remove it and add it again.
    error ValidatorsOtherOrganisation(bytes32 key, uint32 organisation);
    /// @notice The organisation is not a member of the council.
    error ValidatorsNotMember(uint32 organisation);
    /// @notice The last validator cannot go.
    error ValidatorsLast(bytes32 key);
    /// @notice More validators than the limit.
    error ValidatorsTooMany(uint256 limit);
    /// @notice The set has changed in this block: once a block.
    error ValidatorsAlreadyChanged(uint256 blockNumber);
    /// @notice The change is more than a third of the power: go in smaller steps.
    error ValidatorsChangeTooLarge(uint256 change, uint256 totalPower);
    /// @notice The organisation's validators would hold a third of the power or more.
    error ValidatorsShareTooLarge(uint256 power, uint256 totalPower);
    /// @notice Id and organisation of a node are not zero.
    error ValidatorsBadNode(bytes20 id, uint32 organisation);
    /// @notice The node is listed already.
    error ValidatorsNodeListed(bytes20 id, uint32 organisation);
    /// @notice The node is not listed, or not as one of this organisation's.
    error ValidatorsNodeNotListed(bytes20 id);
    /// @notice More nodes than the limit, of all organisations or of this one.
    error ValidatorsTooManyNodes(uint256 limit);
    /// @notice Only a member organisation lists nodes of its own.
    error ValidatorsCallerNotMember(address caller);

    /// @notice Adds a validator, gives one another power, or removes one.
    /// @param power 1 … 1,000; 0 removes
    /// @param organisation a member's number; that of an existing validator stays as it is
    function setValidator(bytes32 key, uint64 power, uint32 organisation) external;

    /// @notice Lets a validator go on with another key, with the same power, in one change.
    function replaceKey(bytes32 oldKey, bytes32 newKey) external;

    /// @notice Lets a node of a member organisation in. One that is listed as another's becomes this organisation's.
    function listNode(bytes20 id, uint32 organisation) external;

    /// @notice Lets a node in no more.
    function unlistNode(bytes20 id) external;

    /// @notice Lets no node of an organisation in any more, however many it has by now, none included.
    function unlistNodes(uint32 organisation) external;

    /// @notice Lets a node of the caller's own organisation in, without a vote, up to 16 of each organisation. The list
    /// has room for 16 of the most members there can be and 256 more: whatever members list, a vote finds room.
    function listOwnNode(bytes20 id) external;

    /// @notice Lets a node of the caller's own organisation in no more.
    function unlistOwnNode(bytes20 id) external;

    /// @notice The council whose members' organisations may be named.
    function council() external view returns (address);

    /// @notice All validators.
    function validators() external view returns (Validator[] memory);

    /// @notice A validator by its key; power 0 where there is none.
    function validator(bytes32 key) external view returns (Validator memory);

    /// @notice The power of all validators together.
    function totalPower() external view returns (uint64);

    /// @notice The block of the last change of the set.
    function changedAt() external view returns (uint64);

    /// @notice All listed nodes.
    function nodes() external view returns (Node[] memory);

    /// @notice The organisation of a listed node, 0 if it is not listed.
    function organisationOfNode(bytes20 id) external view returns (uint32);
}
