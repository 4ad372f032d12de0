import Dispatch
import OptimizerEngine
import Synchronization
import SystemIO
import TensorFormats

@testable import OptimizerSessions

/// A store with lanes and a pool of its own, and calls that wait for their completions.
final class World: Sendable {
    let lanes: LanePool
    let pool: SlabPool
    let store: SessionStore
    let events = Collected<ArchiveEvent>()
    /// Stays as long as the world.
    private let directory: TemporaryDirectory?

    /// - Parameters:
    ///   - inline: elements up to which work stays on the calling thread.
    ///   - directory: where sessions outlive the world; what is there is recovered.
    init(
        lanes laneCount: Int = 2, inline: Int = LanePool.inlineElementCount,
        stateBytes: Int = 1 << 30, poolBytes: Int = 1 << 30,
        directory: TemporaryDirectory? = nil, _ change: (inout SessionLimits) -> Void = { _ in }
    ) throws {
        self.directory = directory
        lanes = try LanePool(laneCount: laneCount)
        pool = SlabPool(limitBytes: poolBytes, idleBytes: 1 << 20)
        var limits = SessionLimits(stateBytes: stateBytes)
        limits.inlineElementCount = inline
        limits.loneInlineElementCount = inline
        change(&limits)
        var archive: Archive?
        if let directory {
            archive = try Archive(try directory.claim()) { [events] in events.add($0) }
        }
        store = SessionStore(limits: limits, lanes: lanes, bodies: pool, archive: archive)
        if directory != nil { store.recover(try store.prepareRecovery()) }
    }

    @discardableResult
    func create(
        _ name: String, _ specification: SessionSpecification, precondition: Precondition? = nil
    ) throws -> Creation {
        try wait {
            store.create(name, specification, precondition: precondition, completion: $0)
        }
    }

    /// Creates and gives the session.
    func session(_ name: String, _ specification: SessionSpecification) throws -> Session {
        try create(name, specification)
        return try store.session(named: name)
    }

    @discardableResult
    func remove(_ name: String, ifMatch: Precondition? = nil) throws -> SessionTag {
        try wait { store.remove(name, ifMatch: ifMatch, completion: $0) }
    }

    @discardableResult
    func fork(
        _ source: String, step: Int? = nil, as name: String, precondition: Precondition? = nil
    ) throws -> Creation {
        try wait {
            store.fork(
                from: source, step: step, as: name, precondition: precondition, completion: $0)
        }
    }

    @discardableResult
    func importState(
        _ file: [UInt8], as name: String, precondition: Precondition? = nil
    ) throws -> Creation {
        let state = try StateImport(file)
        return try wait {
            store.importState(state, as: name, precondition: precondition, completion: $0)
        }
    }
}

/// Starts an operation and waits for its completion.
func wait<Outcome: Sendable>(
    _ start: (@escaping SessionCompletion<Outcome>) -> Void
) throws -> Outcome {
    let answers = Collected<Result<Outcome, SessionError>>()
    start { answers.add($0) }
    return try answers.wait(for: 1)[0].get()
}

/// Values that arrive from any thread.
final class Collected<Value: Sendable>: Sendable {
    private let state = Mutex<[Value]>([])
    private let arrival = DispatchSemaphore(value: 0)

    func add(_ value: Value) {
        state.withLock { $0.append(value) }
        arrival.signal()
    }

    var values: [Value] { state.withLock { $0 } }

    /// Waits until so many have arrived. For one thread.
    func wait(for count: Int) -> [Value] {
        while values.count < count { arrival.wait() }
        return values
    }
}

extension Session {
    @discardableResult
    func take(_ request: StepRequest) throws -> StepOutcome {
        try wait { step(request, completion: $0) }
    }

    /// Accumulates the gradients that a step would bring, under its key.
    @discardableResult
    func add(_ step: StepRequest, weight: Double = 1) throws -> Accumulation {
        guard case .given(let gradients) = step.source else { preconditionFailure("no gradients") }
        var request = AccumulationRequest(gradients: gradients)
        request.weight = weight
        request.key = step.key
        request.ifMatch = step.ifMatch
        let made = request
        return try wait { accumulate(made, completion: $0) }
    }

    /// A step on the whole layout, in the session's own type.
    @discardableResult
    func take(_ gradients: [Double]) throws -> StepOutcome {
        try take(StepRequest(gradients: .whole(gradients, elementType)))
    }

    @discardableResult
    func change(
        _ ifMatch: Precondition? = nil, _ change: (inout SessionPatch) -> Void
    ) throws -> SessionDescription {
        var patch = SessionPatch()
        change(&patch)
        let made = patch
        return try wait { self.patch(made, ifMatch: ifMatch, completion: $0) }
    }

    /// All parameters, or one tensor's, in F64.
    func parameters(tensor: Int? = nil) throws -> [Double] {
        let reading = try wait { readParameters(type: .f64, tensor: tensor, completion: $0) }
        return reading.vector?.doubles ?? []
    }

    func state() throws -> [UInt8] {
        let export = try wait { exportState(completion: $0) }
        return Array(export.slab.bytes[..<export.byteCount])
    }
}

extension ParameterVector {
    var bytes: [UInt8] { Array(slab.bytes[..<byteCount]) }

    var doubles: [Double] {
        let bytes = UnsafeRawBufferPointer(slab.bytes)
        return (0..<byteCount / type.byteCount).map { index in
            switch type {
            case .f64: bytes.load(fromByteOffset: 8 * index, as: Double.self)
            default: Double(bytes.load(fromByteOffset: 4 * index, as: Float.self))
            }
        }
    }
}

extension StateImport {
    /// Reads a whole file as a client of this room does.
    init(_ file: [UInt8]) throws {
        var reader = SafetensorsReader(
            limits: StateFile.limits(for: FormatLimits()), contentLength: UInt64(file.count))
        var rest = file[...]
        var found: (header: SafetensorsHeader, data: Slab)?
        reading: while true {
            let buffer = reader.nextBuffer()
            let part = rest.prefix(buffer.count)
            buffer.copyBytes(from: part)
            rest = rest.dropFirst(part.count)
            switch try reader.advance(part.count) {
            case .more where part.isEmpty: break reading
            case .more, .headerLength: continue
            case .finished: break reading
            case .header(let header):
                let data = try Slab(byteCount: header.dataByteCount)
                found = (header, data)
                let count = header.dataByteCount
                let runs = count > 0 ? [DataRun(offset: 0, byteCount: count)] : []
                if case .finished = reader.place(at: data.base, runs) { break reading }
            }
        }
        try reader.finish()
        let nothing = try (header: SafetensorsHeader.parse("{}"), data: Slab(byteCount: 0))
        let (header, data) = found ?? nothing
        try self.init(header: header, data: data)
    }
}

extension SafetensorsHeader {
    static func parse(_ text: String) throws -> SafetensorsHeader {
        try Array(text.utf8).withUnsafeBytes { try parse($0) }
    }
}

extension SafetensorsHeader {
    /// The header of a whole file.
    static func parse(file: [UInt8]) throws -> SafetensorsHeader {
        let count = Int(
            file.withUnsafeBytes { UInt64(littleEndian: $0.loadUnaligned(as: UInt64.self)) })
        return try file[8..<8 + count].withUnsafeBytes {
            try parse($0, limits: StateFile.limits(for: FormatLimits()))
        }
    }
}

extension StateImport {
    /// All bytes of one vector in layout order.
    func vector(_ vector: StateVector) -> [UInt8] {
        let width = elementType.working.byteCount
        return zip(layout.tensors, offsets[vector] ?? []).flatMap { tensor, offset -> [UInt8] in
            guard let offset else { return [] }
            return Array(data.bytes[offset..<offset + tensor.elementCount * width])
        }
    }
}
