import Foundation
import Testing

@testable import TensorFormats

/// Every file in `Attacks` is refused, with the fault that `expected.txt` states, however it is
/// cut into windows.
@Suite struct AttackCorpusTests {
    private static let root = Bundle.module.bundleURL.appending(path: "Attacks")

    private static let expected: [String: String] = {
        let list = root.appending(path: "expected.txt")
        // Without the list every file lacks its line, which `theListIsComplete` reports.
        guard let text = try? String(contentsOf: list, encoding: .utf8) else { return [:] }
        let lines = text.split(separator: "\n").map { $0.split(separator: ": ", maxSplits: 1) }
        return Dictionary(uniqueKeysWithValues: lines.map { (String($0[0]), String($0[1])) })
    }()

    private static func files(in folder: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(
            atPath: root.appending(path: folder).path
        ).map { folder + "/" + $0 }
    }

    @Test func theListIsComplete() throws {
        let files = try ["json", "documents", "safetensors"].flatMap { try Self.files(in: $0) }
        #expect(Set(files) == Set(Self.expected.keys))
        #expect(files.count > 100)
    }

    @Test func json() throws {
        try check("json") { bytes, window in
            fault(bytes, window: window).map { "byte \($0.offset): \($0.reason)" }
        }
    }

    @Test func documents() throws {
        try check("documents") { bytes, window in
            switch collect(bytes, window: window ?? .max).fault {
            case .malformed(let fault): "byte \(fault.offset): \(fault.reason)"
            case .semantic(_, let pointer, let detail): "\"\(pointer)\": \(detail)"
            case nil: nil
            }
        }
    }

    @Test func safetensors() throws {
        try check("safetensors") { bytes, window in
            let length = window == nil ? UInt64(bytes.count) : nil
            return readSafetensors(bytes, window: window ?? .max, contentLength: length)
                .fault?.detail
        }
    }

    /// Faults that depend on the end of a file are told differently when its length is unknown.
    private func check(
        _ folder: String, _ refusal: ([UInt8], _ window: Int?) -> String?
    ) throws {
        for file in try Self.files(in: folder) {
            let bytes = Array(try Data(contentsOf: Self.root.appending(path: file)))
            let expected = Self.expected[file]
            #expect(refusal(bytes, nil) == expected, "\(file)")
            for window in [1, 2, 3, 7] {
                let found = refusal(bytes, window)
                if expected?.contains("follow its length") == true {
                    #expect(found?.contains("the file should have") == true, "\(file)")
                } else {
                    #expect(found == expected, "\(file) in windows of \(window)")
                }
            }
        }
    }
}
