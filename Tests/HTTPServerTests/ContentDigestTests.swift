import Testing

@testable import HTTPServer

@Suite struct ContentDigestTests {
    /// FIPS 180-4's examples, which RFC 6234 §8.5 repeats, and the empty message.
    @Test(arguments: [
        ("", 1, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("abc", 1, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1,
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        ),
        (
            "a", 1_000_000,
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"
        ),
        (
            "0123456701234567012345670123456701234567012345670123456701234567", 10,
            "594847328451bdfa85056225462cc1d867d877fb388df0ce35f25ab5562bfbb5"
        ),
    ])
    func publishedVectors(message: String, repetitions: Int, expected: String) throws {
        let digest = try Self.digest { digest in
            for _ in 0..<repetitions { digest.addBytes(Array(message.utf8)) }
        }
        #expect(Self.hexadecimal(digest) == expected)
    }

    /// The sample passes over the 64-byte block in which SHA-256 works (RFC 6234 §4.1).
    @Test func piecesMakeTheSameDigestAsTheWhole() throws {
        let sample = (0..<200).map { UInt8(truncatingIfNeeded: $0 &* 37) }
        let whole = try Self.digest { $0.addBytes(sample) }
        for cut in 0...sample.count {
            let pieces = try Self.digest { digest in
                digest.addBytes(Array(sample[..<cut]))
                digest.addBytes(Array(sample[cut...]))
            }
            #expect(pieces == whole, "cut at \(cut)")
        }
        let bytewise = try Self.digest { digest in
            for byte in sample { digest.addBytes([byte]) }
        }
        #expect(bytewise == whole)
    }

    @Test func textsAreFieldsOfTheirOwn() throws {
        let fields = [["ab", "c"], ["a", "bc"], ["abc"], ["abc", ""], ["", "abc"], []]
        let digests = try fields.map { texts in
            try Self.digest { digest in
                for text in texts { digest.update(text) }
            }
        }
        #expect(Set(digests).count == fields.count)
    }

    @Test func textIsItsLengthAndItsUTF8() throws {
        for text in ["", "ab", "größe √2", String(repeating: "größe ", count: 100)] {
            let utf8 = Array(text.utf8)
            let length = (0..<8).map { UInt8(truncatingIfNeeded: utf8.count >> (8 * $0)) }
            let framed = try Self.digest { $0.update(text) }
            let bytes = try Self.digest { $0.addBytes(length + utf8) }
            #expect(framed == bytes, "\(text)")
        }
    }

    /// As a body receiver does it: hold the digest, add pieces, take it out to finish it.
    @Test func aClassCanHoldOne() throws {
        final class Receiver {
            var digest: ContentDigest?
        }
        let receiver = Receiver()
        receiver.digest = try ContentDigest()
        receiver.digest?.addBytes(Array("abc".utf8))
        let digest = try receiver.digest.take()?.finish()
        #expect(digest == (try Self.digest { $0.addBytes(Array("abc".utf8)) }))
    }

    /// Without an algorithm OpenSSL refuses to begin, as it does without memory.
    @Test func whatOpenSSLRefusesIsAnError() {
        let error = #expect(throws: ContentDigestError.self) {
            _ = try ContentDigest(algorithm: nil)
        }
        #expect(error?.code != 0)
        #expect(error?.description.contains("no digest set") == true)
        // The refusal is taken off the thread's queue.
        #expect(ContentDigestError().code == 0)
    }

    private static func digest(_ add: (inout ContentDigest) -> Void) throws -> [UInt8] {
        var digest = try ContentDigest()
        add(&digest)
        return try digest.finish()
    }

    private static func hexadecimal(_ bytes: [UInt8]) -> String {
        bytes.map { byte in
            let digits = String(byte, radix: 16)
            return byte < 16 ? "0" + digits : digits
        }.joined()
    }
}

extension ContentDigest {
    fileprivate mutating func addBytes(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { update($0) }
    }
}
