import SystemIO

/// Goes through a session's segments in order.
struct LogWalk {
    private let place: LedgerPlace
    private let withPayloads: Bool

    init(_ place: LedgerPlace, withPayloads: Bool = true) {
        self.place = place
        self.withPayloads = withPayloads
    }

    /// How the log ended, when all of it was read.
    struct End {
        let tail: LogTail
        /// What the records that were handed over take in their files.
        let byteCount: Int
        /// Bytes behind the last record that are part of none: a torn tail.
        let tornBytes: Int
    }

    /// Hands over the records behind `position` until `body` answers false.
    ///
    /// - Returns: the log's end; nil when `body` did not want to know.
    func replay(
        after position: Int, _ body: (LedgerRecord) throws(LedgerFault) -> Bool
    ) throws(LedgerFault) -> End? {
        let segments = try place.files().segments
        // The segment that holds the next record is the last that begins at or before it.
        let first = segments.lastIndex { $0 <= position } ?? 0
        var state = State(reached: position, position: position)
        for (index, start) in segments.enumerated().dropFirst(first) {
            let isLast = index == segments.count - 1
            guard try read(start, isLast: isLast, &state, body) else { return nil }
        }
        return End(
            tail: LogTail(head: state.reached, segment: state.segment),
            byteCount: state.byteCount, tornBytes: state.tornBytes)
    }

    private struct State {
        /// The last position that was seen.
        var reached: Int
        /// Records up to here are passed over.
        let position: Int
        var segment: LogTail.Segment?
        var byteCount = 0
        var tornBytes = 0
    }

    private func read(
        _ start: Int, isLast: Bool, _ state: inout State,
        _ body: (LedgerRecord) throws(LedgerFault) -> Bool
    ) throws(LedgerFault) -> Bool {
        let path = place.path(of: .segment(after: start))
        guard start <= state.reached else {
            throw .damaged(
                file: path, offset: 0,
                reason: "records \(state.reached + 1) to \(start) are missing before it")
        }
        state.reached = start
        let file = try path.reading { () throws(Errno) in try SegmentFile(path, .read) }
        var (reader, opening, outcome) = try path.reading { () throws(Errno) in
            try RecordReader.open(file, after: start)
        }
        if let opening { try check(opening, path) }
        var before = 0
        while case .record(let record) = outcome {
            state.reached = record.position
            if record.kind != .opening, record.position > state.position {
                guard try body(record) else { return false }
                state.byteCount += reader.offset - before
            }
            before = reader.offset
            let skips = !withPayloads || record.position < state.position
            outcome = try path.reading { () throws(Errno) in
                try reader.read(skippingPayloads: skips)
            }
        }
        return try end(outcome, reader, path, start, isLast, opening, &state)
    }

    private func end(
        _ outcome: RecordReader<SegmentFile>.Outcome, _ reader: RecordReader<SegmentFile>,
        _ path: String, _ start: Int, _ isLast: Bool, _ opening: SegmentOpening?,
        _ state: inout State
    ) throws(LedgerFault) -> Bool {
        switch outcome {
        case .record: return true
        case .damaged(let reason):
            throw .damaged(file: path, offset: reader.offset, reason: reason)
        case .newer(let version):
            throw .newer(file: path, version: version)
        case .torn where !isLast:
            throw .damaged(
                file: path, offset: reader.offset,
                reason: "the segment is cut off, and others follow it")
        case .end, .torn:
            let byteCount = try path.reading { () throws(Errno) in try reader.source.byteCount }
            state.tornBytes = byteCount - reader.offset
            // A segment without a whole opening is begun anew.
            state.segment = opening.map {
                LogTail.Segment(start: start, byteCount: reader.offset, alignment: $0.alignment)
            }
            return true
        }
    }

    private func check(_ opening: SegmentOpening, _ path: String) throws(LedgerFault) {
        guard opening.session == place.session,
            opening.firstGeneration == place.firstGeneration
        else {
            throw .damaged(
                file: path, offset: 0,
                reason: "the segment belongs to \(opening.session)@\(opening.firstGeneration)")
        }
    }
}

extension String {
    /// Runs what reads the file at this path. A file that has gone since its name was read was
    /// superfluous, so what it led to is not covered any more.
    func reading<Answer>(
        _ body: () throws(Errno) -> Answer
    ) throws(LedgerFault) -> Answer {
        do {
            return try body()
        } catch {
            throw error == .noEntry ? .notCovered : .unreadable(file: self, error)
        }
    }
}
