import OptimizerEngine
import SystemIO

/// One change of a session as its ledger keeps it.
///
/// Records are numbered from 1 without gaps; a record's number is its position. Replaying them in
/// order on the state of an earlier position gives the state of a later one, bit for bit.
package struct LedgerRecord: Sendable {
    package enum Kind: UInt8, Sendable {
        /// The first record of a segment; it changes nothing. Detail: `SegmentOpening`.
        case opening = 1
        /// An applied step. Detail: `StepEntry`; payload: the gradients that it names.
        case step = 2
        /// A step that was left out for a non-finite gradient. Detail: `StepEntry`.
        case skip = 3
        /// Other hyperparameters. Payload: the settings in force from here on, as in a state
        /// file's metadata.
        case settings = 4
        /// Overwritten parameters. Detail: `TensorRuns`; payload: the values.
        case parameters = 5
        /// Another state in the place of this one. Payload: a state file (API §3a).
        case state = 6
        /// Records of many sessions on their way to their segments; only in journals. Detail:
        /// `JournalBatch`; payload: the records.
        case batch = 7
        /// Gradients that were added to the accumulated ones; they are no step and no revision.
        /// Detail: `GradientsEntry`; payload: the gradients that it names.
        case gradients = 8
        /// The accumulated gradients were given up.
        case zeroGradients = 9
    }

    package let kind: Kind
    package var position: Int
    /// The session's version after the change.
    package let tag: SessionTag
    package let time: WallTime
    package let detail: [UInt8]
    package let payload: LedgerPayload

    init(
        _ kind: Kind, position: Int, tag: SessionTag, time: WallTime, detail: [UInt8] = [],
        payload: LedgerPayload = .empty
    ) {
        self.kind = kind
        self.position = position
        self.tag = tag
        self.time = time
        self.detail = detail
        self.payload = payload
    }
}

/// The bulk of a record: one range of a slab, which stays as it is until the record is written.
package struct LedgerPayload: Sendable {
    let slab: Slab?
    let byteOffset: Int
    package let byteCount: Int

    static let empty = LedgerPayload(slab: nil, byteOffset: 0, byteCount: 0)

    private init(slab: Slab?, byteOffset: Int, byteCount: Int) {
        self.slab = slab
        self.byteOffset = byteOffset
        self.byteCount = byteCount
    }

    init(_ slab: Slab, byteOffset: Int = 0, byteCount: Int) {
        precondition(
            byteOffset >= 0 && byteCount >= 0 && byteOffset <= slab.byteCount - byteCount,
            "a payload lies inside its slab")
        self.slab = slab
        self.byteOffset = byteOffset
        self.byteCount = byteCount
    }

    /// Valid while the payload lives.
    var bytes: UnsafeRawBufferPointer {
        guard let slab else { return UnsafeRawBufferPointer(start: nil, count: 0) }
        return UnsafeRawBufferPointer(start: slab.base + byteOffset, count: byteCount)
    }
}
