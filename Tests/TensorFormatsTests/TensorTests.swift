import Testing

@testable import TensorFormats

@Suite struct TensorTests {
    @Test func elementTypesHaveTheirSizesAndNames() {
        let sizes = DType.allCases.map { ($0.rawValue, $0.byteCount) }
        #expect(sizes.map(\.0) == [
            "F64", "F32", "F16", "BF16", "I64", "I32", "I16", "I8", "U64", "U32", "U16", "U8",
            "BOOL", "F8_E4M3", "F8_E5M2",
        ])
        #expect(sizes.map(\.1) == [8, 4, 2, 2, 8, 4, 2, 1, 8, 4, 2, 1, 1, 1, 1])
        #expect(DType.allCases.filter(\.isParameterType) == [.F64, .F32, .F16, .BF16])
        #expect(DType.allCases.filter { $0.working == .F64 } == [.F64])
    }

    @Test func sizesFollowFromTypeAndShape() throws {
        let tensor = try TensorDescription(name: "w", dtype: .BF16, shape: [2, 3, 5])
        #expect(tensor.elementCount == 30)
        #expect(tensor.byteCount == 60)
        let scalar = try TensorDescription(name: "s", dtype: .F64, shape: [])
        #expect(scalar.elementCount == 1)
        #expect(scalar.byteCount == 8)
        let empty = try TensorDescription(name: "e", dtype: .F32, shape: [4, 0, 7])
        #expect(empty.elementCount == 0)
        #expect(empty.byteCount == 0)
    }

    @Test(arguments: [
        [Int.max, 2], [1 << 31, 1 << 31, 2], [Int.max / 4 + 1], [0, Int.max, Int.max],
        [Int.max, Int.max, 0],
    ])
    func sizesThatOverflowAreRefused(shape: [Int]) {
        #expect(throws: TensorSizeFault.overflow(tensor: "w", shape: shape)) {
            try TensorDescription(name: "w", dtype: .F32, shape: shape)
        }
    }

    @Test func negativeExtentsAreRefused() {
        #expect(throws: TensorSizeFault.negativeExtent(tensor: "w", shape: [2, -1])) {
            try TensorDescription(name: "w", dtype: .F32, shape: [2, -1])
        }
    }

    @Test func layoutIsInByteOrderWithoutGaps() throws {
        // By bytes: "B" < "a" < "b" < "é" composed (C3 A9) < "Ω" (CE A9).
        let layout = try layout([("b", [3]), ("Ω", []), ("B", [2, 2]), ("é", [0]), ("a", [1])])
        #expect(layout.tensors.map(\.name) == ["B", "a", "b", "é", "Ω"])
        #expect(layout.byteOffsets == [0, 16, 20, 32, 32])
        #expect(layout.elementOffsets == [0, 4, 5, 8, 8])
        #expect(layout.byteCount == 36)
        #expect(layout.elementCount == 9)
        #expect(layout.index(of: "b") == 2)
        #expect(layout.index(of: "c") == nil)
    }

    @Test func namesAreBytesAndNotUnicodeEquivalence() throws {
        let composed = "\u{E9}"
        let decomposed = "e\u{301}"
        #expect(composed == decomposed)
        let both = try layout([(composed, [1]), (decomposed, [2])])
        #expect(both.tensors.count == 2)
        #expect(both.index(of: decomposed) == 0)
        #expect(both.index(of: composed) == 1)
        let one = try layout([(composed, [1])])
        #expect(one.index(of: decomposed) == nil)
        let other = try layout([(decomposed, [1])])
        #expect(one != other)
    }

    @Test func layoutRefusesDuplicatesAndOverflow() throws {
        #expect(throws: TensorSizeFault.duplicateName("w")) {
            try layout([("w", [1]), ("v", [1]), ("w", [2])])
        }
        let huge = try (0..<3).map {
            try TensorDescription(name: "\($0)", dtype: .F32, shape: [Int.max / 8])
        }
        #expect(throws: TensorSizeFault.layoutOverflow) { try TensorLayout(huge) }
    }

    @Test func tensorNamesFollowTheRules() {
        for good in ["w", "layers.0/weight~", "é", "a b", String(repeating: "x", count: 512)] {
            #expect(TensorName.fault(in: good) == nil)
        }
        #expect(TensorName.fault(in: "")?.contains("empty") == true)
        #expect(TensorName.fault(in: String(repeating: "é", count: 257))?.contains("514") == true)
        #expect(TensorName.fault(in: "__metadata__")?.contains("reserved") == true)
        #expect(TensorName.fault(in: "a\u{0}")?.contains("U+0000") == true)
        #expect(TensorName.fault(in: "\u{7F}")?.contains("U+007F") == true)
        #expect(TensorName.fault(in: "\u{9B}")?.contains("U+009B") == true)
    }

    @Test func pointersAreEscaped() {
        #expect(JSONPointer.of("gradients", "a/b~c") == "/gradients/a~1b~0c")
        #expect(JSONPointer.of("gradients", "w") == "/gradients/w")
    }
}
