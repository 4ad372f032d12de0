import SeededChance
import Testing

@testable import TensorFormats

/// What a header's text comes to, comparable.
private struct Reading: Equatable {
    var entries: [SafetensorsEntry] = []
    var metadata: [[String]] = []
    var fault: SafetensorsFault?
}

/// Headers whose tensors were read before.
@Suite struct SafetensorsRecallTests {
    private let tensors = """
        "a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},\
        "é\\u0062":{"dtype":"F64","shape":[],"data_offsets":[8,16]}}
        """
    private let limit = 4096

    private func parse(
        _ text: [UInt8], _ last: SafetensorsTensors? = nil, limit: Int? = 4096
    ) throws -> SafetensorsHeader {
        try text.withUnsafeBytes { bytes in
            try SafetensorsHeader.parse(
                bytes, recall: limit.map { SafetensorsRecall(last: last, textByteLimit: $0) })
        }
    }

    private func parse(
        _ text: String, _ last: SafetensorsTensors? = nil, limit: Int? = 4096
    ) throws -> SafetensorsHeader {
        try parse(Array(text.utf8), last, limit: limit)
    }

    private func reading(_ text: [UInt8], _ last: SafetensorsTensors?) -> Reading {
        do {
            let header = try parse(text, last, limit: last == nil ? nil : limit)
            return Reading(
                entries: header.tensors, metadata: header.metadata.map { [$0.name, $0.value] })
        } catch let fault as SafetensorsFault {
            return Reading(fault: fault)
        } catch {
            Issue.record("\(error)")
            return Reading()
        }
    }

    @Test func theSameTextIsKnownAgain() throws {
        for opening in ["{", #"{"__metadata__":{},"#, #"{"__metadata__":{"a":"1"},"#] {
            let first = try parse(opening + tensors)
            let again = try parse(opening + tensors, first.list)
            #expect(again.list === first.list)
            #expect(again.metadata.map(\.value) == first.metadata.map(\.value))
            #expect(try parse(opening + tensors).list !== first.list)
        }
    }

    @Test func otherMetadataAreReadEachTime() throws {
        let first = try parse(#"{"__metadata__":{"options":"{}"},"# + tensors)
        for value in [#"{\"loss\":0.5}"#, #"}\\"#, #"\"}"#, #"é\u00e9\ud83d\ude00"#, ""] {
            let text = #"{"__metadata__":{"options":"\#(value)","b":"}{"},"# + tensors
            let header = try parse(text, first.list)
            #expect(header.list === first.list, "\(value)")
            let plain = try parse(text, limit: nil)
            #expect(header.metadata.map(\.name) == ["options", "b"])
            #expect(header.metadata.map(\.value) == plain.metadata.map(\.value))
        }
    }

    @Test func whatMayMeanSomethingElseIsReadAnew() throws {
        let first = try parse(#"{"__metadata__":{"a":"1"},"# + tensors)
        // Without metadata the text begins otherwise, so it is another one.
        #expect(try parse("{" + tensors, first.list).list !== first.list)
        // Metadata that do not come first, or are spelled otherwise, belong to the text.
        let behind = "{" + tensors.dropLast() + #","__metadata__":{"a":"1"}}"#
        #expect(try parse(behind).list.textByteCount == 0)
        let spaced = #"{ "__metadata__": {"a": "1"}, "# + tensors
        #expect(try parse(spaced).list.textByteCount == 0)
        let escaped = #"{"\u005f_metadata__":{"a":"1"},"# + tensors
        #expect(try parse(escaped).list.textByteCount == 0)
        // Longer ones than asked for are not kept.
        let length = tensors.utf8.count + 1
        #expect(try parse("{" + tensors, limit: length - 1).list.textByteCount == 0)
        #expect(try parse("{" + tensors, limit: length).list.textByteCount == length)
        #expect(try parse("{" + tensors, limit: nil).list.textByteCount == 0)
    }

    /// Every header that differs in a byte, ends early or goes on means what it means to a reader
    /// that has seen nothing before, faults included.
    @Test func nothingIsKnownThatWasNotSaid() throws {
        let text = Array((#"{"__metadata__":{"a\\":"é}\"","b":""},"# + tensors).utf8)
        let last = try parse(text).list
        #expect(last.textByteCount > 0)
        for position in text.indices {
            for byte in Array(#"{}":,\[] 0aé"#.utf8) + [0x00, 0xFF] {
                var other = text
                other[position] = byte
                #expect(reading(other, last) == reading(other, nil))
                other.insert(text[position], at: position)
                #expect(reading(other, last) == reading(other, nil))
            }
            let short = Array(text[..<position])
            #expect(reading(short, last) == reading(short, nil))
        }
    }
}
