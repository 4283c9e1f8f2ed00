// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

// Stand-ins for luyad's tests: the same storage layout as the genesis contracts, with setters that anybody may call,
// so that tests can also put in what the real contracts refuse. Insecure, never deployed.

contract InsecureValidators {
    struct Validator {
        bytes32 key;
        uint64 power;
        uint32 organisation;
    }

    address private _authority; // slot 0
    Validator[] private _validators; // slot 1
    uint256[] private _nodes; // slot 2
    mapping(bytes32 key => uint256 place) private _placeOf; // slot 3
    mapping(bytes20 id => uint256 place) private _nodePlace; // slot 4

    function add(bytes32 key, uint64 power, uint32 organisation) external {
        _validators.push(Validator(key, power, organisation));
        _placeOf[key] = _validators.length;
    }

    function put(uint256 at, bytes32 key, uint64 power) external {
        _validators[at].key = key;
        _validators[at].power = power;
    }

    function pop() external {
        _validators.pop();
    }

    function list(bytes20 id, uint32 organisation) external {
        _nodes.push((uint256(organisation) << 160) | uint160(id));
        _nodePlace[id] = _nodes.length;
    }

    function unlist(bytes20 id) external {
        delete _nodePlace[id];
    }
}

contract InsecurePermissions {
    address private _authority; // slot 0
    mapping(address account => uint256 flags) private _flags; // slot 1
    address[] private _deployers; // slot 2
    mapping(address account => uint256 place) private _deployerPlace; // slot 3
    address[] private _accounts; // slot 4
    mapping(address account => uint256 place) private _accountPlace; // slot 5
    bool private _open; // slot 6

    function allow(address account, uint256 flags) external {
        _flags[account] = flags;
        if (flags & 2 != 0) _deployers.push(account);
    }

    function forbid(address account) external {
        delete _flags[account];
        for (uint256 i = 0; i < _deployers.length; i++) {
            if (_deployers[i] == account) {
                _deployers[i] = _deployers[_deployers.length - 1];
                _deployers.pop();
                break;
            }
        }
    }

    function open(bool everybody) external {
        _open = everybody;
    }
}

contract InsecureCouncil {
    struct Member {
        uint32 organisation;
    }

    address[] private _members; // slot 0
    mapping(address account => Member) private _member; // slot 1
    uint256 public calls;

    constructor(address member) {
        _members.push(member);
        _member[member].organisation = 7;
    }

    function call() external {
        calls++;
    }
}

contract Child {
    uint256 public immutable born = block.number;
}

contract Factory {
    address public immutable self = address(this);
    Child public child;
    uint256 public count;

    function make() external {
        child = new Child();
        count++;
    }

    function make2(bytes32 salt) external {
        child = new Child{salt: salt}();
        count++;
    }

    function digest(bytes calldata data) external returns (bytes32 sum) {
        sum = sha256(data);
        count++;
    }
}
