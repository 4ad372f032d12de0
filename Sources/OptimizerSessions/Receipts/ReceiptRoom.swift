/// What a session holds of the state budget for its receipts: taken in blocks as they become
/// more, before the step that adds one.
struct ReceiptRoom {
    private var blocks: [Reservation] = []
    /// The first few receipts are part of what every session is charged for.
    private var byteCount = 1024

    private static let blockBytes = 4096

    /// - Throws: `overBudget`; the step is then refused before anything happens.
    mutating func make(_ needed: Int, in budget: StateBudget) throws(SessionError) {
        while byteCount < needed {
            blocks.append(try budget.reserve(Self.blockBytes))
            byteCount += Self.blockBytes
        }
    }
}
