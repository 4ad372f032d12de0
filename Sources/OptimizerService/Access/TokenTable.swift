/// The tokens that are good at a moment. A value: a reload puts another in its place.
package struct TokenTable: Sendable {
    private let digests: [TokenDigest]
    /// In the order of their digests.
    private let principals: [Principal]

    init(_ entries: [TokenEntry]) {
        digests = entries.map(\.digest)
        principals = entries.map(\.principal)
    }

    package var count: Int { digests.count }

    /// Who has the token of this digest. The search goes through the whole table and takes the
    /// same time whether it finds something, and where.
    package func principal(with digest: TokenDigest) -> Principal? {
        var place: UInt64 = 0
        for index in digests.indices {
            place |= digests[index].equalityMask(digest) & UInt64(index + 1)
        }
        return place == 0 ? nil : principals[Int(place) - 1]
    }
}
