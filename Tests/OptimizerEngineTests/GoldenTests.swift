import Foundation
import OptimizerEngine
import SeededChance
import Testing

/// The states that PyTorch's optimizers end in; see Golden/README.md.
struct GoldenTests {
    /// One case: header words, then the bits of each vector by name.
    private struct Case {
        let words: [String: String]
        var vectors: [String: [UInt64]] = [:]

        func integer(_ name: String) throws -> Int { try #require(Int(words[name] ?? "")) }

        /// Those that the case names, and the type's defaults.
        func hyperparameters() throws -> Hyperparameters {
            let type = try #require(OptimizerType(rawValue: words["type"] ?? ""))
            var hyper = type.defaults
            for option in type.options {
                guard let word = words[option.rawValue] else { continue }
                let numbers = word.split(separator: ",").compactMap { Double($0) }
                switch option.kind {
                case .number: hyper[option] = .number(numbers[0])
                case .pair: hyper[option] = .pair(numbers[0], numbers[1])
                case .triple:
                    hyper[option] = .triple(numbers[0], numbers[1], numbers[2])
                case .flag: hyper[option] = .flag(word == "1")
                case .adjustment:
                    let rule = LearningRateAdjustment(rawValue: word)
                    hyper[option] = .adjustment(try #require(rule))
                case .schedule: Issue.record("no case has a schedule")
                }
            }
            return hyper
        }
    }

    private func cases(of file: String) throws -> [Case] {
        let url = try #require(
            Bundle.module.url(forResource: file, withExtension: "txt", subdirectory: "Golden"))
        let text = try String(contentsOf: url, encoding: .utf8)
        var cases: [Case] = []
        for line in text.split(separator: "\n").dropFirst() {
            let words = line.split(separator: " ")
            if words[0] == "case" {
                let pairs = words.dropFirst().map { $0.split(separator: "=").map(String.init) }
                cases.append(
                    Case(words: Dictionary(uniqueKeysWithValues: pairs.map { ($0[0], $0[1]) })))
            } else {
                cases[cases.count - 1].vectors[String(words[0])] = try words.dropFirst().map {
                    try #require(UInt64($0, radix: 16))
                }
            }
        }
        return cases
    }

    private func check<Real: Working>(_ golden: Case, as real: Real.Type) throws {
        let count = try golden.integer("count")
        let hyper = try golden.hyperparameters()
        for kernels in Kernels.available {
            var random = SplitMix(UInt64(try golden.integer("seed")))
            let start = random.values(count).map { Real($0) }
            let shape = golden.words["rows"].flatMap { Int($0) }.map { [$0, count / $0] } ?? [count]
            let optimizer = try flat(
                hyper.type, hyper, start, shapes: [shape], kernels: kernels)
            var reference = ReferenceOptimizer(hyper, parameters: start, shape: shape)
            for _ in 0..<(try golden.integer("steps")) {
                let gradients = random.values(count).map { Real($0) }
                reference.step(gradients)
                #expect(try optimizer.step(gradients) == .apply)
            }
            #expect(optimizer.matches(reference), "\(golden.words)")
            var expected = golden.vectors
            #expect(
                optimizer.values(.parameters, as: Real.self).map(\.bits)
                    == expected.removeValue(forKey: "param"), "\(golden.words)")
            let product = expected.removeValue(forKey: "mu_product")
            #expect((product != nil) == (hyper.type == .nadam))
            if let product {
                #expect(product == [optimizer.progress[0].muProduct.bitPattern])
            }
            for vector in StateVector.moments where hyper.keeps(vector) {
                let own = optimizer.values(vector, as: Real.self).map(\.bits)
                let bits = expected.removeValue(forKey: vector.rawValue)
                #expect(own == bits, "\(vector.rawValue) of \(golden.words)")
            }
            #expect(expected.isEmpty, "\(golden.words)")
        }
    }

    @Test(arguments: [("adam", 72), ("optimizers", 110), ("muon", 28)])
    func everyCaseBitForBit(_ file: String, count: Int) throws {
        let cases = try cases(of: file)
        #expect(cases.count == count)
        for golden in cases {
            switch golden.words["precision"] {
            case "f32": try check(golden, as: Float.self)
            case "f64": try check(golden, as: Double.self)
            default: Issue.record("unknown precision in \(golden.words)")
            }
        }
    }
}
