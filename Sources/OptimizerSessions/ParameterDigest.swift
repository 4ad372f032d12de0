import SystemIO

/// Stands for the bits of all parameters of a layout, so that no second copy has to be kept.
///
/// The tensors' bytes are cut into pieces whose BLAKE2b digests are computed on all lanes; the
/// digest of those digests is the result. Layouts are compared besides, so equal digests mean
/// equal cuts.
struct ParameterDigest: Equatable, Sendable {
    let bytes: BLAKE2b.Digest

    /// Pieces large enough that their digests weigh nothing, small enough for the lanes to share.
    static let pieceBytes = 1 << 20

    fileprivate init(ofPieceDigests digests: UnsafeRawBufferPointer) {
        bytes = BLAKE2b.digest(of: digests)
    }

    init(bytes: BLAKE2b.Digest) {
        self.bytes = bytes
    }
}

/// The digests of the pieces, each written by the lane that computed it.
///
/// `@unchecked Sendable`: every piece has a place of its own in memory that outlives the job, and
/// `digest` is read after all of them are written.
final class ParameterDigestJob: @unchecked Sendable {
    private struct Piece {
        let slab: Slab
        let range: Range<Int>
    }

    private let pieces: [Piece]
    private let digests: Slab

    /// - Parameter tensors: each tensor's bytes, in layout order.
    init(_ tensors: [(slab: Slab, range: Range<Int>)]) throws(Errno) {
        pieces = tensors.flatMap { tensor in
            stride(
                from: tensor.range.lowerBound, to: tensor.range.upperBound,
                by: ParameterDigest.pieceBytes
            ).map { start in
                let end = min(start + ParameterDigest.pieceBytes, tensor.range.upperBound)
                return Piece(slab: tensor.slab, range: start..<end)
            }
        }
        digests = try Slab(byteCount: pieces.count * BLAKE2b.digestBytes)
    }

    var tileCount: Int { pieces.count }

    func run(tile: Int) {
        let piece = pieces[tile]
        let digest = BLAKE2b.digest(
            of: UnsafeRawBufferPointer(rebasing: piece.slab.bytes[piece.range]))
        (digests.base + tile * BLAKE2b.digestBytes).copyMemory(
            from: digest, byteCount: BLAKE2b.digestBytes)
    }

    var digest: ParameterDigest {
        ParameterDigest(ofPieceDigests: UnsafeRawBufferPointer(digests.bytes))
    }
}
