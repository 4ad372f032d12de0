import HTTP1
import HTTPServer
import OptimizerEngine
import OptimizerSessions
import SystemIO
import TensorFormats

/// How tensors go back to a client: which ones, in the form and the dtype that it asked for.
///
/// It is made from the request's head, so that what cannot be answered is refused before anything
/// happens.
struct TensorAnswer: Sendable {
    /// In layout order.
    let tensors: [TensorDescription]
    let format: TensorFormat
    /// Of every tensor. JSON has no dtype on the wire; its numbers are those of the session's.
    let type: ElementType
    /// What sets this variant's entity tag apart from the plain one (API §4).
    let tagVariant: String?
    /// What stands before the data of a safetensors answer.
    private let fileHeader: [UInt8]
    /// A bound for the tensors as JSON text.
    private let textBytes: Int
    private let elementCount: Int
    /// For all of the answer that is not in a slab.
    private var memory: Reservation?

    /// - Parameter tensor: an index into the session's layout; nil for all of it.
    init(
        _ head: RequestHead, of session: Session, tensor: Int? = nil, preferred: TensorFormat
    ) throws(Problem) {
        let layout = session.layout
        let one = tensor.map { layout.tensors[$0] }
        tensors = one.map { [$0] } ?? layout.tensors
        elementCount = one?.elementCount ?? layout.elementCount
        textBytes =
            (one?.jsonFrameBytes ?? layout.jsonFrameBytes)
            + elementCount * JSONBound.number(session.elementType.dtype)
        format = try Negotiation.answerFormat(
            head, preferred: preferred, among: TensorFormat.allCases)
        let asked = try Negotiation.elementType(head, field: "Accept-Tensor-Dtype")
        if format != .json { try Negotiation.requireCoding(head, isText: false) }
        type = format == .json ? session.elementType : asked ?? session.elementType
        let variant = type == session.elementType ? "" : "-\(type.dtype.rawValue)"
        tagVariant = format.tagSuffix.map { $0 + variant }
        fileHeader =
            format == .safetensors ? try TensorAnswer.fileHeader(session, one, type) : []
    }

    private static func fileHeader(
        _ session: Session, _ tensor: TensorDescription?, _ type: ElementType
    ) throws(Problem) -> [UInt8] {
        do throws(TensorSizeFault) {
            guard let tensor else { return try session.fileHeader(of: type) }
            return try SafetensorsWriter.header(tensors: [tensor], as: type.dtype)
        } catch {
            throw Problem(.dtypeMismatch, "In this dtype the answer is too large: \(error.detail).")
        }
    }

    /// Sets aside the memory that the answer takes beside its vector, until it is sent. To be
    /// called before anything changes.
    ///
    /// - Parameter membersBytes: a bound for what is written in front of the tensors in JSON.
    mutating func reserve(_ pool: SlabPool, membersBytes: Int) throws(Problem) {
        switch format {
        case .raw: break
        case .safetensors: memory = try pool.reserve(orProblem: fileHeader.count)
        case .json:
            let frame = #"{"parameters":{}}"#.utf8.count
            memory = try pool.reserve(orProblem: frame + membersBytes + textBytes)
        }
    }

    /// `Content-Type`, and `Tensor-Dtype` where the body cannot say it itself.
    func addFields(to fields: inout ResponseFields) {
        fields.add("Content-Type", literal: format.name)
        if format == .raw { fields.add("Tensor-Dtype", type.dtype.rawValue) }
        fields.add("Vary", varying)
    }

    /// The request fields that chose this form.
    var varying: String { format == .json ? Vary.text : Vary.binary }

    /// The tensors in `vector` as a body; nil where that is JSON, which has to be written.
    func binaryBody(_ vector: ParameterVector) -> ResponseBody? {
        let data = BodyPart.slab(vector.slab, offset: 0, byteCount: vector.byteCount)
        switch format {
        case .raw: return ResponseBody(parts: [data])
        case .safetensors: return ResponseBody(parts: [.bytes(fileHeader, owner: memory), data])
        case .json: return nil
        }
    }

    /// The same as JSON, which wraps the tensors in the members that `opening` adds first.
    func text(
        _ vector: ParameterVector, opening: @escaping @Sendable (inout JSONWriter) -> Void
    ) -> TensorText {
        TensorText(vector, tensors, elementCount, memory, opening: opening)
    }
}
