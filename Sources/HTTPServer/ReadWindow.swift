/// Bytes received and not yet consumed, in one block that a connection holds only while it has
/// some: ten thousand idle connections hold none.
///
/// Invariant of the unsafe part: `storage` holds `capacity` bytes and is owned by this value;
/// `0 ≤ start ≤ end ≤ capacity`; the bytes in `start ..< end` are initialised.
struct ReadWindow: ~Copyable {
    /// Room for a usual head, or for the beginning of a body that comes with it.
    static let blockBytes = 16 * 1024

    private var storage: UnsafeMutableRawPointer?
    private var capacity = 0
    private var start = 0
    private var end = 0

    init() {}

    deinit {
        storage?.deallocate()
    }

    var isEmpty: Bool { start == end }

    var bytes: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: storage.map { $0 + start }, count: end - start)
    }

    /// Where the next bytes go.
    var room: UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(start: storage.map { $0 + end }, count: capacity - end)
    }

    mutating func filled(_ count: Int) {
        assert(count <= capacity - end)
        end += count
    }

    mutating func consume(_ count: Int) {
        assert(count <= end - start)
        start += count
        if start == end {
            start = 0
            end = 0
        }
    }

    /// Makes room for at least one byte: by taking a block, by moving the bytes to its front, or
    /// by doubling it. What bounds the growth is the parser, which refuses a head over its limits.
    mutating func makeRoom(_ stock: inout WindowStock) {
        guard let storage else {
            self.storage = stock.take()
            capacity = Self.blockBytes
            return
        }
        guard end == capacity else { return }
        let count = end - start
        if start > 0 {
            storage.copyMemory(from: storage + start, byteCount: count)
        } else {
            let larger = UnsafeMutableRawPointer.allocate(byteCount: 2 * capacity, alignment: 64)
            larger.copyMemory(from: storage, byteCount: count)
            giveBack(&stock)
            self.storage = larger
            capacity = max(2 * count, Self.blockBytes)
        }
        start = 0
        end = count
    }

    /// Returns an empty window's block.
    mutating func settle(_ stock: inout WindowStock) {
        if isEmpty { giveBack(&stock) }
    }

    private mutating func giveBack(_ stock: inout WindowStock) {
        guard let storage else { return }
        if capacity == Self.blockBytes { stock.put(storage) } else { storage.deallocate() }
        self.storage = nil
        capacity = 0
    }
}

/// Blocks for windows, kept by a loop between uses.
struct WindowStock: ~Copyable {
    private static let keptBlocks = 256
    private var blocks: [UnsafeMutableRawPointer] = []

    init() {}

    deinit {
        for block in blocks { block.deallocate() }
    }

    fileprivate mutating func take() -> UnsafeMutableRawPointer {
        blocks.popLast() ?? .allocate(byteCount: ReadWindow.blockBytes, alignment: 64)
    }

    fileprivate mutating func put(_ block: UnsafeMutableRawPointer) {
        if blocks.count < Self.keptBlocks { blocks.append(block) } else { block.deallocate() }
    }
}
