import Dispatch
import SeededChance
import Testing

@testable import TensorFormats

/// A run that several threads read comes out as one that a single thread reads.
@Suite struct SharedRunTests {
    /// What reading gave, and what it wrote.
    private struct Reading: Equatable {
        let count: Int
        let position: Int
        let isAtBracket: Bool
        let numbers: [UInt8]

        static let nothing = Reading(count: -1, position: -1, isAtBracket: false, numbers: [])
    }

    private static let backwards: WorkSharing.Perform = { count, work in
        for number in (0..<count).reversed() { work(number) }
    }

    private static let atOnce: WorkSharing.Perform = { count, work in
        DispatchQueue.concurrentPerform(iterations: count, execute: work)
    }

    /// Reads the numbers from the text's start; behind the run's memory lies a guard.
    private func read(
        _ text: [UInt8], capacity: Int, precision: NumberRun.Precision, sharing: WorkSharing?
    ) -> Reading {
        let byteCount = capacity * precision.stride
        let memory = UnsafeMutableRawBufferPointer.allocate(
            byteCount: byteCount + 16, alignment: 16)
        defer { memory.deallocate() }
        memory.initializeMemory(as: UInt8.self, repeating: 0xA5)
        guard let base = memory.baseAddress else { return .nothing }
        let run = NumberRun(base: base, capacity: capacity, precision: precision)
        return text.withUnsafeBytes { bytes in
            guard let start = bytes.baseAddress else { return .nothing }
            let outcome = run.read(start, start + bytes.count, sharing: sharing)
            #expect(memory[byteCount...].allSatisfy { $0 == 0xA5 })
            return Reading(
                count: outcome.count, position: outcome.position - start,
                isAtBracket: outcome.isAtBracket,
                numbers: Array(memory[..<(outcome.count * precision.stride)]))
        }
    }

    private func check(
        _ text: String, capacities: [Int], pieceBytes: some Sequence<Int>,
        _ perform: @escaping WorkSharing.Perform = backwards
    ) {
        let bytes = Array(text.utf8)
        for capacity in capacities {
            for precision in [NumberRun.Precision.single, .double, .both] {
                let alone = read(bytes, capacity: capacity, precision: precision, sharing: nil)
                for size in pieceBytes {
                    let shared = read(
                        bytes, capacity: capacity, precision: precision,
                        sharing: WorkSharing(pieceBytes: size, perform))
                    #expect(shared == alone, "\(text), room for \(capacity), pieces of \(size)")
                }
            }
        }
    }

    /// The tight loop stops 64 bytes before its window ends, so that something must follow.
    private static let behind = String(repeating: " ", count: 80)

    @Test(arguments: [
        "1,2,3,4,5,6,7,8,9]", "1 , 2 ,\n3,\t4 ,5 ] ", "1,-2.5e3,0.001,12345678901234567890,5]",
        "1,2,,4,5]", "1,2,x,4,5]", "1,2,3 4,5]", "1,2,[3],4]", "1,2],[3,4]", "1,2,3,\"a,b\",5]",
        "1,01,3]", "1,2.,3,4]", "1,2e,3]", "1,+2,3,4]", "1,2,null,4]", "1,2,]", ",1,2]", "]",
        "1,\(String(repeating: "7", count: 70)),3,4,5]", "1,2,3,4,5,6,7,8",
        "1\(String(repeating: " ", count: 60)),2,\(String(repeating: "\n", count: 60))3,4,5]",
    ])
    func whateverTheTextIs(_ text: String) {
        check(text + Self.behind, capacities: Array(0...10), pieceBytes: 1...40)
        check(text, capacities: [10], pieceBytes: 1...40)
    }

    @Test func longRunsOfEveryKindOfNumber() {
        var generator = SplitMix(seed: 11)
        let numbers = (0..<20_000).map { _ in
            String(Double(bitPattern: generator.next() & 0xBFFF_FFFF_FFFF_FFFF))
        }.filter { $0.first != "n" && $0.first != "i" }
        let text = numbers.joined(separator: ",") + "]" + Self.behind
        let capacities = [numbers.count - 1, numbers.count, numbers.count + 1]
        check(text, capacities: capacities, pieceBytes: [1, 1000, 1 << 14], Self.atOnce)
    }

    /// More commas in a piece than eight sums of a byte hold.
    @Test func longPiecesOfShortNumbers() {
        let count = 40_000
        let text = String(repeating: "1,", count: count) + "1]" + Self.behind
        check(text, capacities: [count + 1], pieceBytes: [1, 5_000, 39_999], Self.atOnce)
    }

    /// A whole document, with options behind its numbers and faults at every place.
    @Test func documents() throws {
        let layout = try TensorLayout([
            TensorDescription(name: "w", dtype: .F32, shape: [2, 30])
        ])
        let row = "[" + (0..<30).map { "0.\($0)1" }.joined(separator: ", ") + "]"
        let text = Array("{\"gradients\": {\"w\": [\(row), \(row)]}, \"loss\": 1}".utf8)
        let sharing = WorkSharing(pieceBytes: 3, Self.backwards)
        #expect(readKnown(text, layout, sharing: sharing) == readKnown(text, layout))
        for place in text.indices {
            for byte in ["x", ",", "]", "1", " "].map({ $0.utf8.first ?? 0 }) {
                var broken = text
                broken[place] = byte
                #expect(readKnown(broken, layout, sharing: sharing) == readKnown(broken, layout))
            }
        }
    }
}
