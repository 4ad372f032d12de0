import HTTP1
import HTTPServer
import OptimizerSessions
import SystemIO
import TensorFormats

/// `GET`, `PATCH` and `DELETE /v1/sessions/{name}`; creation is `CreationEndpoint`'s.
struct SessionEndpoint {
    let rooms: ServiceRooms

    func describe(_ exchange: Exchange, _ name: String) throws(Problem) -> Decision {
        _ = try QueryParameters(exchange.head, known: [])
        let description = try rooms.session(named: name).description()
        if try Preconditions.isCurrent(exchange.head, description.tag) {
            return .respond(Response.notModified(description.tag, varying: Vary.coding))
        }
        guard DescriptionAnswer.weight(description) > ServiceRooms.inlineJSONNumbers else {
            return .respond(rooms.response(description))
        }
        let rooms = self.rooms
        return .perform { responder in
            rooms.writers.submit {
                exchange.answer(responder) { () throws(Problem) in
                    let bound = DescriptionAnswer.byteBound(description)
                    return DescriptionAnswer.response(
                        description, memory: try rooms.bodies.reserve(orProblem: bound))
                }
            }
        }
    }

    func remove(_ exchange: Exchange, _ name: String) throws(Problem) -> Decision {
        _ = try QueryParameters(exchange.head, known: [])
        let tag = try rooms.tagToRemove(of: name)
        let ifMatch = try Preconditions.ofChange(exchange.head, current: tag)
        let store = rooms.store
        return .perform { responder in
            store.remove(name, ifMatch: ifMatch) { result in
                switch result {
                case .success: responder.send(Response(status: .noContent))
                case .failure(let error): responder.send(exchange.response(error, root: ""))
                }
            }
        }
    }

    /// Keeps the whole state now, so that a start needs no replay (`POST …/snapshots`).
    func snapshot(_ exchange: Exchange, _ name: String) throws(Problem) -> Decision {
        let head = exchange.head
        _ = try QueryParameters(head, known: [])
        let session = try rooms.session(named: name)
        guard head.isWithoutBody else {
            throw Problem(.malformedRequest, "A snapshot takes no body.")
        }
        guard session.durability == .log else {
            throw Problem(
                .invalidValue, at: "/durability",
                "The session lives in memory only, so there is no place for a snapshot.")
        }
        return .perform { responder in
            session.snapshot { result in
                switch result {
                case .success(let snapshot):
                    responder.send(SessionEndpoint.response(name, snapshot))
                case .failure(let error): responder.send(exchange.response(error, root: ""))
                }
            }
        }
    }

    private static func response(_ name: String, _ snapshot: SnapshotReference?) -> Response {
        var json = JSONWriter()
        json.beginObject()
        json.member("session", name)
        if let snapshot {
            json.member("step", snapshot.step)
            json.member("position", snapshot.position)
        }
        json.endObject()
        return Response.content(TensorFormat.json.mediaType, json.bytes)
    }

    func patch(_ exchange: Exchange, _ name: String) throws(Problem) -> Decision {
        let head = exchange.head
        let session = try rooms.session(named: name)
        _ = try QueryParameters(head, known: [])
        let ifMatch = try Preconditions.ofChange(head, current: session.tag)
        try requirePatchType(head)
        try rooms.checkLength(head, limitBytes: ServiceLimits.documentBytes)
        let rooms = self.rooms
        let body = try TextBody(
            exchange, limitBytes: ServiceLimits.documentBytes, pool: rooms.bodies
        ) { bytes, responder in
            do throws(Problem) {
                let patch = try SessionEndpoint.patch(bytes, rooms.formats)
                session.patch(patch, ifMatch: ifMatch) { result in
                    switch result {
                    case .success(let description):
                        responder.send(rooms.response(description))
                    case .failure(let error):
                        responder.send(exchange.response(error, root: ""))
                    }
                }
            } catch {
                responder.send(exchange.response(error))
            }
        }
        return .receive(body)
    }

    /// As `Accept-Patch` lists them (RFC 5789 §3.1): a merge-patch (RFC 7396) by its own name or
    /// as plain JSON.
    static let patchTypes = "application/merge-patch+json, application/json"

    private func requirePatchType(_ head: RequestHead) throws(Problem) {
        _ = try Negotiation.bodyCoding(head)
        let types = [
            MediaType("application", "merge-patch+json"), MediaType("application", "json"),
        ]
        guard let type = head.fields.combined("Content-Type").flatMap({ MediaType($0) }),
            types.contains(where: { $0.isSameKind(as: type) })
        else {
            throw Problem(
                .unsupportedMediaType,
                "A patch has 'Content-Type: application/merge-patch+json' or "
                    + "'application/json'; add that header (with curl: -H)."
            ).saying("Accept-Patch", Self.patchTypes)
        }
    }

    private static func patch(
        _ bytes: UnsafeRawBufferPointer, _ limits: FormatLimits
    ) throws(Problem) -> SessionPatch {
        let value: JSONValue
        do {
            value = try JSONValue.parse(bytes, limits: limits)
        } catch {
            throw Problem(DocumentFault.malformed(error))
        }
        guard case .object(let members) = value else {
            throw Problem(.invalidValue, at: "", "A patch is an object, not \(value.kind).")
        }
        return try Problem.mapping { () throws(SettingsFault) in
            try SettingsDocument.patch(from: members)
        }
    }
}
