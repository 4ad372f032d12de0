/// How long runs of numbers are read by several threads.
package struct WorkSharing: Sendable {
    /// Calls `work` once with every number in 0 ..< `count`, on this thread and maybe on others at
    /// the same time, and returns when all calls have returned.
    package typealias Perform = @Sendable (
        _ count: Int, _ work: @escaping @Sendable (_ number: Int) -> Void
    ) -> Void

    let perform: Perform
    /// Of a piece of text, at least.
    let pieceBytes: Int

    /// Of a number of 17 digits with its comma, about.
    static let usualNumberBytes = 24

    /// - Parameter pieceBytes: by default some 10 µs of work.
    package init(pieceBytes: Int = 16 << 10, _ perform: @escaping Perform) {
        self.perform = perform
        self.pieceBytes = pieceBytes
    }
}

/// A long run of numbers that several threads read at the same time.
///
/// The text is cut behind commas. Each number of a plain run has one comma behind it, so counting
/// commas tells where a piece's numbers go before one of them is read. What comes out is what
/// reading the pieces one after the other gives: it counts up to the first piece that stopped
/// before its end. What later pieces wrote lies in the run's memory beyond that, where numbers are
/// still to come or none are looked at.
extension NumberRun {
    /// As `read(_:_:)`, by several threads where the text is long enough.
    func read(
        _ start: UnsafeRawPointer, _ end: UnsafeRawPointer, sharing: WorkSharing?
    ) -> Outcome {
        // A row of few pieces is read alone: more than it wins is lost to waking the others up.
        guard let sharing, end - start >= 2 * sharing.pieceBytes,
            capacity >= 4 * sharing.pieceBytes / WorkSharing.usualNumberBytes
        else { return read(start, end) }
        let pieces = RunPieces(of: self, start, end, pieceBytes: sharing.pieceBytes)
        guard pieces.count > 1 else { return read(start, end) }
        sharing.perform(pieces.count) { pieces.read($0) }
        return pieces.outcome
    }
}

/// `@unchecked Sendable`: each outcome is written by the thread that reads its piece, and looked at
/// when all of them have been written.
private final class RunPieces: @unchecked Sendable {
    private struct Piece {
        let start: UnsafeRawPointer
        /// Commas up to the next piece; nil in the last one, which reads on for as long as it can.
        let commas: Int?
        let run: NumberRun
    }

    private let end: UnsafeRawPointer
    private let pieces: [Piece]
    /// Invariant: one for each piece, initialized.
    private let outcomes: UnsafeMutablePointer<NumberRun.Outcome>

    var count: Int { pieces.count }

    init(
        of run: NumberRun, _ start: UnsafeRawPointer, _ end: UnsafeRawPointer, pieceBytes: Int
    ) {
        self.end = end
        var pieces: [Piece] = []
        pieces.reserveCapacity((end - start) / pieceBytes + 1)
        var next: UnsafeRawPointer? = start
        var rest = run
        while let start = next {
            next = Self.cut(start, end, pieceBytes)
            var commas = next.map { CommaScan.count(start, $0) }
            if let count = commas, count >= rest.capacity {
                // The run ends here, whatever the text does.
                (next, commas) = (nil, nil)
            }
            pieces.append(Piece(start: start, commas: commas, run: rest))
            rest = rest.dropFirst(commas ?? 0)
        }
        self.pieces = pieces
        outcomes = .allocate(capacity: pieces.count)
        outcomes.initialize(repeating: NumberRun.Outcome(position: start), count: pieces.count)
    }

    deinit { outcomes.deallocate() }

    /// Behind the first comma that is a piece away; nil where the rest is one piece.
    private static func cut(
        _ start: UnsafeRawPointer, _ end: UnsafeRawPointer, _ pieceBytes: Int
    ) -> UnsafeRawPointer? {
        guard end - start >= 2 * pieceBytes else { return nil }
        return CommaScan.next(start + pieceBytes, end).map { $0 + 1 }
    }

    func read(_ number: Int) {
        let piece = pieces[number]
        var run = piece.run
        if let commas = piece.commas { run.capacity = commas }
        outcomes[number] = run.read(NumberRun.skipWhiteSpace(piece.start, end), end)
    }

    /// Of all pieces up to the first that stopped before its end.
    var outcome: NumberRun.Outcome {
        var whole = NumberRun.Outcome(position: pieces[0].start)
        for (piece, outcome) in zip(pieces, UnsafeBufferPointer(start: outcomes, count: count)) {
            whole.count += outcome.count
            whole.position = outcome.position
            whole.isAtBracket = outcome.isAtBracket
            if outcome.isAtBracket || outcome.count != piece.commas { break }
        }
        return whole
    }
}

extension NumberRun {
    /// What is left of the run when `count` numbers, at most all, have been written to it.
    fileprivate func dropFirst(_ count: Int) -> NumberRun {
        NumberRun(
            base: base + count * precision.stride, capacity: capacity - count,
            precision: precision)
    }
}

/// Looks for commas, eight bytes at a time where they are counted.
private enum CommaScan {
    private static let comma = UInt8(ascii: ",")
    private static let commas: UInt64 = 0x2C2C_2C2C_2C2C_2C2C

    static func next(_ start: UnsafeRawPointer, _ end: UnsafeRawPointer) -> UnsafeRawPointer? {
        var position = start
        while position < end {
            if position.load(as: UInt8.self) == comma { return position }
            position += 1
        }
        return nil
    }

    static func count(_ start: UnsafeRawPointer, _ end: UnsafeRawPointer) -> Int {
        var position = start
        var total = 0
        while end - position >= 8 {
            // Eight sums, of which each stays below 256.
            let blockEnd = position + min((end - position) / 8, 255) * 8
            var sums: UInt64 = 0
            while position < blockEnd {
                sums &+= ones(position.loadUnaligned(as: UInt64.self))
                position += 8
            }
            total &+= sum(sums)
        }
        while position < end {
            if position.load(as: UInt8.self) == comma { total &+= 1 }
            position += 1
        }
        return total
    }

    /// 1 in each byte of `word` that is a comma, 0 in the others.
    @inline(__always)
    private static func ones(_ word: UInt64) -> UInt64 {
        let others = word ^ commas
        // The highest bit of a byte stays clear where all of it is zero; nothing is carried over.
        let marks = ((others & 0x7F7F_7F7F_7F7F_7F7F) &+ 0x7F7F_7F7F_7F7F_7F7F) | others
        return (~marks &>> 7) & 0x0101_0101_0101_0101
    }

    /// Of the eight bytes.
    private static func sum(_ bytes: UInt64) -> Int {
        let pairs = (bytes & 0x00FF_00FF_00FF_00FF) &+ ((bytes &>> 8) & 0x00FF_00FF_00FF_00FF)
        return Int((pairs &* 0x0001_0001_0001_0001) &>> 48)
    }
}
