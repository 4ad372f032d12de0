import SeededChance
import Testing

@testable import TensorFormats

@Suite struct KnownLayoutSinkTests {
    private let layout: TensorLayout

    init() throws {
        layout = try TensorFormatsTests.layout([
            ("w", [2, 3]), ("b", [2]), ("s", []), ("a/b~c", [1]), ("z", [2, 0]),
        ])
    }

    @Test func bothFormsReachTheirPlaces() {
        let text = """
            {"loss": 0.5, "gradients": {"w": [[1, 2, 3], [4, 5, 6.5]],
             "b": {"data": [7, 8], "shape": [2], "dtype": "F16"}, "s": -1e-3},
             "partial": "skip"}
            """
        let result = readKnown(text, layout)
        #expect(result.options == #"{"loss":0.5,"partial":"skip"}"#)
        #expect(result.tensors.map { String(decoding: $0.name, as: UTF8.self) } == ["b", "s", "w"])
        #expect(result.tensors.map(\.floats) == [[7, 8], [-1e-3], [1, 2, 3, 4, 5, 6.5]])
        let wide = readKnown(text, layout, working: .F64)
        #expect(wide.tensors.map(\.doubles) == [[7, 8], [-1e-3], [1, 2, 3, 4, 5, 6.5]])
    }

    @Test func emptyTensorsAreAcceptedInEveryWayThatShowsTheirShape() {
        for text in ["[[],[]]", #"{"dtype":"F32","shape":[2,0],"data":[]}"#] {
            let result = readKnown("{\"gradients\":{\"z\":\(text)}}", layout)
            #expect(result.tensors.map(\.shape) == [[2, 0]])
        }
    }

    @Test func oneVectorAtABase() throws {
        let layout = try TensorFormatsTests.layout([("a", [2]), ("b", [1])])
        var values = [Float](repeating: 0, count: 3)
        try values.withUnsafeMutableBytes { memory in
            let base = try #require(memory.baseAddress)
            let sink = KnownLayoutSink(layout: layout, working: .BF16, base: base)
            var reader = TensorDocumentReader(tensorMember: "gradients", sink: sink)
            try Array(#"{"gradients":{"b":[3],"a":[1,2]}}"#.utf8).withUnsafeBytes {
                try reader.consume($0)
            }
            _ = try reader.finish()
            #expect(sink.present == [true, true])
        }
        #expect(values == [1, 2, 3])
    }

    /// The value given for a tensor, the whole shape if it is known, and what is said about it.
    @Test(arguments: [
        ("w", "[[1,2,3]]", [1, 3], "the array at the top has 1 elements instead of 2"),
        ("w", "[[1,2,3],[4,5]]", nil, "the array at [1] has 2 elements instead of 3"),
        ("w", "[[1,2,3,4],[1,2,3]]", nil, "the array at [0] has more than 3 elements"),
        (
            "w", "[[1,2,3],[4,5,6],[7,8,9]]", nil,
            "the array at the top has more than 2 elements"
        ),
        ("w", "[1,2,3,4,5,6]", nil, "a number stands where an array should be, at [0]"),
        ("w", "[[[1]]]", nil, "an array stands where a number should be, at [0, 0]"),
        ("w", "1", nil, "a number stands where an array should be, at []"),
        ("b", "[]", [0], "the array at the top has 0 elements instead of 2"),
        ("b", "[1]", [1], "the array at the top has 1 elements instead of 2"),
        ("b", "[1,2,3]", nil, "the array at the top has more than 2 elements"),
        ("s", "[1]", nil, "an array stands where a number should be, at []"),
        ("b", #"{"dtype":"F32","shape":[3],"data":[1,2]}"#, [3], "the shape given is [3]"),
    ] as [(String, String, [Int]?, String)])
    func wrongShapes(name: String, value: String, actual: [Int]?, detail: String) throws {
        let index = try #require(layout.index(of: name))
        let expected = layout.tensors[index].shape
        let text = "{\"gradients\":{\"\(name)\":\(value)}}"
        for window in [1, 3, 1000] {
            let result = readKnown(text, layout, window: window)
            #expect(
                result.fault
                    == .semantic(
                        kind: .shapeMismatch(expected: expected, actual: actual),
                        pointer: "/gradients/\(name)",
                        detail: "shape \(expected) is expected, but \(detail)"))
        }
    }

    @Test(arguments: [
        (
            #"{"dtype":"F32","shape":[2],"data":[1]}"#,
            "data has 1 numbers, but the shape [2] asks for 2"
        ),
        (
            #"{"data":[1,2,3],"dtype":"F32","shape":[2]}"#,
            "shape [2] is expected, but data has more than 2 numbers"
        ),
    ])
    func wrongCountsOfData(value: String, detail: String) {
        let fault = readKnown("{\"gradients\":{\"b\":\(value)}}", layout).fault
        guard case .semantic(.shapeMismatch, let pointer, let found)? = fault else {
            Issue.record("no shape mismatch")
            return
        }
        #expect(pointer == "/gradients/b/data")
        #expect(found == detail)
    }

    @Test(arguments: [
        (#"{"x":[1]}"#, DocumentFault.Kind.unknownTensor, "/gradients/x"),
        (#"{"B":[1]}"#, .unknownTensor, "/gradients/B"),
        (#"{"a/b~d":[1]}"#, .unknownTensor, "/gradients/a~1b~0d"),
        (#"{"a/b~c":["1"]}"#, .invalidValue, "/gradients/a~1b~0c/0"),
        (#"{"":[1]}"#, .invalidName, "/gradients/"),
        (#"{"b":[1,"NaN"]}"#, .invalidValue, "/gradients/b/1"),
        (#"{"b":[1,null]}"#, .invalidValue, "/gradients/b/1"),
        (#"{"w":[[1,2,3],[4,true,6]]}"#, .invalidValue, "/gradients/w/1/1"),
        (#"{"w":[[1,2,3],{}]}"#, .invalidValue, "/gradients/w/1"),
        (#"{"b":"Infinity"}"#, .invalidValue, "/gradients/b"),
        (#"{"b":null}"#, .invalidValue, "/gradients/b"),
        (#"{"b":false}"#, .invalidValue, "/gradients/b"),
        (#"[1]"#, .invalidValue, "/gradients"),
        (#"null"#, .invalidValue, "/gradients"),
        (#"{"b":{"dtype":"F32","shape":[2]}}"#, .missingMember, "/gradients/b/data"),
        (#"{"b":{"dtype":"F32","data":[1,2]}}"#, .missingMember, "/gradients/b/shape"),
        (#"{"b":{"shape":[2],"data":[1,2]}}"#, .missingMember, "/gradients/b/dtype"),
        (#"{"b":{"dtype":"F32","values":[1]}}"#, .unknownMember, "/gradients/b/values"),
        (#"{"b":{"dtype":"I64"}}"#, .dtypeMismatch, "/gradients/b/dtype"),
        (#"{"b":{"dtype":"float"}}"#, .dtypeMismatch, "/gradients/b/dtype"),
        (#"{"b":{"dtype":32}}"#, .invalidValue, "/gradients/b/dtype"),
        (#"{"b":{"shape":2}}"#, .invalidValue, "/gradients/b/shape"),
        (#"{"b":{"shape":[2.0]}}"#, .invalidValue, "/gradients/b/shape/0"),
        (#"{"b":{"shape":[-2]}}"#, .invalidValue, "/gradients/b/shape/0"),
        (#"{"b":{"shape":[99999999999999999999]}}"#, .invalidValue, "/gradients/b/shape/0"),
        (#"{"b":{"data":[[1],[2]]}}"#, .invalidValue, "/gradients/b/data/0"),
        (#"{"b":{"data":["NaN"]}}"#, .invalidValue, "/gradients/b/data/0"),
        (#"{"b":{"data":1}}"#, .invalidValue, "/gradients/b/data"),
    ])
    func otherFaults(gradients: String, kind: DocumentFault.Kind, pointer: String) {
        let text = "{\"gradients\":\(gradients)}"
        for window in [1, 2, 1000] {
            guard
                case .semantic(let foundKind, let foundPointer, let detail)? =
                    readKnown(text, layout, window: window).fault
            else {
                Issue.record("accepted: \(text)")
                return
            }
            #expect(foundKind == kind)
            #expect(foundPointer == pointer)
            #expect(!detail.isEmpty)
            if gradients.contains("NaN") || gradients.contains("Infinity") {
                #expect(detail.contains("NaN and Infinity are not accepted"))
            }
        }
    }

    @Test func theDocumentAroundTheTensors() {
        func fault(_ text: String) -> DocumentFault? { readKnown(text, layout).fault }
        let notAnObject = "the document must be an object with the member gradients, not an array"
        #expect(
            fault("[]") == .semantic(kind: .invalidValue, pointer: "", detail: notAnObject))
        #expect(
            fault(#"{"loss":1}"#)
                == .semantic(
                    kind: .missingMember, pointer: "/gradients",
                    detail: "the member gradients is missing"))
        #expect(
            fault(#"{"gradients":{"b":[1,2],"b":[1,2]}}"#)
                == .malformed(JSONFault(offset: 24, kind: .duplicateKey("b"))))
        #expect(
            fault(#"{"gradients":{},"gradients":{}}"#)
                == .malformed(JSONFault(offset: 16, kind: .duplicateKey("gradients"))))
        #expect(
            fault(#"{"gradients":{"b":[1,NaN]}}"#)
                == .malformed(JSONFault(offset: 21, kind: .notANumberLiteral)))
        #expect(
            fault(#"{"gradients":{"b":[1,2]}"#)
                == .malformed(JSONFault(offset: 24, kind: .unexpectedEnd)))
        #expect(readKnown(#"{"gradients":{}}"#, layout).tensors.isEmpty)
    }

    @Test func membersBesideTheTensorsAreBounded() {
        var limits = FormatLimits()
        limits.jsonValueBytes = 1000
        func result(_ count: Int) -> DocumentResult {
            let text = #"{"x":"\#(String(repeating: "y", count: count))","parameters":{}}"#
            return collect(Array(text.utf8), limits: limits)
        }
        #expect(result(800).fault == nil)
        guard case .semantic(.invalidValue, "/x", _)? = result(1001).fault else {
            Issue.record("accepted")
            return
        }
    }

    /// Three bytes of text become a value of many more; the bound is on those.
    @Test(arguments: [
        #"[[],[],[],[],[],[],[],[],[],[]]"#, #"[0,0,0,0,0,0,0,0,0,0]"#,
        #"{"a":0,"b":0,"c":0,"d":0,"e":0,"f":0}"#, #"0,"y":0,"z":0,"v":0,"w":0"#,
    ])
    func membersAreBoundedByTheirMemory(value: String) {
        func isAccepted(_ limit: Int) -> Bool {
            var limits = FormatLimits()
            limits.jsonValueBytes = limit
            let text = #"{"x":\#(value),"parameters":{}}"#
            return collect(Array(text.utf8), limits: limits).fault == nil
        }
        #expect(isAccepted(2000))
        #expect(!isAccepted(9 * value.utf8.count))
    }

    /// Long rows take the tight loop, whose borders lie everywhere when windows are small.
    @Test func theSameHoweverItIsCut() throws {
        var generator = SplitMix(seed: 9)
        let layout = try TensorFormatsTests.layout([("v", [60]), ("m", [4, 12])])
        func number() -> String {
            let value = Double.random(in: -1...1, using: &generator)
            return Bool.random(using: &generator) ? "\(value)" : "\(Int(value * 1e6))e-3 "
        }
        let vector = (0..<60).map { _ in number() }.joined(separator: ", ")
        let matrix = (0..<4).map { _ in
            "[" + (0..<12).map { _ in number() }.joined(separator: " ,\n\t") + " ]"
        }.joined(separator: ",")
        let bytes = Array(#"{"gradients":{"v":[\#(vector)],"m":[\#(matrix)]},"loss":1}"#.utf8)
        for working in [DType.F32, .F64] {
            let whole = readKnown(bytes, layout, working: working)
            #expect(whole.tensors.count == 2)
            for window in [1, 2, 3, 7, 64, 65, 66, 80, 100, 200] {
                #expect(readKnown(bytes, layout, working: working, window: window) == whole)
            }
            for split in 1..<bytes.count {
                #expect(readKnown(bytes, layout, working: working, window: split) == whole)
            }
        }
    }
}
