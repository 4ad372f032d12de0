/// Reads JSON (RFC 8259, strictly) from windows of any size and reports it to a handler.
///
/// The same events and the same faults come out however the text is cut into windows. After a
/// fault the scanner must not be used again.
struct JSONScanner {
    enum State: Equatable {
        case value
        /// After `[`: a value or `]`.
        case firstElement
        /// After a value: a comma, the container's end, or nothing more.
        case afterValue
        /// After `{`: a name or `}`.
        case firstKey
        case key
        case colon
        case string(isKey: Bool)
        case number
        case literal(Literal, matched: Int)
    }

    enum Literal: Equatable {
        case null, `true`, `false`

        var spelling: StaticString {
            switch self {
            case .null: "null"
            case .true: "true"
            case .false: "false"
            }
        }
    }

    enum Container {
        case array, object
    }

    /// The part of the text at hand, and how far it was read.
    struct Window {
        let base: UnsafeRawPointer
        let count: Int
        var index = 0

        var byte: UInt8 { base.load(fromByteOffset: index, as: UInt8.self) }
        var hasMore: Bool { index < count }
    }

    let depthLimit: Int
    let tokenLimit: Int
    /// nil: long runs of numbers are read by one thread, as everything else is.
    let sharing: WorkSharing?
    var state = State.value
    /// Where the current window starts in the text.
    var windowOffset = 0
    var containers: [Container] = []
    /// The names seen so far, for each open object.
    var names: [Set<ExactName>] = []
    /// The bytes of an unfinished token: a number as spelled, a string decoded.
    var token: [UInt8] = []
    var tokenStart = 0
    var stringPhase = StringPhase.plain

    init(depth: Int, tokenBytes: Int, sharing: WorkSharing? = nil) {
        depthLimit = depth
        self.sharing = sharing
        tokenLimit = tokenBytes
    }

    /// Reads the next bytes of the text.
    mutating func consume<Handler: JSONHandler>(
        _ bytes: UnsafeRawBufferPointer, _ handler: inout Handler
    ) throws(Handler.Fault) {
        guard let base = bytes.baseAddress else { return }
        var window = Window(base: base, count: bytes.count)
        while window.hasMore {
            switch state {
            case .string(let isKey):
                try readString(&window, isKey: isKey, &handler)
            case .number:
                try readNumber(&window, &handler)
            case .literal(let literal, let matched):
                try readLiteral(&window, literal, matched, &handler)
            default:
                try readStructure(&window, &handler)
            }
        }
        windowOffset += bytes.count
    }

    /// To be called at the end of the text.
    mutating func finish<Handler: JSONHandler>(_ handler: inout Handler) throws(Handler.Fault) {
        if state == .number { try endNumber(&handler) }
        guard state == .afterValue, containers.isEmpty else {
            let isEmpty = windowOffset == 0
            throw fault(windowOffset, isEmpty ? .emptyText : .unexpectedEnd, Handler.self)
        }
    }

    @inline(__always)
    static func isWhiteSpace(_ byte: UInt8) -> Bool {
        byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09
    }

    func fault<Handler: JSONHandler>(
        _ offset: Int, _ kind: JSONFault.Kind, _ handler: Handler.Type
    ) -> Handler.Fault {
        Handler.fault(JSONFault(offset: offset, kind: kind))
    }
}
