/// Why a document with tensors is refused: the first fault that was found.
package enum DocumentFault: Error, Equatable, Sendable {
    /// The text is not JSON.
    case malformed(JSONFault)
    /// The text is JSON but does not say what it should. The pointer follows RFC 6901.
    case semantic(kind: Kind, pointer: String, detail: String)

    package enum Kind: Equatable, Sendable {
        /// The shapes in full where they are known.
        case shapeMismatch(expected: [Int]?, actual: [Int]?)
        case dtypeMismatch
        case unknownTensor
        case invalidValue
        case missingMember
        case unknownMember
        case invalidName
        case overBudget
    }
}
