import HTTP1
import Testing

@testable import HTTPServer

/// The two buffers between a connection and its socket.
@Suite struct WindowTests {
    private func fill(_ window: inout ReadWindow, _ stock: inout WindowStock, _ bytes: [UInt8]) {
        var rest = bytes[...]
        while !rest.isEmpty {
            window.makeRoom(&stock)
            let room = window.room
            #expect(!room.isEmpty)
            let piece = rest.prefix(room.count)
            room.copyBytes(from: piece)
            window.filled(piece.count)
            rest = rest.dropFirst(piece.count)
        }
    }

    @Test func aWindowKeepsItsBytesWhileItMovesAndGrows() {
        var stock = WindowStock()
        var window = ReadWindow()
        var expected: [UInt8] = []
        var next: UInt8 = 0
        for round in 0..<60 {
            let piece = (0..<round * 97).map { _ in
                next &+= 1
                return next
            }
            fill(&window, &stock, piece)
            expected += piece
            let taken = min(expected.count, round * 61)
            let first = Array(window.bytes.prefix(taken))
            #expect(first == Array(expected.prefix(taken)))
            window.consume(taken)
            expected.removeFirst(taken)
        }
        let last = Array(window.bytes)
        #expect(last == expected)
        window.consume(expected.count)
        let isEmpty = window.isEmpty
        #expect(isEmpty)
    }

    @Test func anEmptyWindowHoldsNoBlockAndBlocksAreUsedAgain() {
        var stock = WindowStock()
        var window = ReadWindow()
        let roomBefore = window.room
        #expect(roomBefore.isEmpty)
        fill(&window, &stock, [1, 2, 3])
        let base = window.bytes.baseAddress
        window.settle(&stock)
        let kept = Array(window.bytes)
        #expect(kept == [1, 2, 3])
        window.consume(3)
        window.settle(&stock)
        let roomAfter = window.room
        #expect(roomAfter.isEmpty)
        fill(&window, &stock, [4])
        let baseAgain = window.bytes.baseAddress
        #expect(baseAgain == base)
        window.consume(1)
    }

    @Test func bodyPartsAreClippedToTheirSlab() throws {
        let slab = try TestHandler.slab([1, 2, 3, 4, 5])
        func bytes(_ offset: Int, _ count: Int) -> [UInt8] {
            let part = BodyPart.slab(slab, offset: offset, byteCount: count)
            let bytes = part.withUnsafeBytes { Array($0) }
            #expect(part.byteCount == bytes.count)
            return bytes
        }
        #expect(bytes(1, 3) == [2, 3, 4])
        #expect(bytes(3, 9) == [4, 5])
        #expect(bytes(9, 1) == [])
        #expect(bytes(-1, .max) == [1, 2, 3, 4, 5])
        #expect(bytes(0, -1) == [])
    }
}
