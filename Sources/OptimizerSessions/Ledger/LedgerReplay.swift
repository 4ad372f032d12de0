import Dispatch
import OptimizerEngine
import SystemIO
import TensorFormats

/// A session's state at one position of its ledger, which records carry further.
///
/// The numbers that a step had found (norm, clip coefficient) and those in force for it are the
/// record's, so that replaying is the second half of a step and gives the same bits.
struct LedgerReplay {
    private(set) var state: SessionState
    private(set) var position: Int
    private(set) var book: ReceiptBook
    private(set) var updated: WallTime
    private(set) var steps = 0
    private let context: SessionContext

    /// - Throws: what the state's budget refuses.
    init(_ contents: SnapshotContents, _ context: SessionContext) throws(SessionError) {
        let file = contents.state
        let account = contents.account
        self.context = context
        state = try SessionState(
            file.settings, layout: file.layout, elementType: file.elementType,
            budget: context.budget)
        try file.fill(state)
        state.generation = account.generation
        state.created = account.created
        state.updated = account.updated
        position = account.position
        book = account.book
        updated = account.updated
    }

    /// Why a record cannot follow; its place in the file is known to the caller.
    struct Mismatch: Error {
        let reason: String
    }

    mutating func apply(_ record: LedgerRecord, from file: String) throws(LedgerFault) {
        do throws(Mismatch) {
            try apply(record)
        } catch {
            throw .damaged(file: file, offset: 0, reason: error.reason)
        }
    }

    private mutating func apply(_ record: LedgerRecord) throws(Mismatch) {
        do {
            guard record.position == position + 1 else {
                throw Mismatch(reason: "record \(record.position) follows \(position)")
            }
            try change(record)
            guard state.tag == record.tag else {
                throw Mismatch(
                    reason: "record \(record.position) leads to \(state.tag), not \(record.tag)")
            }
        } catch let mismatch as Mismatch {
            throw mismatch
        } catch is ByteReader.Fault {
            throw Mismatch(reason: "record \(record.position) does not fit the session")
        } catch {
            throw Mismatch(reason: "record \(record.position): \(error)")
        }
        position = record.position
        updated = record.time
    }

    /// Of each group.
    private var types: [OptimizerType] { state.optimizer.groups.map(\.hyperparameters.type) }

    private mutating func change(_ record: LedgerRecord) throws {
        switch record.kind {
        case .opening, .batch:
            throw Mismatch(reason: "record \(record.position) is no change of a session")
        case .step:
            let entry = try StepEntry(record.detail, types: types)
            try step(entry, record.payload)
            addReceipt(of: entry, record, applied: true)
            steps += 1
        case .skip:
            let entry = try StepEntry(record.detail, types: types)
            state.skipped += 1
            if entry.zeroesGradients { state.accumulator?.zero() }
            state.policy.gradScaler = state.policy.gradScaler?.afterSkip()
            addReceipt(of: entry, record, applied: false)
        case .gradients:
            try accumulate(record)
        case .zeroGradients:
            state.accumulator = nil
        case .settings:
            try adoptSettings(String(decoding: record.payload.bytes, as: UTF8.self))
            revise(record)
        case .parameters:
            try overwrite(record)
            revise(record)
        case .state:
            try replace(record.payload)
            revise(record)
        }
    }

    private func revise(_ record: LedgerRecord) {
        state.generation += 1
        state.updated = record.time
    }

    private func step(_ entry: StepEntry, _ payload: LedgerPayload) throws {
        let places = try entry.gradients.places(
            in: state.layout, payloadBytes: payload.byteCount)
        // A layout without elements has gradients without bytes, and nothing is read from there.
        let base = payload.bytes.baseAddress ?? UnsafeRawPointer(state.optimizer.parametersAddress)
        let pass = state.optimizer.replay(
            Gradients(base: base, places: places), hyperparameters: entry.hyperparameters,
            gradScale: entry.gradScale, clipCoef: entry.clipCoef, clipValue: entry.clipValue)
        pass.runPhases(runTiles)
        pass.commit()
        state.step += 1
        if entry.zeroesGradients { state.accumulator?.zero() }
        state.policy.gradScaler = state.policy.gradScaler?.afterStep()
    }

    private mutating func accumulate(_ record: LedgerRecord) throws {
        let entry = try GradientsEntry(record.detail)
        let places = try entry.gradients.places(
            in: state.layout, payloadBytes: record.payload.byteCount)
        let base =
            record.payload.bytes.baseAddress ?? UnsafeRawPointer(state.optimizer.parametersAddress)
        let gradients = Gradients(base: base, places: places)
        let accumulator = try state.accumulatorForMore()
        runTiles(accumulator.tileCount) {
            accumulator.add(gradients, weight: entry.weight, tile: $0)
        }
        accumulator.commit(gradients, weight: entry.weight)
        guard accumulator.count == entry.count else { throw ByteReader.Fault() }
        if let key = entry.key {
            book.add(
                .accumulation(
                    entry.count, record.tag, at: record.time, key, last: book.latestRates))
        }
    }

    /// On the lanes when they are many: one large session is then recovered by all of them.
    private func runTiles(_ count: Int, _ tile: @escaping @Sendable (Int) -> Void) {
        guard count > 1 else {
            for number in 0..<count { tile(number) }
            return
        }
        let done = DispatchSemaphore(value: 0)
        context.lanes.run(tiles: count, tile) { done.signal() }
        done.wait()
    }

    private mutating func addReceipt(
        of entry: StepEntry, _ record: LedgerRecord, applied: Bool
    ) {
        let rates = zip(state.optimizer.groups, entry.hyperparameters).map {
            (group: $0.name, lr: $1.lr)
        }
        book.add(
            StepReceipt(
                tag: record.tag, applied: applied, gradNorm: entry.gradNorm,
                clipCoef: entry.clipCoef, loss: entry.loss, rates: LearningRates(rates),
                time: record.time, key: entry.key))
    }

    private func adoptSettings(_ text: String) throws {
        let (settings, type) = try SettingsDocument.stateSettings(text, at: "")
        guard type == state.optimizer.elementType,
            settings.defaults.type == state.optimizer.defaults.type
        else { throw ByteReader.Fault() }
        state.adopt(
            try state.change(
                to: try state.optimizer.prepareHyperparameters(
                    defaults: settings.defaults,
                    groupOverrides: settings.groups.map { ($0.name, $0.overrides) }),
                settings.policy))
    }

    private func overwrite(_ record: LedgerRecord) throws {
        var reader = ByteReader(record.detail)
        let runs = try TensorRuns(from: &reader)
        let places = try runs.places(in: state.layout, payloadBytes: record.payload.byteCount)
        guard reader.isAtEnd else { throw ByteReader.Fault() }
        guard let slab = record.payload.slab else { return }
        state.overwriteParameters(
            with: places.tensors(of: state.layout, in: slab, from: record.payload.byteOffset))
    }

    private mutating func replace(_ payload: LedgerPayload) throws {
        let next = try payload.stateFile()
        guard next.layout == state.layout,
            next.elementType == state.optimizer.elementType
        else { throw ByteReader.Fault() }
        let generation = state.generation
        let replacement = try SessionState(
            next.settings, layout: state.layout, elementType: next.elementType,
            budget: context.budget, reusing: state)
        try next.fill(replacement)
        replacement.generation = generation
        state = replacement
    }
}

extension LedgerPayload {
    /// The payload as a state file.
    fileprivate func stateFile() throws -> StateImport {
        guard let slab, byteCount > 8 else { throw ByteReader.Fault() }
        let headerBytes = UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self))
        guard headerBytes <= UInt64(byteCount - 8) else { throw ByteReader.Fault() }
        let dataStart = 8 + Int(headerBytes)
        let header = try SafetensorsHeader.parse(
            UnsafeRawBufferPointer(rebasing: bytes[8..<dataStart]),
            limits: StateFile.limits(for: FormatLimits()))
        guard header.dataByteCount == byteCount - dataStart else { throw ByteReader.Fault() }
        return try StateImport(header: header, data: slab, dataOffset: byteOffset + dataStart)
    }
}
