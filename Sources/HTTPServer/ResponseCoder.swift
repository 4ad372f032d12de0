import HTTP1
import SystemIO

/// Compresses answers for a client that accepts it.
///
/// An answer that says `Vary: Accept-Encoding` may be coded, and no other is: text is, and tensors
/// in binary form are not, since random F32 numbers get 7 % shorter at 50 MB/s.
package struct ResponseCoder: Sendable {
    private let coding: ContentCoding
    /// The client does not take an answer as it is.
    private let isRequired: Bool
    /// The request's If-None-Match.
    private let heldTags: String
    private let pool: SlabPool
    private let offload: @Sendable (@escaping @Sendable () -> Void) -> Void

    /// What is shorter goes into one packet as it is.
    static let leastBytes = 1 << 10
    /// What is longer is not compressed on an event loop. Up to here it takes 10 to 40 µs, and
    /// handing it over and back 15 to 25.
    static let inlineBytes = 8 << 10

    /// - Parameters:
    ///   - pool: what compressed answers are charged to until they are sent.
    ///   - offload: runs work on a thread where it holds nobody up.
    /// - Returns: nil when the answer is to be sent as it is.
    package init?(
        _ head: RequestHead, _ choice: AcceptEncoding.Choice, pool: SlabPool,
        offload: @escaping @Sendable (@escaping @Sendable () -> Void) -> Void
    ) {
        guard case .coded(let coding, let isRequired) = choice else { return nil }
        self.coding = coding
        self.isRequired = isRequired
        heldTags = head.fields.combined("If-None-Match") ?? ""
        self.pool = pool
        self.offload = offload
    }

    /// The decision with its answer coded, whenever that comes.
    package func code(_ decision: Decision) -> Decision {
        switch decision {
        case .respond(let response):
            guard isLong(response) else { return .respond(coded(response)) }
            return .perform { send(response, to: $0) }
        case .perform(let work): return .perform { work(coding($0)) }
        case .receive(let body): return .receive(AnsweredBody(body, self))
        }
    }

    fileprivate func coding(_ responder: Responder) -> Responder {
        Responder(
            context: responder.context, isAlone: responder.isAlone,
            recipient: CodingRecipient(responder: responder, coder: self))
    }

    fileprivate func send(_ response: Response, to responder: Responder) {
        guard isLong(response) else { return responder.send(coded(response)) }
        offload { responder.send(coded(response)) }
    }

    private func isLong(_ response: Response) -> Bool {
        varies(response) && response.body.byteCount > Self.inlineBytes
    }

    private func varies(_ response: Response) -> Bool {
        response.fields.first("Vary")?.contains("Accept-Encoding") == true
    }

    func coded(_ response: Response) -> Response {
        guard varies(response) else { return response }
        if response.status == .notModified { return withHeldTag(response) }
        let least = isRequired ? 1 : Self.leastBytes
        guard response.body.byteCount >= least, !response.body.parts.isEmpty,
            let body = Deflater.compressed(
                response.body, coding, mustSucceed: isRequired, pool: pool)
        else { return response }
        var response = response
        response.body = body
        response.fields.add("Content-Encoding", coding.rawValue)
        if let tag = codedTag(response) { response.fields.set("ETag", tag) }
        return response
    }

    /// Two codings of a representation are two representations, and have two strong tags
    /// (RFC 9110 §8.8.3.3).
    private func codedTag(_ response: Response) -> String? {
        guard let tag = response.fields.first("ETag"), tag.last == "\"" else { return nil }
        return "\(tag.dropLast())+\(coding.rawValue)\""
    }

    /// 304 (Not Modified) names the representation that would have been sent (RFC 9110 §15.4.5).
    /// Its length, which decides on that, is not known then; but the client holds the coded one
    /// if that was what it got before.
    private func withHeldTag(_ response: Response) -> Response {
        guard let tag = codedTag(response), heldTags.contains(tag) else { return response }
        var response = response
        response.fields.set("ETag", tag)
        return response
    }
}

private struct CodingRecipient: ReplyRecipient {
    let responder: Responder
    let coder: ResponseCoder

    func take(_ reply: Reply) {
        // A responder that was dropped lets go of the one behind it, which says so itself.
        guard case .response(let response) = reply else { return }
        coder.send(response, to: responder)
    }

    func runLater(_ work: @escaping @Sendable () -> Void) { responder.continueLater(work) }
}

/// A body as it is, whose answer is coded.
private final class AnsweredBody: BodyReceiver {
    private let receiver: any BodyReceiver
    private let coder: ResponseCoder

    init(_ receiver: any BodyReceiver, _ coder: ResponseCoder) {
        self.receiver = receiver
        self.coder = coder
    }

    func nextBuffer() -> UnsafeMutableRawBufferPointer { receiver.nextBuffer() }
    func received(_ count: Int) -> Response? { receiver.received(count).map(coder.coded) }
    func overflowed() -> Response { coder.coded(receiver.overflowed()) }
    var hasBacklog: Bool { receiver.hasBacklog }
    func workOff() -> Response? { receiver.workOff().map(coder.coded) }
    func complete(_ responder: Responder) { receiver.complete(coder.coding(responder)) }
    func cancelled() { receiver.cancelled() }
}
