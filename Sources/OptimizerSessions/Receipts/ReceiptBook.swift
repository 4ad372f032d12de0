import SystemIO

/// How long what is remembered of steps stays, as published.
package enum ReceiptBounds {
    /// The steps whose receipts are kept however old they are (API §4).
    package static let recentCount = 1024
    /// How long a key is kept at least, by the clock on the wall: 24 hours.
    package static let keySeconds = 86_400
    /// Receipts of one session, with and without keys.
    package static let limit = 100_000
}

/// The receipts of a session's latest steps, found by step and by idempotency key. A value; the
/// session guards it with a lock.
///
/// Kept are the last `ReceiptBounds.recentCount` receipts, and as many before them as are needed
/// so that every key stays for `keySeconds`; never more than `limit`.
struct ReceiptBook {
    /// What has become of a key.
    enum KeyState {
        case unknown
        /// A request with it is being executed.
        case inProgress
        case done(StepReceipt)
    }

    private var receipts: [StepReceipt] = []
    /// Where in `receipts` the first one lies that is still kept.
    private var start = 0
    /// How many receipts were dropped before `receipts[0]`: with it a receipt keeps its number.
    private var dropped = 0
    private var numberOfKey: [String: Int] = [:]
    private var running: Set<String> = []

    var count: Int { receipts.count - start }
    var latestRates: LearningRates? { receipts.last?.rates }
    /// What the receipts take in memory, about.
    private(set) var byteCount = 0

    func state(of key: String) -> KeyState {
        if let number = numberOfKey[key] { return .done(receipts[number - dropped]) }
        return running.contains(key) ? .inProgress : .unknown
    }

    /// Takes an unknown key for a request that is about to be executed.
    mutating func claim(_ key: String) -> KeyState {
        let state = state(of: key)
        if case .unknown = state { running.insert(key) }
        return state
    }

    /// The request was refused: its key is as if it had never been used.
    mutating func release(_ key: String) {
        running.remove(key)
    }

    mutating func add(_ receipt: StepReceipt) {
        var receipt = receipt
        if let last = receipts.last, last.rates !== receipt.rates,
            last.rates.isSame(as: receipt.rates)
        {
            receipt = receipt.sharing(last.rates)
        }
        if let key = receipt.key {
            running.remove(key.text)
            numberOfKey[key.text] = dropped + receipts.count
        }
        byteCount += Self.byteCount(
            withKey: receipt.key?.text,
            ownRates: receipt.rates === receipts.last?.rates ? nil : receipt.rates)
        receipts.append(receipt)
        dropOutdated(now: receipt.time)
    }

    /// The latest receipt of that step; of a generation when one is named.
    func receipt(step: Int, generation: Int?) -> StepReceipt? {
        receipts[start...].last {
            $0.applied && $0.step == step && (generation == nil || $0.tag.generation == generation)
        }
    }

    /// Of one receipt. A key has text and fingerprint in blocks of their own and a place in the
    /// table of keys; receipts that were dropped wait to be cleared for as long as others stay.
    ///
    /// - Parameter ownRates: nil where the receipt before it has the same.
    static func byteCount(withKey key: String?, ownRates rates: LearningRates? = nil) -> Int {
        2 * MemoryLayout<StepReceipt>.stride + (key.map { 192 + 2 * $0.utf8.count } ?? 0)
            + (rates.map { LearningRates.byteCount(groupCount: $0.byGroup.count) } ?? 0)
    }

    private mutating func dropOutdated(now: WallTime) {
        while count > ReceiptBounds.recentCount {
            let oldest = receipts[start]
            let isDue = oldest.key == nil || oldest.isOutdated(at: now)
            guard isDue || count > ReceiptBounds.limit else { break }
            // A key that was used again for a later step belongs to that one.
            if let key = oldest.key, numberOfKey[key.text] == dropped + start {
                numberOfKey[key.text] = nil
            }
            // Rates that the next receipt shares stay for as long as that does.
            let isLastOfItsRates = oldest.rates !== receipts[start + 1].rates
            byteCount -= Self.byteCount(
                withKey: oldest.key?.text, ownRates: isLastOfItsRates ? oldest.rates : nil)
            start += 1
        }
        // Moving the rest to the front now and then costs each receipt one move.
        guard start > max(ReceiptBounds.recentCount, receipts.count / 2) else { return }
        receipts.removeFirst(start)
        dropped += start
        start = 0
    }
}

extension StepReceipt {
    /// The clock may have jumped, or a file may hold any time.
    fileprivate func isOutdated(at now: WallTime) -> Bool {
        let (age, overflow) = now.seconds.subtractingReportingOverflow(time.seconds)
        return overflow ? now > time : age >= Int64(ReceiptBounds.keySeconds)
    }

    fileprivate func sharing(_ rates: LearningRates) -> StepReceipt {
        StepReceipt(
            tag: tag, applied: applied, gradNorm: gradNorm, clipCoef: clipCoef, loss: loss,
            rates: rates, time: time, key: key, accumulated: accumulated)
    }
}

extension ReceiptBook {
    func write(to writer: inout ByteWriter) {
        writer.integer(UInt32(count))
        var last: StepReceipt?
        for receipt in receipts[start...] {
            writer.receipt(receipt, sharesRates: last?.rates === receipt.rates)
            last = receipt
        }
    }

    init(from reader: inout ByteReader) throws(ByteReader.Fault) {
        for _ in 0..<(try reader.count(UInt32.self)) {
            add(try reader.receipt(after: receipts.last))
        }
    }
}
