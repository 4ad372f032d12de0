import Testing

@testable import TensorFormats

@Suite struct CollectingSinkTests {
    @Test func shapesFollowFromNesting() {
        let text = """
            {"parameters": {"s": 2.5, "v": [1, 2], "e": [], "ee": [[], []], "m": [[1], [2], [3]],
             "d": [[[[1, 2], [3, 4]]]]}}
            """
        let tensors = collect(text).tensors
        #expect(tensors.map(\.shape) == [[], [2], [0], [2, 0], [3, 1], [1, 1, 2, 2]])
        #expect(tensors.map(\.dtype) == Array(repeating: .F32, count: 6))
        #expect(tensors.map(\.floats) == [[2.5], [1, 2], [], [], [1, 2, 3], [1, 2, 3, 4]])
    }

    @Test func theObjectFormHasItsMembersInAnyOrder() {
        let members = [#""dtype":"F64""#, #""shape":[2,2]"#, #""data":[0.1,1e-300,1e300,-4]"#]
        for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
            let form = order.map { members[$0] }.joined(separator: ",")
            let text = "{\"parameters\":{\"first\":[1],\"w\":{\(form)},\"last\":[2]}}"
            for window in [1, 5, 1000] {
                let tensors = collect(text, window: window).tensors
                #expect(tensors.map(\.dtype) == [.F32, .F64, .F32])
                #expect(tensors.map(\.shape) == [[1], [2, 2], [1]])
                #expect(tensors[1].doubles == [0.1, 1e-300, 1e300, -4])
                #expect(tensors[0].floats == [1])
                #expect(tensors[2].floats == [2])
            }
        }
    }

    /// 1 + 2^-24 + 2^-60 is above the middle of two Floats, but its Double is the middle, from
    /// which a second rounding goes to the even neighbour below.
    @Test(arguments: ["F32", "F16", "BF16"])
    func dataBeforeItsTypeIsRoundedOnce(dtype: String) {
        let decimal = "1.000000059604644775390625867"
        #expect(Float(Double(decimal) ?? 0) == 1)
        #expect(Float(decimal) == Float(1).nextUp)
        let data = Array(repeating: decimal, count: 20).joined(separator: ",")
        let text = #"{"parameters":{"w":{"data":[\#(data)],"shape":[20],"dtype":"\#(dtype)"}}}"#
        for window in [1, 1000] {
            let tensors = collect(text, window: window).tensors
            #expect(tensors.first?.floats == Array(repeating: Float(1).nextUp, count: 20))
        }
    }

    @Test(arguments: [
        ("[[1,2],[3]]", "the array at [1] has 1 elements instead of 2"),
        ("[[1,2],[3,4,5]]", "the array at [1] has more than 2 elements"),
        ("[1,[2]]", "an array stands where a number should be, at [1]"),
        ("[[1],2]", "a number stands where an array should be, at [1]"),
        ("[[],[1]]", "the array at [1] has more than 0 elements"),
        ("[[1],[]]", "the array at [1] has 0 elements instead of 1"),
        ("[[[1]],[]]", "the array at [1] has 0 elements instead of 1"),
        ("[[],[[1]]]", "an array stands where a number should be, at [1, 0]"),
        ("[[[1],[2]],[[3]]]", "the array at [1] has 1 elements instead of 2"),
        (String(repeating: "[", count: 33), "arrays are nested deeper than the largest rank, 32"),
    ])
    func raggedArraysAreRefused(value: String, detail: String) {
        for window in [1, 1000] {
            let result = collect("{\"parameters\":{\"w\":\(value)}}", window: window)
            #expect(
                result.fault
                    == .semantic(
                        kind: .shapeMismatch(expected: nil, actual: nil), pointer: "/parameters/w",
                        detail: "all arrays of a tensor must have the same shape, but \(detail)"))
        }
    }

    @Test(arguments: [
        (#""shape":[3],"data":[1,2]"#, "2 numbers, but the shape [3] asks for 3"),
        (#""data":[1,2],"shape":[]"#, "2 numbers, but the shape [] asks for 1"),
        (#""data":[1],"shape":[0]"#, "1 numbers, but the shape [0] asks for 0"),
        (
            #""data":[1],"shape":[4294967296,4294967296]"#,
            "1 numbers, but the shape [4294967296, 4294967296] asks for more than can be counted"
        ),
    ])
    func dataMustHaveAsManyNumbersAsTheShape(form: String, detail: String) {
        guard
            case .semantic(.shapeMismatch, "/parameters/w/data", let found)? =
                collect("{\"parameters\":{\"w\":{\"dtype\":\"F32\",\(form)}}}").fault
        else {
            Issue.record("accepted: \(form)")
            return
        }
        #expect(found == "data has \(detail)")
    }

    @Test func absurdShapesWithoutElementsAreRefused() {
        let form = #"{"dtype":"F32","shape":[4611686018427387904,4,0],"data":[]}"#
        guard
            case .semantic(.shapeMismatch(nil, [4_611_686_018_427_387_904, 4, 0]), _, let detail)? =
                collect("{\"parameters\":{\"w\":\(form)}}").fault
        else {
            Issue.record("accepted")
            return
        }
        #expect(detail.contains("does not fit"))
    }

    @Test func aBudgetRefuses() {
        let numbers = Array(repeating: "1", count: 2000).joined(separator: ",")
        let text = Array("{\"parameters\":{\"w\":[\(numbers)]}}".utf8)
        // Doubling 4096 bytes is refused, but exactly what is needed is granted.
        #expect(collect(text, budget: 8000).tensors.first?.floats.count == 2000)
        guard
            case .semantic(.overBudget, "/parameters/w", _)? = collect(text, budget: 7999).fault
        else {
            Issue.record("accepted")
            return
        }
        guard case .semantic(.overBudget, _, _)? = collect(text, budget: 0).fault else {
            Issue.record("accepted")
            return
        }
    }

    @Test func tensorsAreCountedAndNamed() {
        var limits = FormatLimits()
        limits.tensorCount = 2
        limits.nameBytes = 3
        func fault(_ text: String) -> DocumentFault? {
            collect(Array("{\"parameters\":\(text)}".utf8), limits: limits).fault
        }
        #expect(fault(#"{"a":1,"b":2}"#) == nil)
        guard case .semantic(.invalidValue, "/parameters", _)? = fault(#"{"a":1,"b":2,"c":3}"#)
        else {
            Issue.record("three tensors accepted")
            return
        }
        for name in ["abcd", "a\\u0000", "\u{85}"] {
            guard case .semantic(.invalidName, _, _)? = fault("{\"\(name)\":1}") else {
                Issue.record("accepted: \(name)")
                return
            }
        }
    }

    @Test func numbersBeyondTheRangeAreInfinite() {
        let tensors = collect(#"{"parameters":{"w":[1e39,-1e400,1e-50]}}"#).tensors
        #expect(tensors.first?.floats == [.infinity, -.infinity, 0])
    }

    @Test func theSameHoweverItIsCut() {
        let text = """
            {"optimizer":{"lr":1e-3,"betas":[0.9,0.999]},"parameters":{"w":[[0.1,-2],[3e-5,4]],
            "\\u0062":{"data":[1,2.5,-3e2,0.30000001192092896],"dtype":"F64","shape":[4]},
            "e":[[],[]],"s":7},"nonfinite":"skip"}
            """
        let bytes = Array(text.utf8)
        let whole = collect(bytes)
        #expect(whole.tensors.count == 4)
        for window in 1..<bytes.count { #expect(collect(bytes, window: window) == whole) }
    }
}
