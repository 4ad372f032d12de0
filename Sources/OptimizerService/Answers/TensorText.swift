import HTTPServer
import OptimizerEngine
import OptimizerSessions
import Synchronization
import SystemIO
import TensorFormats

/// An answer's tensors as JSON text, in pieces that writers make at the same time.
///
/// A piece is a run of elements over all tensors; a tensor's name and brackets belong to the
/// pieces where it begins and ends. One behind the other the pieces are the text.
final class TensorText: Sendable {
    private let vector: ParameterVector
    /// In the order of their elements in the vector.
    private let tensors: [TensorDescription]
    /// First element of each tensor.
    private let starts: [Int]
    private let elementCount: Int
    /// What the text is charged to.
    private let memory: Reservation?
    private let opening: @Sendable (inout JSONWriter) -> Void
    private let pieces: Mutex<[[UInt8]]>

    /// Numbers of one piece: some 200 µs of a writer's time.
    private static let pieceElements = 8192

    /// - Parameter opening: writes the members that stand before the tensors.
    init(
        _ vector: ParameterVector, _ tensors: [TensorDescription], _ elementCount: Int,
        _ memory: Reservation?, opening: @escaping @Sendable (inout JSONWriter) -> Void
    ) {
        self.vector = vector
        self.tensors = tensors
        self.elementCount = elementCount
        self.memory = memory
        self.opening = opening
        var start = 0
        starts = tensors.map { tensor in
            defer { start += tensor.elementCount }
            return start
        }
        pieces = Mutex(Array(repeating: [], count: Self.pieceCount(elementCount)))
    }

    /// At least one, also where there are no elements.
    private static func pieceCount(_ elementCount: Int) -> Int {
        max(1, (elementCount + pieceElements - 1) / pieceElements)
    }

    /// How much work the text is, where a name and brackets count as some more numbers.
    private var weight: Int { elementCount + 64 * tensors.count }

    func write(
        with writers: LanePool, then completion: @escaping @Sendable (ResponseBody) -> Void
    ) {
        let count = Self.pieceCount(elementCount)
        guard weight > ServiceRooms.inlineJSONNumbers else {
            for number in 0..<count { writePiece(number) }
            return completion(body())
        }
        writers.run(tiles: count, { self.writePiece($0) }, then: { completion(self.body()) })
    }

    private func body() -> ResponseBody {
        let texts = pieces.withLock { $0 }
        memory?.shrink(to: texts.reduce(0) { $0 + $1.count })
        return ResponseBody(parts: texts.map { .bytes($0, owner: memory) })
    }

    private func writePiece(_ number: Int) {
        let isFirst = number == 0
        let isLast = number == Self.pieceCount(elementCount) - 1
        let start = number * Self.pieceElements
        let end = min(start + Self.pieceElements, elementCount)
        // About what F32 takes; an answer of one piece never grows by copying.
        var json = JSONWriter(
            capacity: isFirst && isLast ? memory?.byteCount ?? 0 : 16 * (end - start))
        if isFirst {
            json.beginObject()
            opening(&json)
            json.name("parameters")
            json.beginObject()
        }
        writeTensors(start..<end, isFirst: isFirst, isLast: isLast, to: &json)
        if isLast {
            json.endObject()
            json.endObject()
        }
        pieces.withLock { $0[number] = json.bytes }
    }

    private func writeTensors(
        _ elements: Range<Int>, isFirst: Bool, isLast: Bool, to json: inout JSONWriter
    ) {
        var index = isFirst ? 0 : firstTensor(reaching: elements.lowerBound)
        while index < tensors.count {
            let (tensor, start) = (tensors[index], starts[index])
            // A tensor of no elements at the end of a piece is the next one's.
            guard start < elements.upperBound || isLast else { return }
            if start >= elements.lowerBound {
                // Other pieces have written what a comma has to follow.
                if index > 0, json.bytes.isEmpty { json.separateFromBefore() }
                json.name(tensor.name)
            }
            let first = max(elements.lowerBound - start, 0)
            let end = min(elements.upperBound - start, tensor.elementCount)
            json.tensor(
                base: vector.slab.base + start * vector.type.byteCount, dtype: vector.type.dtype,
                shape: tensor.shape, elements: first..<end)
            index += 1
        }
    }

    /// The first tensor with elements at or behind `element`, or of none that begins there.
    private func firstTensor(reaching element: Int) -> Int {
        var low = 0
        var high = tensors.count
        while low < high {
            let middle = (low + high) / 2
            let (start, count) = (starts[middle], tensors[middle].elementCount)
            let reaches = start + count > element || start >= element
            if reaches { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
