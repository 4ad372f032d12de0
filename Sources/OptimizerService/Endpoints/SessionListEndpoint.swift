import HTTP1
import HTTPServer
import OptimizerSessions
import TensorFormats

/// `GET /v1/sessions`: names in byte order, a page at a time.
struct SessionListEndpoint {
    let rooms: ServiceRooms

    static let pageSizes = 1...1000

    func list(_ exchange: Exchange, _ principal: Principal) throws(Problem) -> Decision {
        let query = try QueryParameters(
            exchange.head, known: ["page_size", "page_token", "prefix"])
        let pageSize = try query.integer("page_size", in: Self.pageSizes) ?? 100
        let page = rooms.store.list(
            prefixes: principal.names.narrowed(to: query["prefix"] ?? ""),
            pageToken: query["page_token"], pageSize: pageSize)
        var json = JSONWriter()
        json.beginObject()
        json.name("sessions")
        json.beginArray()
        for (name, description) in page.entries {
            json.beginObject()
            json.member("name", name)
            guard let description else {
                json.member("quarantined", true)
                json.endObject()
                continue
            }
            json.member("generation", description.generation)
            json.member("step", description.step)
            json.member("type", description.hyperparameters.type.rawValue)
            json.member("dtype", description.dtype.rawValue)
            json.member("parameters", description.parameterCount)
            json.endObject()
        }
        json.endArray()
        json.name("next_page_token")
        if let token = page.nextPageToken { json.string(token) } else { json.null() }
        json.endObject()
        return .respond(Response.content(TensorFormat.json.mediaType, json.bytes))
    }
}
