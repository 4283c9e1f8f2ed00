// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

/// @title Secp256k1 signatures, only in their one canonical form
library Signatures {
    /// @notice Bytes of a signature: r, s, v.
    uint256 internal constant BYTES = 65;

    /// Half of the group's order: a higher s is the same signature in another spelling.
    uint256 private constant _HALF_ORDER = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0;

    /// @notice The signer, or zero where the signature is not canonical or not valid.
    function recover(bytes32 digest, bytes calldata signature) internal pure returns (address) {
        bytes32 r = bytes32(signature[0:32]);
        bytes32 s = bytes32(signature[32:64]);
        uint8 v = uint8(signature[64]);
        if (uint256(s) > _HALF_ORDER || (v != 27 && v != 28)) return address(0);
        return ecrecover(digest, v, r, s);
    }
}
