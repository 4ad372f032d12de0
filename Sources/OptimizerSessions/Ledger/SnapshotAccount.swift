import OptimizerEngine
import SystemIO
import TensorFormats

/// What a snapshot holds beside the state itself: everything about a session that a state file
/// leaves out because it belongs to this one life of this one session.
///
/// In a snapshot it is the tensor `ledger/account`, of type U8: the format's version (4 bytes),
/// name, first generation, generation, position, creation and change times, retained steps (−1:
/// the service's own), origin, receipts; numbers of 8 bytes, times of 8 and 4, zeros up to a
/// multiple of 8 at the end. The origin begins with a byte: 0, creation: what it asked for
/// (`CreationIdentity`); 1, fork: name, first generation and step of its source; 2, state file.
package struct SnapshotAccount: Sendable {
    let session: String
    let firstGeneration: Int
    let generation: Int
    let position: Int
    let created: WallTime
    let updated: WallTime
    /// nil: as the service has it.
    let retainSteps: Int?
    let origin: SessionOrigin
    let book: ReceiptBook

    static let version: UInt32 = 1

    /// The version of an account's format, which may be a newer one.
    static func version(of bytes: ArraySlice<UInt8>) throws(ByteReader.Fault) -> UInt32 {
        var reader = ByteReader(bytes)
        return try reader.integer()
    }

    var bytes: [UInt8] {
        var writer = ByteWriter()
        writer.integer(Self.version)
        writer.text(session)
        writer.integer(Int64(firstGeneration))
        writer.integer(Int64(generation))
        writer.integer(Int64(position))
        writer.time(created)
        writer.time(updated)
        writer.integer(Int64(retainSteps ?? -1))
        switch origin {
        case .creation(let identity):
            writer.raw([0])
            identity.write(to: &writer)
        case .fork(let source, let generation, let step):
            writer.raw([1])
            writer.text(source)
            writer.tag(SessionTag(generation: generation, step: step))
        case .stateFile:
            writer.raw([2])
        }
        book.write(to: &writer)
        writer.raw([UInt8](repeating: 0, count: -writer.bytes.count & 7))
        return writer.bytes
    }

    init(
        session: String, firstGeneration: Int, generation: Int, position: Int,
        created: WallTime, updated: WallTime, retainSteps: Int?, origin: SessionOrigin,
        book: ReceiptBook
    ) {
        self.session = session
        self.firstGeneration = firstGeneration
        self.generation = generation
        self.position = position
        self.created = created
        self.updated = updated
        self.retainSteps = retainSteps
        self.origin = origin
        self.book = book
    }

    init(_ bytes: ArraySlice<UInt8>, layout: TensorLayout) throws(ByteReader.Fault) {
        var reader = ByteReader(bytes)
        guard try reader.integer(UInt32.self) == Self.version else { throw ByteReader.Fault() }
        session = try reader.text()
        firstGeneration = try reader.number()
        generation = try reader.number()
        position = try reader.number()
        created = try reader.time()
        updated = try reader.time()
        let retained = try reader.integer(Int64.self)
        retainSteps = retained < 0 ? nil : Int(retained)
        switch try reader.integer(UInt8.self) {
        case 0:
            origin = .creation(try CreationIdentity(from: &reader, layout: layout))
        case 1:
            let source = try reader.text()
            let tag = try reader.tag()
            origin = .fork(from: source, generation: tag.generation, step: tag.step)
        case 2:
            origin = .stateFile
        default:
            throw ByteReader.Fault()
        }
        book = try ReceiptBook(from: &reader)
        let rest = try reader.raw(reader.remaining)
        guard rest.count < 8, rest.allSatisfy({ $0 == 0 }) else { throw ByteReader.Fault() }
    }
}
