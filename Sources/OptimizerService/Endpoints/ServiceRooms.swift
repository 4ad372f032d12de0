import HTTP1
import HTTPServer
import OptimizerEngine
import OptimizerSessions
import SystemIO
import TensorFormats

/// What the endpoints share: the sessions, the memory for bodies, and the bounds.
final class ServiceRooms: Sendable {
    let store: SessionStore
    let bodies: SlabPool
    /// For JSON in and out, whose pieces are long: on the compute lanes they would hold up the
    /// steps of other sessions.
    let writers: LanePool
    /// Of the reading of long JSON bodies. Two processors are as busy without it, one with the
    /// client that sends and one with reading: shared there, steps took 1.0 to 1.1 times as long.
    private let sharing: WorkSharing?
    let limits: ServiceLimits
    let formats: FormatLimits
    let steps = StepTally()

    init(
        store: SessionStore, bodies: SlabPool, writers: LanePool, limits: ServiceLimits,
        formats: FormatLimits
    ) {
        self.store = store
        self.bodies = bodies
        self.writers = writers
        sharing = writers.laneCount > 2 ? WorkSharing { writers.share(tiles: $0, $1) } : nil
        self.limits = limits
        self.formats = formats
    }

    /// JSON answers of more weight than this many numbers are written on writing lanes. So many
    /// take some 90 µs. Handing work over and back costs 15 µs at best, and up to 100 where a
    /// processor has to be woken up for it and is a virtual one.
    static let inlineJSONNumbers = 4_096

    func session(named name: String) throws(Problem) -> Session {
        do {
            return try store.session(named: name)
        } catch {
            throw Problem(error, root: "")
        }
    }

    /// What an earlier request with the key did; nil where it is not known.
    func receipt(ofKey key: String?, _ session: Session) throws(Problem) -> StepReceipt? {
        guard let key else { return nil }
        do {
            return try session.receipt(ofKey: key)
        } catch {
            throw Problem(error, root: "")
        }
    }

    /// Refuses from the head what a new session of that name has no room for. A file is at most
    /// as long as the state that is made of it, vectors and tables together.
    func checkRoom(forSessionNamed name: String, _ head: RequestHead) throws(Problem) {
        var byteCount = 0
        if case .length(let count) = head.framing,
            try Negotiation.bodyFormat(head, allowed: TensorFormat.allCases) == .safetensors
        {
            // The header, of a state file the longest, is no part of the state.
            let header = StateFile.limits(for: formats).safetensorsHeaderBytes
            byteCount = max(0, Int(clamping: count) - header)
        }
        do {
            try store.checkRoom(forSessionNamed: name, stateBytes: byteCount)
        } catch {
            throw Problem(error, root: "")
        }
    }

    /// The version of a session; nil when there is none of that name.
    func currentTag(of name: String) -> SessionTag? {
        do {
            return try store.session(named: name).tag
        } catch {
            // Not being there is one of the two answers here.
            return nil
        }
    }

    /// The layout of a session; nil when there is none of that name.
    func layout(ofSessionNamed name: String) -> TensorLayout? {
        do {
            return try store.session(named: name).layout
        } catch {
            // Not being there is one of the two answers here.
            return nil
        }
    }

    /// The version of a session that is to be deleted; nil when its files are damaged, since it
    /// has none then.
    func tagToRemove(of name: String) throws(Problem) -> SessionTag? {
        do {
            return try store.session(named: name).tag
        } catch .quarantined {
            return nil
        } catch {
            throw Problem(error, root: "")
        }
    }

    /// A description that cannot be refused, since it tells of what has happened, or is small.
    func response(_ description: SessionDescription, status: Status = .ok) -> Response {
        DescriptionAnswer.response(
            description, status: status,
            memory: bodies.reserveUnbounded(DescriptionAnswer.byteBound(description)))
    }

    /// Refuses a layout whose names and shapes would not fit into the header of a safetensors
    /// file: its session could never be read or saved in that format.
    func requireHeaderFits(_ layout: TensorLayout) throws(Problem) {
        let limit = formats.safetensorsHeaderBytes
        // Escaping at most doubles what a name mostly has; the rest of an entry is well below.
        let guess = layout.tensors.reduce(0) { $0 + 6 * $1.name.utf8.count + 1024 }
        guard guess > limit else { return }
        let header: [UInt8]
        do {
            header = try SafetensorsWriter.header(tensors: layout.tensors)
        } catch {
            throw Problem(.shapeMismatch, at: "/parameters", error.detail)
        }
        guard header.count > limit else { return }
        throw Problem(
            .invalidValue, at: "/parameters",
            "As a safetensors file the tensors' names and shapes take \(header.count) bytes; "
                + "at most \(limit) are allowed."
        ).with("limit", limit).with("actual", header.count)
    }

    /// Refuses a body whose declared length passes the limit (RFC 9110 §15.5.14), as a compressed
    /// one that is longer is refused too: inflated it would hardly be shorter.
    func checkLength(_ head: RequestHead, limitBytes: Int) throws(Problem) {
        guard case .length(let count) = head.framing, count > UInt64(limitBytes) else { return }
        throw Problem.bodyTooLarge(limit: limitBytes, actual: count)
    }

    /// What the head of a safetensors body can tell: whether its length is allowed, and whether
    /// there is room for it now; for a compressed one for its least. The room itself is taken when
    /// the file's header has come.
    func checkFile(_ head: RequestHead) throws(Problem) {
        try checkLength(head, limitBytes: limits.bodyBytes)
        guard case .length(let count) = head.framing else { return }
        let free = bodies.limitBytes - bodies.inUseBytes
        guard count <= UInt64(max(0, free)) else {
            let (limit, inUse) = (bodies.limitBytes, bodies.inUseBytes)
            throw Problem(
                SlabPoolError.overBudget(limitBytes: limit, inUseBytes: inUse),
                asked: Int(clamping: count))
        }
    }

    /// Memory for a raw body, whose length the layout and the dtype fix.
    func slabForVector(
        _ head: RequestHead, elementCount: Int, type: ElementType
    ) throws(Problem) -> Slab {
        let (byteCount, overflow) = elementCount.multipliedReportingOverflow(by: type.byteCount)
        guard !overflow, byteCount <= limits.bodyBytes else {
            throw Problem.bodyTooLarge(limit: limits.bodyBytes)
        }
        let announced = head.isWithoutBody ? 0 : head.contentLength
        if let announced, announced != UInt64(byteCount) {
            throw VectorBody.wrongLength(expected: byteCount, actual: Int(clamping: announced))
        }
        return try bodies.take(orProblem: byteCount)
    }

    /// A receiver for a JSON document with tensors.
    ///
    /// - Parameter optionBytes: what the members beside the tensors may have; they are kept as
    ///   values, which take several times as much memory as their text.
    func documentBody(
        _ exchange: Exchange, member: String, isOptional: Bool = false, sink: any TensorSink,
        optionBytes: Int,
        completion: @escaping (TensorDocumentBody.Content, Responder) -> Void
    ) throws(Problem) -> TensorDocumentBody {
        let limit = min(limits.bodyBytes, limits.jsonBodyBytes)
        try checkLength(exchange.head, limitBytes: limit)
        let windowBytes = TensorDocumentBody.windowBytes(
            bodyBytes: exchange.head.contentLength, isShared: sharing != nil)
        let window = try bodies.take(orProblem: windowBytes)
        let memory = try bodies.reserve(orProblem: 0)
        var formats = formats
        formats.jsonValueBytes = min(formats.jsonValueBytes, optionBytes)
        return TensorDocumentBody(
            exchange, member: member, isOptional: isOptional, sink: sink, window: window,
            memory: memory, limits: formats, limitBytes: limit, sharing: sharing,
            completion: completion)
    }
}

extension SlabPool {
    /// `take`, with the refusal as the problem that answers it.
    func take(orProblem byteCount: Int) throws(Problem) -> Slab {
        do {
            return try take(byteCount)
        } catch {
            throw Problem(error, asked: byteCount)
        }
    }

    /// `reserve`, likewise.
    func reserve(orProblem byteCount: Int) throws(Problem) -> Reservation {
        do {
            return try reserve(byteCount)
        } catch {
            throw Problem(error, asked: byteCount)
        }
    }
}

extension Problem {
    /// Runs what may find fault with settings.
    static func mapping<Value>(
        _ body: () throws(SettingsFault) -> Value
    ) throws(Problem) -> Value {
        do {
            return try body()
        } catch {
            throw Problem(error)
        }
    }
}
