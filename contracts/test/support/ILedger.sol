// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {IERC5267} from "@openzeppelin/contracts/interfaces/IERC5267.sol";
import {IERC1155MetadataURI} from "@openzeppelin/contracts/token/ERC1155/extensions/IERC1155MetadataURI.sol";
import {ILuyaLedger} from "../../interfaces/ILuyaLedger.sol";

/// @title All that a ledger answers to
/// @dev Tests know the contracts by their interfaces only, so that compiling a test does not compile the contracts.
interface ILedger is ILuyaLedger, IERC1155MetadataURI, IERC5267 {}
